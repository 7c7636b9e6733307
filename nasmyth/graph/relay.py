"""Parts in a row that each look back two steps: the macro network of cell spaces (Zoph et al. 2018, arXiv:1707.07012).

    relay(first, second, third)      # third takes what first and second made; first takes the input twice

A part takes two inputs, the older one first: a `cell(..., inputs=2)`, or an op or block with two inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import Combine, Handle, Reader, fill_sequence
from nasmyth.record import Value


class Relay(Combine):
    """Each part on the outputs of the two before it. Made by `relay`."""

    items: Any

    def refill(self, fill: Callable[[Any, str], Any], address: str) -> Relay:
        return Relay.of((fill_sequence(self.items, fill, address, int),))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        older = newer = inputs[0]
        for i, item in enumerate(self.items):
            older, newer = newer, go(item, (older, newer), i)
        return newer


def relay(*items: Any) -> Any:
    """One template after another, each on the outputs of the two before it."""
    for item in items:
        if not isinstance(item, Value):
            raise SpaceError(f"relay(): {item!r} is not an op, a block, a combinator or a hole")
    return Relay(items)
