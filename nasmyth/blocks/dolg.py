"""A descriptor of an image from a global vector and what local features add to it (DOLG, Yang 2021, arXiv:2108.02927).

    chain(stem, dolg(128, deep=last_stage, width=256))

Both are made of the same map. A local branch sees it at several scales and weighs its pixels; the part of each pixel's features
that the global vector holds already is taken out of it, so that only what is new is joined to that vector.
"""

from __future__ import annotations

from typing import Any

from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.joins import Concat, Identity, Multiply
from nasmyth.graph.op import block
from nasmyth.ops import Activation, BatchNorm, Conv, LayerNorm2d, Linear, Mean, Orthogonal, RepeatLike


@block("b c h w -> b out h w")
def multi_atrous(out: int, dilations: tuple[int, ...] = (3, 6, 9), width: int = 64) -> Any:
    """The map through 3x3 convolutions of several dilations and as its mean, side by side and mixed (section 3.2).

    Each of these has `width` channels.
    """
    mean = chain(pool=Mean("h w"), linear=Linear(width), act=Activation("relu"))
    branches = {f"atrous{d}": Conv(width, 3, dilation=d, bias=True) for d in dilations}
    branches["mean"] = parallel(vector=mean, places=Identity(), join=RepeatLike())
    return chain(scales=parallel(**branches, join=Concat()), mix=Conv(out, 1, bias=True), act=Activation("relu"))


@block("b c h w -> b out h w")
def attentive(out: int) -> Any:
    """Local features weighed by one positive number a pixel (section 3.2, after DELF, Noh 2017, arXiv:1612.06321).

    Departure: a norm over each pixel's features, with factors that are learned, where the authors divide by their length.
    """
    weigh = chain(act=Activation("relu"), score=Conv(1, 1, bias=True), positive=Activation("softplus"))
    weighed = parallel(features=LayerNorm2d(), weight=weigh, join=Multiply())
    return chain(conv=Conv(out, 1), norm=BatchNorm(), weighed=weighed)


@block("b c h w, b c -> b out")
def orthogonal_fusion(out: int, orthogonal: bool = True) -> Any:
    """Local features (first) and a global vector (second) as one vector: the vector joined to what of each pixel's features is
    orthogonal to it, averaged, through a linear layer (section 3.3).

    orthogonal: False joins the features as they are.
    """
    vector, local = Edge(1, Identity()), Edge(0, Identity())
    new = Vertex((local, vector), join=Orthogonal()) if orthogonal else Vertex((local,))
    repeated = Vertex((vector, local), join=RepeatLike())
    return chain(
        both=Cell((new, repeated), inputs=2, output=(2, 3), out=Concat()), pool=Mean("h w"), project=Linear(out)
    )


@block("b c h w -> b out")
def dolg(
    out: int,
    deep: Any = Identity(),  # noqa: B008  a frozen value
    width: int = 256,
    dilations: tuple[int, ...] = (3, 6, 9),
    orthogonal: bool = True,
) -> Any:
    """The descriptor of a map: a global vector of what `deep` makes of it, fused with its local features, `width` of each.

    Departure: the global vector is a plain mean of places, where the authors learn the power of a generalised one.
    """
    local = chain(scales=multi_atrous(width, dilations, max(1, width // 4)), attend=attentive(width))
    vector = chain(deep=deep, pool=Mean("h w"), linear=Linear(width))
    return parallel(local=local, vector=vector, join=orthogonal_fusion(out, orthogonal))


EXAMPLES = [
    (multi_atrous(4, (1, 2), width=3), (3, 6, 6)),
    (attentive(4), (3, 5, 4)),
    (orthogonal_fusion(3), (4, 3, 5), (4,)),
    (orthogonal_fusion(3, orthogonal=False), (4, 3, 5), (4,)),
    (dolg(3, Conv(6, stride=2), width=4, dilations=(1, 2)), (3, 6, 6)),
]
