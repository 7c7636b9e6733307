"""Networks for graphs: layers of message passing one after the other, or each beside a shortcut.

The layers are those of NAS-Bench-Graph (Qin et al. 2022, arXiv:2206.09166); depth, width and dropout are open as well
(You et al. 2020, arXiv:2011.08843).
"""

from __future__ import annotations

from typing import Any

from nasmyth.graph import Spec, chain, repeat, residual
from nasmyth.ops import Activation, Dropout, MessagePassing
from nasmyth.ops.message_passing import KINDS
from nasmyth.space import Genome, Space, choice, integer
from nasmyth.spaces.registry import space


@space(
    "graph_networks",
    source="You et al. 2020 (arXiv:2011.08843)",
    small={"input": {"x": (6, 5), "edges": Spec((2, 9), "int")}, "classes": 3},
)
def graph_networks(input: Any = None, classes: int = 7) -> Space:
    """Networks of message passing on a graph of nodes and edges, an answer for each node."""
    input = {"x": (2708, 1433), "edges": Spec((2, 10556), "int")} if input is None else input
    width, dropout = integer(4, 256, 4, name="width"), choice(0.0, 0.3, 0.5, 0.7, name="dropout")
    kind = choice(*KINDS, name="kind")
    layer = chain(drop=Dropout(dropout), layer=MessagePassing(kind, width), act=Activation("relu"))
    body = choice(repeat(layer, choice(0, 1, 2)), repeat(residual(layer), choice(1, 2)))
    last = chain(drop=Dropout(dropout), layer=MessagePassing(kind, classes))
    return Space(chain(first=layer, body=body, head=last), input)


def plain(width: int) -> Genome:
    """The baseline, as a genome of `graph_networks`: two graph convolutions (Kipf and Welling 2017, arXiv:1609.02907)."""
    return {"width": max(4, min(256, width // 4 * 4)), "dropout": 0.5, "kind": "gcn", "body": 0, "body:0.count": 0}
