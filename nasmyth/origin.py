"""Where classes come from that are not Nasmyth's: the files that must be imported before what is made of them can be read.

A study and a saved network hold the names of classes, never their code. Beside them stands what this file notes of each
class of yours: the module and the name of its file, and the SHA-256 of what was in it. That is enough to say what to
import, and to notice that it has changed since. It is not enough to find the file, and is never acted upon by itself: a
study that somebody sends you can name whatever it likes, and must not decide what is run here. See
`nasmyth.cli.imports` for what the console imports by itself, and why that is safe.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from nasmyth.errors import UnknownNameError
from nasmyth.record import Value, class_of, classes_in

MadeOf = list[dict[str, str]]
"""A dict for each class: name, module, file, sha256."""


def made_of(*values: Any) -> MadeOf:
    """What to note of the classes of these values, and of all that is in them, but for Nasmyth's own."""
    theirs = [cls for cls in classes_in(*values) if cls.__module__.partition(".")[0] != "nasmyth"]
    return [_noted(cls) for cls in sorted(theirs, key=lambda cls: (cls.__module__, cls.__name__))]


def _noted(cls: type[Value]) -> dict[str, str]:
    path = file_of(cls.__module__)
    name = os.path.basename(path) if path else ""
    return {"name": cls.__name__, "module": cls.__module__, "file": name, "sha256": digest(path) if path else ""}


def file_of(module: str) -> str | None:
    """The file that a loaded module was read from."""
    path = getattr(sys.modules.get(module), "__file__", None)
    return path if path and os.path.isfile(path) else None


def digest(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits; "" where it cannot be read."""
    try:
        status = os.stat(path)
        return _digest(os.fspath(path), status.st_mtime_ns, status.st_size)
    except OSError:
        return ""


@functools.lru_cache(maxsize=256)
def _digest(path: str, changed: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing(noted: Any) -> MadeOf:
    """Those classes that nobody has imported here. What is damaged, or has no file to be named, is left out."""
    return [one for one in _whole(noted) if class_of(one["name"]) is None]


def refuse_missing(noted: Any) -> None:
    """Raise UnknownNameError, which says what to import, if some of these classes have not been imported."""
    lacking = missing(noted)
    if not lacking:
        return
    names = ", ".join(dict.fromkeys(one["name"] for one in lacking))
    if not all(one["file"] for one in lacking):
        raise UnknownNameError(
            f"{names} was defined in a notebook or an interactive session: run that definition first, or keep it in a file"
        )
    homes = dict.fromkeys((home(one), one["sha256"][:8]) for one in lacking)
    first = next(iter(homes))[0]
    raise UnknownNameError(
        f"{names} is defined in {' and '.join(f'{where} (SHA-256 {sha}...)' for where, sha in homes)}, which is not "
        f"imported: "
        f"import it first; on the console add --import {first}"
    )


def home(one: Mapping[str, str]) -> str:
    """What to import for a class: "mine.py", or "package.module"."""
    return one["module"] if "." in one["module"] else one["file"]


def changed(noted: Any) -> list[str]:
    """A sentence for each file that is not what it was, though its classes have been imported."""
    found = []
    for one in _whole(noted):
        cls = class_of(one["name"])
        path = file_of(cls.__module__) if cls is not None else None
        now = digest(path) if path else ""
        if now and one["sha256"] and now != one["sha256"]:
            found.append(f"{home(one)} has changed since (SHA-256 {one['sha256'][:8]}... then, {now[:8]}... now)")
    return list(dict.fromkeys(found))


def _whole(noted: Any) -> Iterable[dict[str, str]]:
    keys = ("name", "module", "file", "sha256")
    for one in noted if isinstance(noted, list) else []:
        if isinstance(one, dict) and all(isinstance(one.get(key), str) for key in keys):
            yield one
