"""Layers that are applied again and again, with what each depth has of its own before them: `shared_depth`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nasmyth.graph.chain import checked_count
from nasmyth.graph.combine import Combine, Handle, Parts, Reader, refuse_no_template, row, split_row
from nasmyth.graph.joins import Add
from nasmyth.record import Value, is_open


class SharedDepth(Combine):
    """Made by `shared_depth`. `own` is one template until the count is known, then a row: depth by depth, layer by layer."""

    layers: tuple[Value, ...]
    own: Any
    count: Any

    def check(self) -> None:
        if not isinstance(self.count, Value):
            checked_count(self.count)

    @property
    def unsettled(self) -> bool:
        return is_open(self.count)

    def owned(self) -> tuple[Value, ...]:
        return self.own if isinstance(self.own, tuple) else (self.own,) * (self.count * len(self.layers))

    def parts(self) -> Parts:
        if self.unsettled:
            return (("count", self.count),)
        if not self.count:
            return ()
        return (*row(self.layers, "shared{}".format), *row(self.owned(), "own{}".format))

    def with_parts(self, parts: Sequence[Any]) -> SharedDepth:
        if self.unsettled:
            return SharedDepth.of((self.layers, self.own, *parts))
        if not self.count:
            return self
        layers, own = split_row(self.layers, parts)
        return SharedDepth.of((layers, tuple(own), self.count))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        (x,) = inputs
        for i, own in enumerate(self.owned()):
            at = i % len(self.layers)
            changed = go(self.layers[at], (go(own, (x,), f"own{i}"),), f"shared{at}")
            x = go(Add(), (x, changed), f"sum{i}")
        return x


def shared_depth(*layers: Any, own: Any, count: Any) -> Any:
    """`count` times over: each layer in turn, behind an `own` of that place alone, beside a shortcut.

        shared_depth(Attention(4), MixtureOfExperts(), own=LayerNorm(), count=6)        # WideNet, arXiv:2107.11817

    All depths share the layers' weights; norms of their own let each depth see other features (Xue et al. 2021,
    arXiv:2107.11817, section 3). Where norms are shared as well, `repeat(..., tied=True)` says it.
    """
    refuse_no_template((*layers, own), "shared_depth")
    return SharedDepth(layers, own, count)
