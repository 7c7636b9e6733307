"""From a node's address to the place of its module in a network, and so to the keys of its weights.

    stages[1].conv      ->      network.stages[1].conv      ->      "stages.1.conv.weight"

Different addresses have different places, and a place depends on the set of addresses alone, so that keys are the same
in every process. Two things need care. A part that cannot be an attribute of a module, such as `train` or `class`, is
written with an underscore more: `train_`; what a network calls its own, such as `graph`, is kept from its outermost parts
alone. And where one address is the beginning of another, its module goes into the
group that both share, as `_self`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from torch import nn

Path = tuple[str, ...]

SELF = "_self"
"""Where the module of an address goes that is the beginning of another address, or empty."""

OWN = {
    *("graph", "inputs", "outputs", "history", "forward", "predict", "pipeline", "check", "then", "key"),
    *("of", "save", "load", "export", "to_bytes", "from_bytes"),
}
"""What a network calls its own, beyond what every `nn.Module` has."""

SINCE_3 = {"layer"}
"""What it calls its own in files of format 3 and later."""

_ADDRESS = re.compile(r"(?:[^.\[\]]+|\[(?:0|[1-9][0-9]*)\])(?:\.[^.\[\]]+|\[(?:0|[1-9][0-9]*)\])*")
_PART = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")


class Group(nn.Module):
    """Layers whose addresses begin alike: `group.conv`, `group[0]`."""

    def __getitem__(self, index):
        return self._modules[str(index)]

    def __setitem__(self, index, layer):
        self.add_module(str(index), layer)


def places(addresses: Iterable[str], format: int = 3) -> dict[str, Path]:
    """The path of attributes that leads to the module of each address; in files of format 1, names of a network's own
    were kept from all parts, and in those of format 2 there were fewer of them."""
    paths = {address: path_of(address, format) for address in addresses}
    inner = {path[:n] for path in paths.values() for n in range(len(path))}
    return {address: (*path, SELF) if path in inner or not path else path for address, path in paths.items()}


def path_of(address: str, format: int = 3) -> Path:
    """The parts of an address as attribute names: "stages[1].conv" gives ("stages", "1", "conv")."""
    if not _ADDRESS.fullmatch(address):
        return (_spelt(address),) if address else ()
    parts = enumerate(_PART.findall(address))
    return tuple(
        index or _attribute(name, format if format == 1 or place == 0 else 0) for place, (index, name) in parts
    )


def put(root: nn.Module, path: Path, module: nn.Module) -> None:
    """Set the module at a path, making the groups on the way."""
    for part in path[:-1]:
        if part not in root._modules:
            root.add_module(part, Group())
        root = root.get_submodule(part)
    root.add_module(path[-1], module)


def at(root: Any, path: Path) -> Any:
    """The module that a path leads to."""
    for part in path:
        root = root._modules[part]
    return root


def expression(path: Path) -> str:
    """A path as Python writes it: ("stages", "1", "conv") is "stages[1].conv"."""
    text = "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in path)
    return text.removeprefix(".")


def _attribute(name: str, own: int) -> str:
    """A name that can be an attribute. Every step can be undone, so that two names stay two."""
    if not name.isidentifier() or not name.isascii() or name.startswith("__"):  # Python mangles the last inside classes
        return _spelt(name)
    plain = name.rstrip("_")
    return name + "_" if plain in _reserved(own) or re.fullmatch("_x[0-9a-f]*", plain) else name


def _spelt(name: str) -> str:
    return "_x" + name.encode().hex()


@cache
def _reserved(own: int) -> frozenset[str]:
    """What cannot be a part's name; own: the format of files whose names of a network's own are among it, 0 for none."""
    module: Any = nn.Module()
    names = {*dir(module), *keyword.kwlist, *(OWN if own else ()), *(SINCE_3 if own >= 3 else ()), SELF, ""}
    return frozenset(name.rstrip("_") for name in names)
