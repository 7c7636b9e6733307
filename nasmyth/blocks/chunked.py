"""A network on chunks of a sequence instead of on its places (H-Net, Hwang 2025, arXiv:2507.07955)."""

from __future__ import annotations

import math
from typing import Any

from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.joins import Add, Identity
from nasmyth.graph.op import block
from nasmyth.ops import Boundaries, Chunk, Linear, Unchunk


@block("b l d -> b l d")
def chunked(l: int, d: int, inner: Any, ratio: float = 4.0, room: float = 1.5, weight: float = 0.03) -> Any:
    """`inner`, any template "b m d -> b m d", on the chunks of a sequence whose boundaries it learns to tell, beside a
    projection of every place. Stages nest: `inner` may have a `chunked` within.

    ratio: how many places a chunk should have on average. A loss that `Boundaries` adds, times `weight`, draws it there.
        Within another stage, the zeros behind its last chunk count as places, so that chunks come out somewhat longer.
    room: shapes are fixed, so there is room for `room` times as many chunks as l / ratio; inner costs as much as all of them.
    """
    most = min(l, math.ceil(room * l / ratio))
    begins = Vertex((Edge(0, Identity()),), Boundaries(ratio, weight))
    chunks = Vertex((Edge(0, Identity()), Edge(1, Identity())), join=Chunk(most))
    thought = Vertex((Edge(2, Identity()),), inner)
    spread = Vertex((Edge(3, Identity()), Edge(1, Identity())), join=Unchunk())
    beside = Vertex((Edge(4, Identity()), Edge(0, Linear(d))), join=Add())
    return Cell((begins, chunks, thought, spread, beside))


EXAMPLES = [
    (chunked(Linear(4)), (8, 4)),
    (chunked(chunked(Linear(4), ratio=2.0), ratio=2.0, room=9.0), (8, 4)),
]
