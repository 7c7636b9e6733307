"""What the edges of searched cells are made of: activation first, then layers, then norm (Zoph et al. 2018,
arXiv:1707.07012, appendix A.4; Liu et al. 2019, arXiv:1806.09055, section 3.1)."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain, checked_count, parallel
from nasmyth.graph.joins import Concat
from nasmyth.graph.op import block
from nasmyth.ops import Activation, BatchNorm, Conv, DepthwiseConv, RectConv, ShiftPixel


@block("b c h w -> b out h/stride w/stride")
def relu_conv(out: int, kernel: int = 1, stride: int = 1, dilation: int = 1) -> Any:
    """ReLU, convolution, norm."""
    return chain(act=Activation("relu"), conv=Conv(out, kernel, stride, dilation=dilation), norm=BatchNorm())


@block("b c h w -> b out h/stride w/stride")
def relu_separable(c: int, out: int, kernel: int = 3, stride: int = 1, dilation: int = 1, times: int = 2) -> Any:
    """ReLU, depthwise convolution, 1x1 convolution, norm; twice, unless said otherwise. The first one strides, the last one
    changes the channels."""
    layers = []
    for i in range(checked_count(times)):
        depthwise = DepthwiseConv(kernel, stride if i == 0 else 1, dilation)
        pointwise = Conv(out if i == times - 1 else c, 1)
        layers.append(chain(act=Activation("relu"), depthwise=depthwise, pointwise=pointwise, norm=BatchNorm()))
    return chain(*layers)


@block("b c h w -> b out h/stride w/stride")
def relu_rectangles(c: int, out: int, kernel: int = 7, stride: int = 1) -> Any:
    """ReLU, 1 x k convolution, norm; ReLU, k x 1 convolution, norm. Each strides along its own axis."""
    wide = chain(act=Activation("relu"), conv=RectConv(c, 1, kernel, 1, stride), norm=BatchNorm())
    tall = chain(act=Activation("relu"), conv=RectConv(out, kernel, 1, stride, 1), norm=BatchNorm())
    return chain(wide=wide, tall=tall)


@block("b c h w -> b out h/2 w/2")
def factorised_reduce(out: int) -> Any:
    """Half the image, nothing left out: two 1x1 convolutions of stride 2, one of them a pixel further on, joined."""
    even, odd = Conv(out - out // 2, 1, 2), chain(shift=ShiftPixel(), conv=Conv(out // 2, 1, 2))
    return chain(act=Activation("relu"), halves=parallel(even=even, odd=odd, join=Concat()), norm=BatchNorm())


EXAMPLES = [
    (relu_conv(5, 3, 2), (4, 7, 6)),
    (relu_separable(5, stride=2), (4, 7, 6)),
    (relu_separable(4, 5, dilation=2, times=1), (4, 9, 9)),
    (relu_rectangles(5, 3, stride=2), (4, 7, 6)),
    (factorised_reduce(5), (4, 6, 7)),
]
