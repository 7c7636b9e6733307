"""From a node's address to the place of its module in a network, and so to the keys of its weights.

    stages[1].conv      ->      network.stages[1].conv      ->      "stages.1.conv.weight"

Different addresses have different places, and a place depends on the set of addresses alone, so that keys are the same
in every process. Two things need care. A part that cannot be an attribute of a module, such as `train` or `class`, is
written with an underscore more: `train_`. And where one address is the beginning of another, its module goes into the
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

_ADDRESS = re.compile(r"(?:[^.\[\]]+|\[(?:0|[1-9][0-9]*)\])(?:\.[^.\[\]]+|\[(?:0|[1-9][0-9]*)\])*")
_PART = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")


class Group(nn.Module):
    """Layers whose addresses begin alike: `group.conv`, `group[0]`."""

    def __getitem__(self, index):
        return self._modules[str(index)]

    def __setitem__(self, index, layer):
        self.add_module(str(index), layer)


def places(addresses: Iterable[str]) -> dict[str, Path]:
    """The path of attributes that leads to the module of each address."""
    paths = {address: path_of(address) for address in addresses}
    inner = {path[:n] for path in paths.values() for n in range(len(path))}
    return {address: (*path, SELF) if path in inner or not path else path for address, path in paths.items()}


def path_of(address: str) -> Path:
    """The parts of an address as attribute names: "stages[1].conv" gives ("stages", "1", "conv")."""
    if not _ADDRESS.fullmatch(address):
        return (_spelt(address),) if address else ()
    return tuple(index or _attribute(name) for index, name in _PART.findall(address))


def put(root: nn.Module, path: Path, module: nn.Module) -> None:
    """Set the module at a path, making the groups on the way."""
    for part in path[:-1]:
        if part not in root._modules:
            root.add_module(part, Group())
        root = root.get_submodule(part)
    root.add_module(path[-1], module)


def expression(path: Path) -> str:
    """A path as Python writes it: ("stages", "1", "conv") is "stages[1].conv"."""
    text = "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in path)
    return text.removeprefix(".")


def _attribute(name: str) -> str:
    """A name that can be an attribute. Every step can be undone, so that two names stay two."""
    if not name.isidentifier() or not name.isascii() or name.startswith("__"):  # Python mangles the last inside classes
        return _spelt(name)
    plain = name.rstrip("_")
    return name + "_" if plain in _reserved() or re.fullmatch("_x[0-9a-f]*", plain) else name


def _spelt(name: str) -> str:
    return "_x" + name.encode().hex()


@cache
def _reserved() -> frozenset[str]:
    module: Any = nn.Module()
    names = {*dir(module), *keyword.kwlist, *OWN, SELF, ""}
    return frozenset(name.rstrip("_") for name in names)
