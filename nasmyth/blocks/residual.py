"""Residual blocks (He 2016, arXiv:1512.03385), also with activations before convolutions (He 2016, arXiv:1603.05027)."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.convolution import conv_block
from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, BatchNorm, Conv


@block("b c h w -> b out h/stride w/stride")
def basic_block(
    c: int, out: int, kernel: int = 3, stride: int = 1, activation: str = "relu", preactivation: bool = False
) -> Any:
    """Two convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""
    convolutions = (Conv(out, kernel, stride), Conv(out, kernel))
    return _residual(convolutions, c, out, stride, activation, preactivation)


@block("b c h w -> b out h/stride w/stride")
def bottleneck_block(
    c: int,
    out: int,
    kernel: int = 3,
    stride: int = 1,
    ratio: float = 0.25,
    groups: int = 1,
    activation: str = "relu",
    preactivation: bool = False,
) -> Any:
    """Narrow, convolve, widen, and a shortcut; groups make it ResNeXt's (Xie 2017, arXiv:1611.05431).

    The middle has out * ratio channels, rounded to a multiple of `groups`, at least one for each group. The stride is in
    the middle convolution, as in the later implementations, not in the first one as in the paper.
    """
    middle = groups * max(1, round(out * ratio / groups))
    convolutions = (Conv(middle, 1), Conv(middle, kernel, stride, groups), Conv(out, 1))
    return _residual(convolutions, c, out, stride, activation, preactivation)


def _residual(
    convolutions: tuple[Any, ...], c: int, out: int, stride: int, activation: str, preactivation: bool
) -> Any:
    same, act = stride == 1 and c == out, Activation(activation)
    if preactivation:
        body = chain(*(chain(norm=BatchNorm(), act=act, conv=conv) for conv in convolutions))
        return parallel(skip=Identity() if same else Conv(out, 1, stride), body=body)
    *first, last = (chain(conv=conv, norm=BatchNorm()) for conv in convolutions)
    body = chain(*(chain(layer=layer, act=act) for layer in first), last)
    skip = Identity() if same else conv_block(out, 1, stride, activation=None)
    return chain(sum=parallel(skip=skip, body=body), act=act)


EXAMPLES = [
    (basic_block(4), (4, 5, 5)),
    (basic_block(6, stride=2, activation="gelu"), (4, 5, 6)),
    (basic_block(6, stride=2, preactivation=True), (4, 5, 6)),
    (bottleneck_block(8), (8, 5, 5)),
    (bottleneck_block(8, stride=2, ratio=0.5, groups=2), (4, 6, 6)),
    (bottleneck_block(8, preactivation=True), (8, 5, 5)),
]
