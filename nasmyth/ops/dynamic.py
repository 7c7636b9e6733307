"""Convolution with kernels that the input makes: one for each pixel, from how it relates to the regions of a context.

ContMix (OverLoCK, Lou and Yu 2025, arXiv:2502.20087): a pixel's affinity to each of `regions` x `regions` parts
of a context is mixed into the weights of its kernel, which a softmax normalises. So far context decides what is gathered,
while what is gathered stays near; and nothing depends on the size of the image, so that the weights serve any resolution.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape


def _odd_kernels(mix: Any) -> None:
    sizes = [size for size in (mix.kernel, mix.small) if type(size) is int]
    if any(size < 1 or size % 2 == 0 for size in sizes) or (type(mix.regions) is int and mix.regions < 1):
        raise SpaceError(
            f"{mix!r}: kernel and small are odd, regions is at least 1; write kernel=7, small=5, regions=7"
        )


def _weights(mix: Any) -> dict[str, str]:
    return {
        "query.weight": "(heads k) e 1 1",
        "key.weight": "(heads k) d 1 1",
        "mix.weight": f"{_taps(mix)} (regions regions)",
        "bias": f"heads 1 1 {_taps(mix)}",
    }


@op(
    "b c=(2 heads k) h w, b e h w, b d p q -> b c h w",
    check=_odd_kernels,
    weights=_weights,
    ordered="h w p q regions",
    mixes="h w",
)
class ContMix(nn.Module):
    """Gathers values by kernels of each pixel's own; takes values, queries and a context, which may have another size.

    Half of the channels are gathered by kernels of `kernel` pixels, half by `small` ones; each half has `heads` groups of
    channels that share a kernel. Departures: the borders repeat the outermost pixels, where the authors' code shifts the
    window; so a kernel of one group has one learned bias, and no other for the borders. No norms behind the projections.
    """

    def __init__(
        self, c: int, e: int, d: int, heads: int = 4, kernel: int = 7, small: int = 5, regions: int = 7
    ) -> None:
        super().__init__()
        self.heads, self.sizes, self.regions = heads, (small, kernel), regions
        self.scale = (c // (2 * heads)) ** -0.5
        taps = small**2 + kernel**2
        self.query = nn.Conv2d(e, c // 2, 1, bias=False)
        self.key = nn.Conv2d(d, c // 2, 1, bias=False)
        self.mix = nn.Linear(regions**2, taps, bias=False)
        self.bias = nn.Parameter(torch.zeros(heads, 1, 1, taps))

    def kernels(self, query: torch.Tensor, context: torch.Tensor) -> list[torch.Tensor]:
        """The small and the large kernel of each pixel, b heads h w taps. The taps sum to 1."""
        q = self.query(query).unflatten(1, (self.heads, -1)) * self.scale
        k = self.key(F.adaptive_avg_pool2d(context, self.regions)).unflatten(1, (self.heads, -1))
        affinity = torch.einsum("bgchw,bgcr->bghwr", q, k.flatten(3))
        weights = self.mix(affinity) + self.bias
        return [part.softmax(-1) for part in weights.split([size**2 for size in self.sizes], -1)]

    def forward(self, value: torch.Tensor, query: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        gathered = []
        halves = value.chunk(2, 1)
        for size, weights, half in zip(self.sizes, self.kernels(query, context), halves, strict=True):
            reach = size // 2
            around = F.pad(half, (reach, reach, reach, reach), mode="replicate")
            around = around.unfold(2, size, 1).unfold(3, size, 1).flatten(4).unflatten(1, (self.heads, -1))
            gathered.append(torch.einsum("bgchwt,bghwt->bgchw", around, weights).flatten(1, 2))
        return torch.cat(gathered, 1)


def _taps(mix: Any) -> int:
    return int(mix.small**2 + mix.kernel**2)


@param_count.register(ContMix)
def _(mix: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    (c, *_), (e, *_), (d, *_) = inputs
    learned: int = (e + d) * (c // 2) + _taps(mix) * (mix.regions**2 + mix.heads)
    return learned


@mac_count.register(ContMix)
def _(mix: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Queries, keys of the regions, affinities, their mixing into kernels, and gathering."""
    (c, h, w), (e, *_), (d, *_) = inputs
    regions = int(mix.regions) ** 2
    each = e * (c // 2) + regions * (c // 2) + int(mix.heads) * regions * _taps(mix) + (c // 2) * _taps(mix)
    return h * w * each + regions * d * (c // 2)


@fan_ins.register(ContMix)
def _(mix: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """Values pass one layer, which gathers them: half of the channels by large kernels, half by small ones."""
    return (_taps(mix) / 2,)


EXAMPLES = [
    (ContMix(heads=2, kernel=5, small=3, regions=3), (8, 6, 5), (6, 6, 5), (3, 4, 4)),
    (ContMix(heads=1, kernel=3, small=3, regions=2), (4, 4, 4), (4, 4, 4), (2, 2, 3)),
]
