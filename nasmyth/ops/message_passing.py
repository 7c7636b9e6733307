"""Layers of graph neural networks: what a node learns from its neighbours.

An example is a graph of n nodes with d features each; who is whose neighbour is no part of its shape. The op says what a
layer is and what comes out of it, so that networks of it are wired, keyed, drawn and looked up in tables. It has no module:
such a network is not built.
"""

from __future__ import annotations

from typing import Any

from nasmyth.errors import NasmythError, SpaceError, nearest
from nasmyth.graph.op import Op, ops
from nasmyth.graph.signature import Shape

KINDS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph")
"""Attention (Velickovic 2018, arXiv:1710.10903), convolution (Kipf 2017, arXiv:1609.02907), isomorphism network (Xu 2019,
arXiv:1810.00826), Chebyshev polynomials (Defferrard 2016, arXiv:1606.09375), sample and aggregate (Hamilton 2017,
arXiv:1706.02216), ARMA filters (Bianchi 2021, arXiv:1901.01343), k-dimensional (Morris 2019, arXiv:1810.02244)."""


class MessagePassing(Op):
    """A layer in which each node of a graph gathers from its neighbours, by `kind`, to `out` features."""

    signature = "b n d -> b n out"
    kind: Any = "gcn"
    out: Any = 64

    def check(self) -> None:
        if isinstance(self.kind, str) and self.kind not in KINDS:
            raise SpaceError(f"{self!r}: kind is one of {', '.join(KINDS)}{nearest(self.kind, KINDS)}")

    def build(self, *shapes: Shape) -> Any:
        """Refuses. Raises NasmythError."""
        raise NasmythError(
            f"{self!r} has no module: a network of it is keyed, drawn and looked up in tables (nasmyth bench), "
            "and cannot be built, trained or counted"
        )


ops.add("MessagePassing", MessagePassing)

EXAMPLES = [(MessagePassing("gat", 8), (5, 3)), (MessagePassing("graph", 2), (4, 3))]
