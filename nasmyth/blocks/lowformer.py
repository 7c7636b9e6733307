"""LowFormer: attention where it is cheap, full convolutions where they are fast (Nottebaum 2024, arXiv:2409.03460).

Attention runs at a lower resolution and a lower width than what surrounds it; a strided depthwise convolution leads
down, a transposed convolution leads up and is the output projection as well. Around it, fused inverted bottlenecks.
"""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain, residual
from nasmyth.graph.op import block
from nasmyth.ops import Activation, BatchNorm, Conv, DepthwiseConv, GroupNorm, PixelAttention, TransposedConv


@block("b c h w -> b c h w")
def slim_attention(c: int, h: int, w: int, stride: int = 2, ratio: float = 0.5, heads: int | None = None) -> Any:
    """Attention among the pixels of the image at 1 / stride of its resolution and `ratio` of its width.

    heads: as many as the authors' code has, unless given: one for each 30 channels inside, at least 1. Inside there are
    c * ratio channels, rounded down to a multiple of the heads. An image whose height or width is no multiple of the
    stride is attended at its own resolution, since it could not be restored exactly.
    """
    step = stride if h % stride == 0 and w % stride == 0 else 1
    wanted = max(1, int(c * ratio))
    count = max(1, wanted // 30) if heads is None else heads
    inside = max(1, wanted // count) * count
    return chain(
        down=chain(conv=DepthwiseConv(2 * step + 1, step), norm=BatchNorm()),
        qkv=Conv(3 * inside, 1),
        attention=PixelAttention(count),
        up=TransposedConv(c, step + 2, step, bias=True),
    )


@block("b c h w -> b c h w")
def lowformer_block(
    c: int, stride: int = 2, expand: int = 4, ratio: float = 0.5, heads: int | None = None, fused: bool = True
) -> Any:
    """Slim attention, an MLP at each pixel, an inverted bottleneck; a shortcut beside each.

    fused: the bottleneck's first two convolutions are one full convolution.
    """
    middle = c * expand
    attend = chain(norm=GroupNorm(1), attention=slim_attention(stride, ratio, heads))
    think = chain(
        norm=GroupNorm(1),
        expand=Conv(middle, 1, bias=True),
        act=Activation("gelu"),
        project=Conv(c, 1, bias=True),
    )
    return chain(
        attend=residual(attend),
        think=residual(think),
        local=residual(_fused(c, middle) if fused else _plain(c, middle)),
    )


def _fused(c: int, middle: int) -> Any:
    """The authors' convolution has a bias that its norm undoes; it is kept, so that the count is theirs."""
    spatial = chain(conv=Conv(middle, 3, bias=True), norm=BatchNorm(), act=Activation("hardswish"))
    return chain(spatial=spatial, project=chain(conv=Conv(c, 1), norm=BatchNorm()))


def _plain(c: int, middle: int) -> Any:
    """With a norm at the end alone, as in the authors' code."""
    return chain(
        expand=chain(conv=Conv(middle, 1, bias=True), act=Activation("hardswish")),
        depthwise=chain(conv=DepthwiseConv(3, bias=True), act=Activation("hardswish")),
        project=chain(conv=Conv(c, 1), norm=BatchNorm()),
    )


EXAMPLES = [
    (slim_attention(), (8, 6, 4)),
    (slim_attention(heads=2), (8, 5, 4)),
    (slim_attention(stride=1, ratio=1), (6, 4, 4)),
    (lowformer_block(expand=2), (6, 4, 4)),
    (lowformer_block(stride=1, expand=2, heads=2, fused=False), (8, 3, 3)),
]
