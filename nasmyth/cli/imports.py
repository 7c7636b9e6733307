"""Files of yours that a verb imports: those of `--import`, and those that it may import by itself.

To import a file is to run it. A study or a saved network only says what its classes were called and the SHA-256 of the
files that defined them (`nasmyth.origin`); it is data, perhaps a stranger's, and does not decide what runs here. You
do: by naming a file on the line (`search mine.py:space`, `--import mine.py`). The console remembers that, on this
machine and for you
alone: where the file was and what was in it. Later verbs import a file by themselves only if it is remembered, still lies
where it lay, and still holds what it held. So whoever writes a study can at most have a file imported that you imported
before, unchanged; a file that came along with the study is not imported, and one that has changed is not either, until you
name it. What is remembered is a text file, `nasmyth/imported` in $XDG_STATE_HOME (~/.local/state), one line for each file;
delete lines, or all of it, at will.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from nasmyth.cli.loading import load
from nasmyth.errors import UnknownNameError

_REMEMBERED = 1000
"""Lines that are kept: the last ones."""


def import_files(wanted: list[str] | None) -> None:
    """Import what `--import` names: files by their path, modules by their name; and remember that it was asked for."""
    for where in wanted or ():
        module = load(where)
        _remember([(module.__name__, where)])


def remember(space: Any) -> None:
    """Remember the files that define the classes of a space, which the line has named."""
    from nasmyth import origin  # late: with it comes what reads values, and no help needs that

    noted = origin.made_of(getattr(space, "template", None), getattr(space, "recipe", None))
    _remember([(one["module"], "") for one in noted])


def import_noted(noted: Any) -> None:
    """Import what a study or network is made of as far as it is remembered, and say what has changed of what is there.

    Raises UnknownNameError, which says what to add to the line, for the rest.
    """
    from nasmyth import origin  # late: with it comes what reads values, and no help needs that

    known = _known()
    moved = []
    for one in origin.missing(noted):
        for where in known.get(one["sha256"], ()):
            if origin.digest(_file(where)) == one["sha256"]:
                load(where)
                break
            moved.append(f"{where} is not what it was then")
    try:
        origin.refuse_missing(noted)
    except UnknownNameError as error:
        raise UnknownNameError("; ".join([str(error), *dict.fromkeys(moved)])) from None
    for sentence in origin.changed(noted):
        print(f"note: {sentence}", file=sys.stderr)


def _file(where: str) -> str:
    """The file of what is remembered: a path, or a module that was imported by its name before."""
    if where.endswith(".py"):
        return where
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(where)
        return (spec.origin if spec is not None else None) or ""
    return ""


def _list() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(state) / "nasmyth" / "imported"


def _known() -> dict[str, list[str]]:
    """{SHA-256: paths and modules}."""
    found: dict[str, list[str]] = {}
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in _list().read_text(encoding="utf-8").splitlines():
            digest, _, where = line.partition("  ")
            if where:
                found.setdefault(digest, []).append(where)
    return found


def _remember(modules: list[tuple[str, str]]) -> None:
    """Add lines for modules, each with the name or path that was asked for, if any. Where nothing can be kept, nothing
    is."""
    from nasmyth import origin

    lines = []
    for module, asked in modules:
        path = origin.file_of(module)
        where = asked if asked and not asked.endswith(".py") else module if "." in module else path
        if path and where:
            lines.append(f"{origin.digest(path)}  {os.path.realpath(where) if where == path else where}")
    kept = _list()
    with contextlib.suppress(OSError, UnicodeError):
        before = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
        new = [line for line in dict.fromkeys(lines) if line not in before]
        if not new:
            return
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = kept.with_name(f"{kept.name}.{os.getpid()}")
        beside.write_text("\n".join([*before, *new][-_REMEMBERED:]) + "\n", encoding="utf-8")
        beside.replace(kept)
