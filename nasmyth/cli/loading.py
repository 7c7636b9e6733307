"""Files and modules of yours, imported by path or name: "mine.py", "package.module", and "mine.py:space" for an object."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from nasmyth.errors import SpaceError, UnknownNameError, nearest


def lookup(text: str) -> Any:
    """The object that "mine.py:space" or "package.module:space" names."""
    where, _, name = text.rpartition(":") if ":" in text else (text, ":", "")
    module = load(where)
    if not name:
        raise SpaceError(f"{text}: say which object of the file, such as {text}:space{_suggest(module, '')}")
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise UnknownNameError(f"{where} has no {part!r}{_suggest(found, part)}")
        found = getattr(found, part)
    return found


def _suggest(holder: Any, name: str) -> str:
    public = [key for key in vars(holder) if not key.startswith("_")] if hasattr(holder, "__dict__") else []
    own = [key for key in public if type(getattr(holder, key)).__name__ == "Space"]
    return (nearest(name, public) if name else "") or (
        f"; it has the space{'s' * (len(own) > 1)} {', '.join(own)}" if own else ""
    )


def load(where: str) -> ModuleType:
    """Import a file by its path (its folder can be imported from, as when Python runs it), or a module by its name."""
    if not where.endswith(".py"):
        if not all(part.isidentifier() for part in where.split(".")):
            raise SpaceError(f"{where!r} is no name of a module; write FILE.py:NAME, or package.module:NAME")
        try:
            return importlib.import_module(where)
        except ModuleNotFoundError as error:
            hint = f"; write {where}.py for the file" if Path(f"{where}.py").exists() else ""
            raise SpaceError(f"no module {where!r}{hint}") from error
    path = Path(where).resolve()
    if not path.is_file():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise SpaceError(f"{where}: no such file{nearest(path.name, [n for n in beside if n.endswith('.py')])}")
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"_{path.stem}_file"
    known = sys.modules.get(path.stem)
    if known is not None and os.path.realpath(getattr(known, "__file__", None) or "") == str(path):
        return known
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise SpaceError(f"{where} cannot be imported: {type(error).__name__}: {error}{_line(error, path)}") from error
    return module


def _line(error: BaseException, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" (line {lines[-1]})" if lines else ""
