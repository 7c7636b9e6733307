"""Convolutions along all of a sequence by the fast Fourier transform, with a filter that is learned or that flows in.

`LongConv` has a filter of its own, written as a function of the place (Hyena, Poli 2023, arXiv:2302.10866). `Convolve` takes
the filter as a second input, so that a network may make it of the sequence itself (Orchid, Karami and Ghodsi 2024,
arXiv:2402.18508). Both cost l log l along a sequence of l places. A Fourier transform is no product of matrices, so by our
convention it counts no multiply-accumulates: what is counted is the small network that writes the filter.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless


def _some_width(conv: Any) -> None:
    if any(type(n) is int and n < 1 for n in (conv.width, conv.bands)):
        raise SpaceError(f"{conv!r}: width and bands are at least 1; write width=16, bands=4")


@op(
    "b l d -> b l d",
    check=_some_width,
    weights={
        "wide.weight": "width 2*bands+1",
        "wide.bias": "width",
        "mix.weight": "width width",
        "mix.bias": "width",
        "narrow.weight": "d width",
        "decay": "d",
        "skip": "d",
    },
    ordered="l",
    mixes="l",
)
class LongConv(nn.Module):
    """Each feature by a filter as long as the sequence: y_t = sum over s of h(t - s) x_s, and a learned share of x_t.

    h(t) = exp(-|decay| t / l) W3 sin(10 W2 sin(10 W1 (t / l, cos 2 pi k t / l, sin 2 pi k t / l)))  for k up to `bands`
    (Hyena, Poli 2023, arXiv:2302.10866, section 3.3). So the number of weights does not depend on the length.

    causal: a place sees itself and earlier ones. Otherwise the sequence is a ring, and shifting it shifts what comes out.
    Departures: the rate of decay is learned; the filter's window falls to zero rather than to a constant.

    A place at a time it keeps all inputs so far, l d numbers, and a step costs as much as writing the filter.
    """

    def __init__(self, l: int, d: int, width: int = 16, bands: int = 4, causal: bool = True) -> None:
        super().__init__()
        self.length, self.bands, self.causal = l, bands, causal
        self.wide = nn.Linear(2 * bands + 1, width)
        self.mix = nn.Linear(width, width)
        self.narrow = nn.Linear(width, d, bias=False)
        self.decay = nn.Parameter(torch.linspace(3.0, 15.0, d))  # features remember differently long
        self.skip = nn.Parameter(torch.ones(d))

    def filter(self) -> torch.Tensor:
        """The weight of each distance, l d."""
        at = torch.arange(self.length, dtype=self.skip.dtype, device=self.skip.device)[:, None] / self.length
        angle = 2 * math.pi * at * torch.arange(1, self.bands + 1, dtype=at.dtype, device=at.device)
        hidden = torch.sin(10 * self.wide(torch.cat((at, angle.cos(), angle.sin()), 1)))
        return torch.exp(-self.decay.abs() * at) * self.narrow(torch.sin(10 * self.mix(hidden)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = 2 * self.length if self.causal else self.length  # zeros behind it keep the end from reaching the beginning
        spectrum = torch.fft.rfft(x, n, dim=1) * torch.fft.rfft(self.filter(), n, dim=0)
        return torch.fft.irfft(spectrum, n, dim=1)[:, : self.length] + x * self.skip

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        if not self.causal:
            raise ValueError("LongConv(causal=False) sees later places, so it cannot take them one at a time")
        return (self.skip.new_zeros(batch, self.length, self.skip.shape[0]),)

    def step(self, state: tuple[torch.Tensor, ...], x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        newest_first = torch.cat((x[:, None], state[0][:, :-1]), 1)
        return (newest_first * self.filter()).sum(1) + x * self.skip, (newest_first,)


@op("b l d, b l d -> b l d", ordered="l", mixes="l")
class Convolve(nn.Module):
    """A sequence convolved with another one around a ring, feature by feature: y_t = sum over s of h_(t - s) x_s.

    correlate: y_t = sum over s of h_(s + t) x_s instead. It stays as it is when both sequences are shifted alike; so a kernel
    that is correlated of two features of a sequence does not move with it, and what is convolved with that kernel moves
    along: the second conditioning network of Orchid (arXiv:2402.18508, section 3). Every place sees all, so it does not
    stream.

    Sums are divided by the root of l, which keeps noise as large as it was.
    """

    def __init__(self, correlate: bool = False) -> None:
        super().__init__()
        self.correlate = correlate

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        of_x, of_h = torch.fft.rfft(x, dim=1), torch.fft.rfft(h, dim=1)
        product = (of_x.conj() if self.correlate else of_x) * of_h
        return torch.fft.irfft(product, x.shape[1], dim=1) / math.sqrt(x.shape[1])

    def extra_repr(self) -> str:
        return f"correlate={self.correlate}"


def _some_kernel(conv: Any) -> None:
    if type(conv.kernel) is int and conv.kernel < 1:
        raise SpaceError(f"{conv!r}: kernel must be at least 1")


@op("b l d -> b l d", check=_some_kernel, weights={"weight": "d 1 kernel", "bias": "d"}, ordered="l kernel", mixes="l")
class RingConv(nn.Module):
    """Each feature of a sequence by a short filter of its own, around a ring: behind the last place comes the first.

    What `SequenceDepthwiseConv` is to a sequence with ends. Shifting what comes in shifts what comes out.
    """

    def __init__(self, d: int, kernel: int = 3) -> None:
        super().__init__()
        bound = 1 / math.sqrt(kernel)
        self.weight = nn.Parameter(torch.empty(d, 1, kernel).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(d))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length, kernel = x.shape[1], self.weight.shape[2]
        # by index, since PyTorch goes around a ring once at most
        places = (torch.arange(length + kernel - 1, device=x.device) - (kernel - 1) // 2) % length
        around = x.transpose(1, 2)[:, :, places]
        return F.conv1d(around, self.weight, self.bias, groups=x.shape[2]).transpose(1, 2)


weightless(Convolve)


@param_count.register(LongConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d, width = output[1], int(conv.width)
    return width * (2 * int(conv.bands) + 1 + width + d) + 2 * width + 2 * d


@mac_count.register(LongConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Those of the network that writes the filter, at each of the distances."""
    (length, d), width = output, int(conv.width)
    return length * width * (2 * int(conv.bands) + 1 + width + d)


@state_count.register(LongConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """All inputs so far."""
    return output[0] * output[1] if conv.causal else 0


@param_count.register(RingConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[1] * int(conv.kernel + 1)


@mac_count.register(RingConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[0] * output[1] * int(conv.kernel)


@fan_ins.register(LongConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """A number that comes out is summed over all places."""
    return (float(output[0]),)


EXAMPLES = [
    (LongConv(width=4, bands=2), (6, 3)),
    (LongConv(width=3, bands=1, causal=False), (5, 4)),
    (Convolve(), (6, 3), (6, 3)),
    (Convolve(correlate=True), (5, 2), (5, 2)),
    (RingConv(), (6, 3)),
    (RingConv(4), (5, 2)),
    (RingConv(5), (3, 2)),
]
