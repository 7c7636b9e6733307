"""Residual blocks of the Poincaré ball (van Spengler 2023, arXiv:2303.14027): points come in, points go out."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, MobiusAdd, PoincareBatchNorm, PoincareConv


@block("b c h w -> b out h/stride w/stride")
def poincare_block(
    c: int,
    out: int,
    kernel: int = 3,
    stride: int = 1,
    init: str = "identity",
    mean: str = "midpoint",
    curvature: float = 1.0,
) -> Any:
    """Two convolutions with norms beside a shortcut, joined by the sum of the ball; relu between and after.

    The shortcut is a 1x1 convolution where the shape changes. init: of the convolutions; mean: of the norms.
    """
    first, second = (PoincareConv(out, kernel, step, init, curvature) for step in (stride, 1))
    norm = PoincareBatchNorm(mean, curvature)
    body = chain(conv1=first, norm1=norm, act=Activation("relu"), conv2=second, norm2=norm)
    skip = Identity() if stride == 1 and c == out else PoincareConv(out, 1, stride, init, curvature)
    return chain(sum=parallel(skip=skip, body=body, join=MobiusAdd(curvature)), act=Activation("relu"))


EXAMPLES = [
    (poincare_block(4), (4, 5, 5)),
    (poincare_block(6, stride=2, init="normal", curvature=0.5), (4, 5, 6)),
]
