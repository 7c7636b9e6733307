"""Layers of graph neural networks: what a node learns from its neighbours.

An example is a graph of n nodes with d features each. Its edges are another input of the network, called `edges`: 2 e
numbers of nodes, from and to; negative ones lead nowhere. A network of a graph without that input is wired, keyed, drawn
and looked up in tables, and does not run.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape

KINDS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph")
"""Attention (Velickovic 2018, arXiv:1710.10903), convolution (Kipf 2017, arXiv:1609.02907), isomorphism network (Xu 2019,
arXiv:1810.00826), Chebyshev polynomials (Defferrard 2016, arXiv:1606.09375), sample and aggregate (Hamilton 2017,
arXiv:1706.02216), ARMA filters (Bianchi 2021, arXiv:1901.01343), k-dimensional (Morris 2019, arXiv:1810.02244)."""
TWO_MATRICES = ("cheb", "sage", "arma", "graph")
"""Those that transform a node and its neighbours differently."""


def _known_kind(layer: Any) -> None:
    if isinstance(layer.kind, str) and layer.kind not in KINDS:
        raise SpaceError(f"{layer!r}: kind is one of {', '.join(KINDS)}{nearest(layer.kind, KINDS)}")


@op("b n d, edges?: b 2 e -> b n out", check=_known_kind, ordered="n", mixes="n")
class MessagePassing(nn.Module):
    """A layer in which each node of a graph gathers from its neighbours, by `kind`, to `out` features.

    With x' = W x, and sums over the edges that lead to a node (deg: how many):
    gcn     sum of x' / sqrt(deg deg), the node itself among its neighbours
    gat     the mean of x', itself included, weighted by a softmax of LeakyReLU(a x'_to + b x'_from); one head
    gin     x' + the sum of x'
    sage    V x + the mean of x'
    graph   V x + the sum of x'
    cheb    V x - the sum of x' / sqrt(deg deg): two polynomials, the greatest eigenvalue taken as 2
    arma    ReLU(V x + the sum of x' / sqrt(deg deg)): one stack of one layer
    """

    def __init__(self, d: int, kind: str = "gcn", out: int = 64) -> None:
        super().__init__()
        self.kind = kind
        self.linear = nn.Linear(d, out, bias=False)
        self.bias = nn.Parameter(torch.zeros(out))
        if kind in ("cheb", "sage", "arma", "graph"):
            self.own = nn.Linear(d, out, bias=False)
        if kind == "gat":
            self.toward = nn.Parameter(torch.randn(out) / out**0.5)
            self.away = nn.Parameter(torch.randn(out) / out**0.5)

    def forward(self, x: torch.Tensor, edges: torch.Tensor | None = None) -> torch.Tensor:
        if edges is None:
            raise ValueError(
                "message passing needs the edges of the graph, an input called edges: 2 x E numbers of nodes"
            )
        source, to = edges.long().unbind(1)
        there = ((source >= 0) & (to >= 0)).to(x.dtype)
        source, to = source.clamp(min=0), to.clamp(min=0)
        h = self.linear(x)
        if self.kind == "gat":
            found = self.attended(h, source, to, there)
        elif self.kind in ("gin", "graph"):
            found = self.gathered(h, source, to, there) + (h if self.kind == "gin" else self.own(x))
        else:
            degree = torch.zeros_like(h[..., 0]).scatter_add(1, to, there)
            if self.kind == "sage":
                mean = self.gathered(h, source, to, there) / degree.clamp(min=1.0).unsqueeze(2)
                found = mean + self.own(x)
            else:
                degree = degree + 1.0 if self.kind == "gcn" else degree
                root = torch.where(degree > 0, degree.clamp(min=1.0).rsqrt(), 0.0)
                around = self.gathered(h, source, to, there * root.gather(1, source) * root.gather(1, to))
                own = h * root.square().unsqueeze(2) if self.kind == "gcn" else self.own(x)
                found = own - around if self.kind == "cheb" else own + around
        found = found + self.bias
        return F.relu(found) if self.kind == "arma" else found

    def gathered(self, h: torch.Tensor, source: torch.Tensor, to: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """For each node the weighted sum of what its neighbours have."""
        index = to.unsqueeze(2).expand(-1, -1, h.shape[2])
        sent = h.gather(1, source.unsqueeze(2).expand(-1, -1, h.shape[2])) * weight.unsqueeze(2)
        return torch.zeros_like(h).scatter_add(1, index, sent)

    def attended(self, h: torch.Tensor, source: torch.Tensor, to: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """For each node the mean of its neighbours and itself, weighted by attention."""
        out, into = (h * self.away).sum(2), (h * self.toward).sum(2)
        own = F.leaky_relu(out + into, 0.2)
        score = F.leaky_relu(out.gather(1, source) + into.gather(1, to), 0.2)
        # a node's own score is the scale: the softmax is the same, and nothing overflows before e^60
        weight = (score - own.gather(1, to)).clamp(-60.0, 60.0).exp() * there
        total = torch.zeros_like(own).scatter_add(1, to, weight) + 1.0
        return (self.gathered(h, source, to, weight) + h) / total.unsqueeze(2)


@param_count.register(MessagePassing)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Its matrices and the bias; two vectors of attention."""
    d, out = inputs[0][-1], output[-1]
    return out * d * (2 if layer.kind in TWO_MATRICES else 1) + out + (2 * out if layer.kind == "gat" else 0)


@mac_count.register(MessagePassing)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Its matrices at each node; what is gathered is added, and counts nothing, as is usual."""
    n, d = inputs[0]
    return n * d * output[-1] * (2 if layer.kind in TWO_MATRICES else 1)


EXAMPLES = [(MessagePassing(kind, 4), (5, 3), (2, 7)) for kind in KINDS]
