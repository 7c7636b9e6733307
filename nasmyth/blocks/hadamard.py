"""Blocks around one primitive, the elementwise (Hadamard) product: gates, modulation, fusion, polynomials.

All of them multiply by the op `Multiply` and by nothing else, as `squeeze_excite` does, so that a search, a cost or a
transform that knows this op knows them all (Chrysos et al. 2025, arXiv:2504.13112, survey the product's uses). A factor
that lacks the last axes is repeated along them; one that lacks others is brought to shape by `RepeatLike`.
"""

from __future__ import annotations

from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.joins import Add, Identity, Multiply
from nasmyth.graph.op import block
from nasmyth.ops import Activation, Linear, RepeatLike


@block("... d -> ... out")
def glu(out: int, activation: str | None = "sigmoid", bias: bool = True) -> Any:
    """A linear layer gated by another: (x V + c) * act(x W + b) (Dauphin 2017, arXiv:1612.08083, equation 1).

    activation: "sigmoid" is GLU; "silu" SwiGLU, "gelu" GEGLU, "relu" ReGLU and None the bilinear layer (Shazeer 2020,
    arXiv:2002.05202, equations 4 and 5).
    """
    gate = chain(linear=Linear(out, bias), **({"act": Activation(activation)} if activation else {}))
    return parallel(value=Linear(out, bias), gate=gate, join=Multiply())


@block("b c ..., b z -> b c ...")
def film(c: int) -> Any:
    """Scales and shifts every channel as a second input says: x + scale(z) x + shift(z) (FiLM, Perez 2018,
    arXiv:1709.07871, equation 2, whose gamma is 1 + scale).

    The condition is the second of two branches: `parallel(image, question, join=film())`.
    """
    scaled = Vertex((Edge(0, Identity()), Edge(1, Linear(c))), join=Multiply())
    shift = Vertex((Edge(1, Linear(c)), Edge(0, Identity())), join=RepeatLike())
    return Cell((scaled, shift, _sum(0, 2, 3)), inputs=2)


@block("b l d, b z -> b l d")
def token_film(d: int) -> Any:
    """`film` of a sequence: scales and shifts the features of all its places alike."""
    scale = Vertex((Edge(1, Linear(d)), Edge(0, Identity())), join=RepeatLike("d"))
    scaled = Vertex((Edge(0, Identity()), Edge(2, Identity())), join=Multiply())
    return Cell((scale, scaled, scale, _sum(0, 3, 4)), inputs=2)


@block("b d, b e -> b out")
def bilinear_fusion(out: int, rank: int = 64, activation: str | None = None) -> Any:
    """Two vectors as one, by a bilinear form of low rank for each output: P (U x * V y) + b (Kim 2017, arXiv:1610.04325).

    activation: of both factors; the paper's experiments have "tanh".
    """
    act = {"act": Activation(activation)} if activation else {}
    factor = chain(linear=Linear(rank, bias=False), **act)
    product = Vertex((Edge(0, factor), Edge(1, factor)), join=Multiply())
    return chain(product=Cell((product,), inputs=2), project=Linear(out))


@block("... d -> ... out")
def polynomial(out: int, degree: int = 2, width: int = 32) -> Any:
    """A polynomial of the input with factors of low rank, whose degree grows by one a step (Pi-nets, Chrysos 2020,
    arXiv:2003.03828, "CCP"): x_1 = U_1 z, x_n = (U_n z) * x_(n-1) + x_(n-1), and C x_N + b comes out.

    No activation is in it, so what comes out is a polynomial of at most this degree. The x have `width` numbers, the rank.
    """
    if degree < 1:
        raise SpaceError(f"polynomial(degree={degree}): a degree is at least 1, and 1 is two linear layers")
    factor = Linear(width, bias=False)
    states = [Vertex((Edge(0, factor),))]
    for _ in range(degree - 1):
        so_far = len(states)  # state 0 is the input
        states.append(Vertex((Edge(0, factor), Edge(so_far, Identity())), join=Multiply()))
        states.append(_sum(so_far, so_far + 1))
    return chain(powers=Cell(tuple(states)), project=Linear(out))


def _sum(*states: int) -> Vertex:
    return Vertex(tuple(Edge(i, Identity()) for i in states), join=Add())


EXAMPLES = [
    (glu(5), (4, 6)),
    (glu(5, "silu", bias=False), (6,)),
    (glu(5, None), (6,)),
    (film(), (4, 3, 5), (6,)),
    (film(), (4,), (6,)),
    (token_film(), (5, 4), (6,)),
    (bilinear_fusion(3, rank=4), (5,), (6,)),
    (bilinear_fusion(3, rank=4, activation="tanh"), (5,), (6,)),
    (polynomial(3, degree=4, width=5), (6,)),
    (polynomial(3, degree=1, width=5), (4, 6)),
]
