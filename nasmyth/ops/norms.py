"""Normalisation. By our convention norms count no MACs; those over batches also save running means and variances.

`c` is the first axis after the batch (images, vectors), `d` the last (sequences, vectors). Images in channels-first
order need `BatchNorm`, `GroupNorm` or `LayerNorm2d`; sequences need `LayerNorm`, `RMSNorm` or `TokenBatchNorm`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.graph.op import buffer_count, mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing

_STATISTICS = {"weight": "c", "bias": "c", "running_mean": "c", "running_var": "c", "num_batches_tracked": ""}


@op("b c ... -> b c ...", weights=_STATISTICS)
class BatchNorm(nn.BatchNorm2d):
    """Over the batch and all places, for each channel of an image or feature of a vector (Ioffe 2015, arXiv:1502.03167)."""

    def __init__(self, c: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(c, eps, momentum)

    def _check_input_dim(self, input: torch.Tensor) -> None:
        """Any number of places: the signature has been checked already."""


@op("b ... d -> b ... d", weights={name: said.replace("c", "d") for name, said in _STATISTICS.items()})
class TokenBatchNorm(nn.BatchNorm1d):
    """Batch normalisation over the batch and all places, for each feature in the last axis."""

    def __init__(self, d: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(d, eps, momentum)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(0, -2)).reshape(x.shape)


@op("... d -> ... d", weights={"weight": "d", "bias": "d"}, mixes="d")
class LayerNorm(nn.LayerNorm):
    """Over the last axis, at each place (Ba 2016, arXiv:1607.06450)."""

    def __init__(self, d: int, eps: float = 1e-6) -> None:
        super().__init__(d, eps)


@op("b c h w -> b c h w", weights={"weight": "c", "bias": "c"}, mixes="c")
class LayerNorm2d(nn.LayerNorm):
    """Over the channels of an image, at each pixel, as ConvNeXt does (Liu 2022, arXiv:2201.03545)."""

    def __init__(self, c: int, eps: float = 1e-6) -> None:
        super().__init__(c, eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 2, 3, 1)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)


@op("b c=(groups n) ... -> b c ...", weights={"weight": "c", "bias": "c"}, mixes="n ...")
class GroupNorm(nn.GroupNorm):
    """Over groups of channels and all places of one example (Wu 2018, arXiv:1803.08494)."""

    def __init__(self, c: int, groups: int = 8, eps: float = 1e-5) -> None:
        super().__init__(groups, c, eps)


@op("b c h w -> b c h w", weights={"scale": "c 1 1", "shift": "c 1 1"}, mixes="c h w")
class GlobalResponseNorm(nn.Module):
    """Lifts the channels that answer more strongly than the others, over the whole image, beside a shortcut (ConvNeXt V2,
    Woo 2023, arXiv:2301.00808, equation 3)."""

    def __init__(self, c: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.scale = nn.Parameter(torch.zeros(c, 1, 1))
        self.shift = nn.Parameter(torch.zeros(c, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        response = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)
        share = response / (response.mean(1, keepdim=True) + self.eps)
        return (self.scale * share + 1) * x + self.shift


@op("... d -> ... d", weights={"weight": "d"}, mixes="d")
class RMSNorm(nn.RMSNorm):
    """Division by the root mean square over the last axis (Zhang 2019, arXiv:1910.07467)."""

    def __init__(self, d: int, eps: float = 1e-6) -> None:
        super().__init__(d, eps)


def _scale_and_shift(norm: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    first = isinstance(norm, (BatchNorm, LayerNorm2d, GroupNorm, GlobalResponseNorm))
    return 2 * inputs[0][0 if first else -1]


@param_count.register(RMSNorm)
def _(norm: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return inputs[0][-1]


def _statistics(norm: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Running mean and variance, and the number of batches seen."""
    return _scale_and_shift(norm, inputs, output) + 1


_OVER_BATCH = (BatchNorm, TokenBatchNorm)
_WITH_SHIFT = (*_OVER_BATCH, LayerNorm, LayerNorm2d, GroupNorm, GlobalResponseNorm)
for _norm in _OVER_BATCH:
    buffer_count.register(_norm, _statistics)
for _norm in _WITH_SHIFT:
    param_count.register(_norm, _scale_and_shift)
for _norm in (*_WITH_SHIFT, RMSNorm):
    mac_count.register(_norm, nothing)


EXAMPLES = [
    (BatchNorm(), (4, 5, 5)),
    (BatchNorm(), (6,)),
    (TokenBatchNorm(), (5, 4)),
    (TokenBatchNorm(), (4,)),
    (LayerNorm(), (5, 6)),
    (LayerNorm2d(), (6, 3, 4)),
    (GroupNorm(groups=2), (6, 3, 3)),
    (GlobalResponseNorm(), (4, 3, 5)),
    (RMSNorm(), (5, 6)),
]
