"""A contents page: the public names of a package and the file that each lives in, resolved on first use (PEP 562).

    if TYPE_CHECKING:  # the same table for type checkers and editors
        from nasmyth.network.network import Network, build

    __all__ = ["Network", "build"]
    __getattr__, __dir__ = contents(__name__, {"network": ("Network", "build")})

So that importing a package costs nothing, and only what is used is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from nasmyth.errors import nearest


def contents(
    package: str, files: Mapping[str, Iterable[str]], modules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package: {file: names in it}, and modules that are names themselves.

    A file is named from within the package; one that starts with "nasmyth." from the root.
    """
    where = {name: file for file, names in files.items() for name in names}
    known = sorted({*where, *modules})

    def resolve(name: str) -> Any:
        if name in where:
            file = where[name]
            value = getattr(import_module(file if file.startswith("nasmyth.") else f"{package}.{file}"), name)
        elif name in known:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}{nearest(name, known)}")
        setattr(sys.modules[package], name, value)
        return value

    return resolve, lambda: known


def late(path: str) -> Any:
    """What "nasmyth.export:write" leads to, imported now: for methods that hand over to a layer above their own."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
