"""Complex numbers as pairs of channels: 2 j is the real part of number j, 2 j + 1 its imaginary part.

So spectra go through a network of real tensors, `Concat()` joins complex channels, and an activation or a norm works on both
parts by itself. The convolution and the masks of the complex-valued D3Net for echo and noise.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless


def _odd_kernel(conv: Any) -> None:
    if type(conv.kernel) is int and (conv.kernel < 1 or conv.kernel % 2 == 0):
        raise SpaceError(f"{conv!r}: kernel is odd; write kernel={max(1, conv.kernel + 1)}")


@op(
    "b c=(n 2) h w -> b (out 2) h/stride w/stride",
    check=_odd_kernel,
    weights={"real": "out n kernel kernel", "imaginary": "out n kernel kernel"},
    ordered="kernel",
)
class ComplexConv(nn.Module):
    """A convolution of complex channels by complex filters, out of the products of real ones (Trabelsi 2018,
    arXiv:1705.09792, section 3.2): (A + i B) * (x + i y) = (A * x - B * y) + i (B * x + A * y). Without bias.

    It is one real convolution whose filters share their numbers: half as many weights as a real one of these channels.
    """

    def __init__(self, c: int, out: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.stride, self.dilation, self.padding = stride, dilation, dilation * (kernel // 2)
        bound = 1 / math.sqrt(c * kernel**2)
        self.real = nn.Parameter(torch.empty(out, c // 2, kernel, kernel).uniform_(-bound, bound))
        self.imaginary = nn.Parameter(torch.empty(out, c // 2, kernel, kernel).uniform_(-bound, bound))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        of_real = torch.stack((self.real, -self.imaginary), 2)
        of_imaginary = torch.stack((self.imaginary, self.real), 2)
        weight = torch.stack((of_real, of_imaginary), 1).flatten(2, 3).flatten(0, 1)
        return F.conv2d(x, weight, None, self.stride, self.padding, self.dilation)


def _some_bound(mask: Any) -> None:
    if type(mask.bound) in (int, float) and mask.bound <= 0:
        raise SpaceError(f"{mask!r}: bound is how large a mask may be, above 0; write bound=2.0")


@op("b c=(n 2) h w, b c h w -> b c h w", check=_some_bound)
class ComplexMask(nn.Module):
    """A mask times a spectrum, as complex numbers, so that it turns phases as well (Williamson 2016). Takes both in this order.

    A mask m counts as bound tanh(|m| / bound) m / |m|: its phase is free, its magnitude stays below `bound`.
    """

    def __init__(self, bound: float = 2.0) -> None:
        super().__init__()
        self.bound = bound

    def forward(self, mask: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        m, z = mask.unflatten(1, (-1, 2)), x.unflatten(1, (-1, 2))
        size = (m.square().sum(2, keepdim=True) + 1e-12).sqrt()
        (real, imaginary), (a, b) = (m * (self.bound * torch.tanh(size / self.bound) / size)).unbind(2), z.unbind(2)
        return torch.stack((real * a - imaginary * b, real * b + imaginary * a), 2).flatten(1, 2)

    def extra_repr(self) -> str:
        return f"bound={self.bound}"


weightless(ComplexMask)


@param_count.register(ComplexConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return inputs[0][0] * int(conv.out * conv.kernel**2)


@mac_count.register(ComplexConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Four for each product of complex numbers."""
    return math.prod(output) * inputs[0][0] * int(conv.kernel**2)


@fan_ins.register(ComplexConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    return (float(inputs[0][0] * conv.kernel**2),)


EXAMPLES = [
    (ComplexConv(3), (4, 5, 6)),
    (ComplexConv(2, kernel=5, stride=2), (2, 7, 6)),
    (ComplexConv(2, kernel=3, dilation=2), (6, 5, 5)),
    (ComplexMask(), (4, 3, 5), (4, 3, 5)),
    (ComplexMask(0.5), (2, 3, 2), (2, 3, 2)),
]
