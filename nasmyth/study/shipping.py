"""What is sent to another process: a pickle, with the source of the files of yours that it refers to.

A pickle names classes and functions by their modules. Where those are installed, the name is enough. A file of yours
(`mine.py`, and what it imports) may not be found where the pickle is opened: on another machine it is on no disk, and a
file that was loaded by its path is on nobody's. So its source travels with the pickle, and is imported from memory there.

    blob = packed(evaluate)         # here
    pickle.loads(blob)              # there: imports what it needs, and is `evaluate`

The main script goes along under the name that `multiprocessing` gives it, `__mp_main__`, so that what stands under
`if __name__ == "__main__":` does not run again.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.util
import pickle
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from nasmyth.errors import StudyError

_MAIN, _SENT_MAIN = "__main__", "__mp_main__"


class Source(NamedTuple):
    """The text of a module, where it was read, and whether it is a package."""

    text: str
    path: str
    package: bool = False


Sources = dict[str, Source]


def packed(thing: Any) -> bytes:
    """`thing` as bytes that `pickle.loads` opens, in any process with this Nasmyth. Raises StudyError with the cure.

    By pickle, or where that cannot (a lambda) by cloudpickle, if it is there.
    """
    try:
        blob, skip = pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL), ""
    except Exception as error:
        blob, skip = _by_value(thing, error), _MAIN  # what is defined in the main script is in the pickle itself
    sources = _with_imports([name for name in _loaded() if name != skip and name.encode() in blob])
    return pickle.dumps(_Parcel(sources, blob), protocol=pickle.HIGHEST_PROTOCOL) if sources else blob


class Once:
    """Packs a function, and keeps what it packed last: (bytes, digest)."""

    def __init__(self) -> None:
        self._last: tuple[Any, bytes, bytes] | None = None

    def __call__(self, thing: Any) -> tuple[bytes, bytes]:
        if self._last is None or self._last[0] is not thing:
            blob = packed(thing)
            self._last = (thing, blob, hashlib.sha256(blob).digest())
        return self._last[1:]


def _by_value(thing: Any, why: Exception) -> bytes:
    for home in ("cloudpickle", "ray.cloudpickle"):
        with contextlib.suppress(Exception):
            return bytes(importlib.import_module(home).dumps(thing))
    raise StudyError(
        f"cannot be sent to another process: {why}; give a function defined at the top of a file, whose data "
        "can be pickled, or use on='here'"
    ) from None


# --- what travels -----------------------------------------------------------------------------------------------------


def _loaded() -> list[str]:
    """The names of all modules of yours that have been imported."""
    files = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
    return [name for name, file in files if file and _yours(name, file)]


def _with_imports(names: Iterable[str]) -> Sources:
    """These modules, the packages that they are in, and what of yours they import."""
    found: Sources = {}
    rest = list(names)
    while rest:
        name = rest.pop()
        sent_as = _SENT_MAIN if name == _MAIN else name
        source = _source(name)
        if source is None or sent_as in found:
            continue
        found[sent_as] = source
        package = name if source.package else name.rpartition(".")[0]
        rest += _imported(source.text, package)
        while "." in name:
            name = name.rpartition(".")[0]
            found.setdefault(name, _source(name) or Source("", "", package=True))  # perhaps without an __init__.py
    return found


def _source(name: str) -> Source | None:
    """The source of a module of yours, loaded or lying in the path; None for what is installed, and for Nasmyth itself."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None and name and "." not in name:
        spec = PathFinder.find_spec(name)
        file = spec.origin if spec is not None else None
    return _read(file) if file and _yours(name, file) else None


@functools.lru_cache(maxsize=4096)
def _yours(name: str, file: str) -> bool:
    path = Path(file)
    if path.suffix != ".py" or name.partition(".")[0] == "nasmyth" or _nasmyth() in path.parents:
        return False
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    library = {Path(sysconfig.get_paths()[which]) for which in ("stdlib", "platstdlib")}
    return not library & set(path.parents)


def _nasmyth() -> Path:
    return Path(__file__).parent.parent


def _read(file: str) -> Source | None:
    path = Path(file)
    try:
        return Source(importlib.util.decode_source(path.read_bytes()), file, path.name == "__init__.py")
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


@functools.lru_cache(maxsize=256)
def _imported(text: str, package: str) -> tuple[str, ...]:
    """The names of all modules that a source may import, at its top or within its functions."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level + (node.module or "")
            with contextlib.suppress(ImportError):
                base = importlib.util.resolve_name(dots, package) if node.level else dots
                found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(dict.fromkeys(found))


class _Parcel:
    """Pickles as a call of `opened`."""

    def __init__(self, sources: Sources, blob: bytes) -> None:
        self._parts = ({name: tuple(source) for name, source in sources.items()}, blob)

    def __reduce__(self) -> tuple[Any, ...]:
        return opened, self._parts


# --- where it arrives -------------------------------------------------------------------------------------------------


class _Arrived(MetaPathFinder, InspectLoader):
    """Imports what was sent, before what lies on this machine's disk under the same name."""

    def __init__(self) -> None:
        self.sources: Sources = {}
        self.importing = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        source = self.sources.get(name)
        if source is None:
            return None
        spec = importlib.util.spec_from_loader(name, self, origin=source.path, is_package=source.package)
        if spec is not None:
            spec.has_location = bool(source.path)  # tracebacks name the file
        return spec

    def get_source(self, fullname: str) -> str:
        return self.sources[fullname].text

    def is_package(self, fullname: str) -> bool:
        return self.sources[fullname].package

    def get_code(self, fullname: str) -> CodeType:
        source = self.sources[fullname]
        code: CodeType = compile(source.text, source.path or f"<{fullname}>", "exec", dont_inherit=True)
        return code

    def take(self, sent: Sources) -> None:
        """Know these sources from now on; a module of another text is imported anew."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        for name, source in sent.items():
            if not self._has(name, source.text):
                self.sources[name] = source
                sys.modules.pop(name, None)
        main = self.sources.get(_SENT_MAIN)
        if main is not None and _SENT_MAIN not in sys.modules:
            with self._importing():
                sys.modules[_MAIN] = importlib.import_module(_SENT_MAIN)

    def _has(self, name: str, text: str) -> bool:
        if name in self.sources:
            return self.sources[name].text == text
        loaded = sys.modules.get(name)
        return loaded is not None and _text(loaded) == text

    @contextlib.contextmanager
    def _importing(self) -> Iterator[None]:
        self.importing = True
        try:
            yield
        finally:
            self.importing = False


def _text(module: ModuleType) -> str | None:
    file = getattr(module, "__file__", None)
    source = _read(file) if file else None
    return source and source.text


_arrived = _Arrived()


def opened(sources: dict[str, tuple[Any, ...]], blob: bytes) -> Any:
    """What `packed` packed."""
    _arrived.take({name: Source(*source) for name, source in sources.items()})
    return pickle.loads(blob)


def refuse_in_worker() -> None:
    """Raise StudyError where a worker imports the main script, and so would start the search again."""
    if _arrived.importing:
        raise StudyError(
            "a worker imports this script, and it starts a search: put that under `if __name__ == '__main__':`"
        )
