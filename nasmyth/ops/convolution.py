"""Convolutions over images: plain, grouped and dilated (`Conv`), and one filter a channel (`DepthwiseConv`).

Padding is zeros, as much as gives ceil(h / stride) by ceil(w / stride) outputs. Where a kernel spans an odd number of
pixels it is the usual (span - 1) / 2 on every side. Where it spans an even number it is the least that is enough, the
odd pixel at the right and bottom (TensorFlow's "SAME"): `Conv(96, kernel=4, stride=4)` cuts patches and pads nothing.

Bias is off unless asked for, since a norm follows nearly always and would undo it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import with_bias


def _conv_shape(conv: Any, *shapes: Shape) -> Shape:
    _positive(conv)
    shape: Shape = conv.parsed_signature.result(conv.solve(*shapes), conv)
    return shape


def _positive(conv: Any) -> None:
    if conv.kernel < 1 or conv.dilation < 1:
        raise ShapeError(f"{conv!r}: kernel and dilation must be at least 1")


@op(
    "b c=(groups n) h w -> b out=(groups m) h/stride w/stride",
    infer=_conv_shape,
    weights=with_bias({"weight": "out n kernel kernel"}, {"bias": "out"}),
    ordered="kernel",
)
class Conv(nn.Conv2d):
    """2-D convolution with a square kernel; `groups` must divide the channels in and out."""

    def __init__(
        self, c: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1, dilation: int = 1, bias: bool = False
    ) -> None:
        reach = dilation * (kernel - 1)
        super().__init__(c, out, kernel, stride, 0 if reach % 2 else reach // 2, dilation, groups, bias)
        self.reach = reach

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.reach % 2:
            stride, (h, w) = self.stride[0], x.shape[2:]
            tall = max(0, (-(-h // stride) - 1) * stride + self.reach + 1 - h)
            wide = max(0, (-(-w // stride) - 1) * stride + self.reach + 1 - w)
            x = F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))
        if self.kernel_size == (1, 1) and self.stride != (1, 1):
            # the same numbers from fewer pixels; oneDNN's own way of striding here overwrites memory that is not its
            # own in the backward pass, with fewer than 8 channels last and without AVX-512 (seen with PyTorch 2.13)
            x = x[..., :: self.stride[0], :: self.stride[1]]
            return F.conv2d(x, self.weight, self.bias, 1, 0, 1, self.groups)
        return super().forward(x)


@op(
    "b c h w -> b c h/stride w/stride",
    infer=_conv_shape,
    weights=with_bias({"weight": "c 1 kernel kernel"}, {"bias": "c"}),
    ordered="kernel",
)
class DepthwiseConv(nn.Conv2d):
    """2-D convolution of each channel by itself (Chollet 2017, arXiv:1610.02357)."""

    def __init__(self, c: int, kernel: int = 3, stride: int = 1, dilation: int = 1, bias: bool = False) -> None:
        reach = dilation * (kernel - 1)
        super().__init__(c, c, kernel, stride, 0 if reach % 2 else reach // 2, dilation, c, bias)
        self.reach = reach

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.reach % 2:
            stride, (h, w) = self.stride[0], x.shape[2:]
            tall = max(0, (-(-h // stride) - 1) * stride + self.reach + 1 - h)
            wide = max(0, (-(-w // stride) - 1) * stride + self.reach + 1 - w)
            x = F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))
        return super().forward(x)


def _even_overhang(conv: Any) -> None:
    if type(conv.kernel) is int and type(conv.stride) is int:
        if conv.stride < 1 or conv.kernel < conv.stride or (conv.kernel - conv.stride) % 2:
            raise SpaceError(
                f"{conv!r}: kernel is stride, stride + 2, stride + 4 ..., so that the image grows by exactly stride"
            )


@op(
    "b c h w -> b out h*stride w*stride",
    check=_even_overhang,
    weights=with_bias({"weight": "c out kernel kernel"}, {"bias": "out"}),
    ordered="kernel",
)
class TransposedConv(nn.ConvTranspose2d):
    """Enlarges an image `stride` times by a learned kernel: the transpose of a strided convolution (Zeiler 2010)."""

    def __init__(self, c: int, out: int, kernel: int = 4, stride: int = 2, bias: bool = False) -> None:
        super().__init__(c, out, kernel, stride, (kernel - stride) // 2, bias=bias)


@param_count.register(Conv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    out: int = conv.out
    return out * (inputs[0][0] // conv.groups * conv.kernel**2 + bool(conv.bias))


@mac_count.register(Conv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Every output number is a dot product of kernel x kernel x (channels of one group)."""
    c, h, w = output
    macs: int = c * h * w * (inputs[0][0] // conv.groups) * conv.kernel**2
    return macs


@param_count.register(DepthwiseConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return inputs[0][0] * int(conv.kernel**2 + bool(conv.bias))


@mac_count.register(DepthwiseConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    c, h, w = output
    return c * h * w * int(conv.kernel**2)


@param_count.register(TransposedConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[0] * int(inputs[0][0] * conv.kernel**2 + bool(conv.bias))


@mac_count.register(TransposedConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Every input number is spread over kernel x kernel pixels of all outputs."""
    c, h, w = inputs[0]
    return c * h * w * output[0] * int(conv.kernel**2)


EXAMPLES = [
    (Conv(8), (3, 9, 9)),
    (Conv(6, kernel=5, stride=2, bias=True), (3, 8, 7)),
    (Conv(8, kernel=3, groups=2, dilation=2), (4, 7, 7)),
    (Conv(5, kernel=4, stride=4), (3, 8, 9)),
    (Conv(4, kernel=2, dilation=3), (2, 6, 5)),
    (Conv(4, kernel=1, stride=3), (2, 7, 7)),
    (DepthwiseConv(), (4, 6, 6)),
    (DepthwiseConv(kernel=5, stride=2, dilation=2, bias=True), (3, 9, 8)),
    (DepthwiseConv(kernel=2, stride=2), (3, 7, 6)),
    (TransposedConv(5), (3, 4, 5)),
    (TransposedConv(4, kernel=3, stride=1, bias=True), (3, 4, 5)),
]
