"""What helps training and does next to nothing afterwards: dropout, stochastic depth, layer scale."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing, weightless


def rate_below_one(dropout: Any) -> None:
    if isinstance(dropout.rate, (int, float)) and not 0 <= dropout.rate < 1:
        raise SpaceError(f"{dropout!r}: rate is a probability from 0 up to but without 1")


@op("b ... -> b ...", check=rate_below_one)
class Dropout(nn.Dropout):
    """In training, zeroes each number with probability `rate` and scales up the rest (Srivastava 2014)."""

    def __init__(self, rate: float = 0.1) -> None:
        super().__init__(rate)


def drop_examples(x: torch.Tensor, rate: float) -> torch.Tensor:
    """Zeroes whole examples with probability `rate`, and scales up the rest."""
    keep = torch.empty_like(x[(slice(None),) + (slice(0, 1),) * (x.dim() - 1)]).bernoulli_(1 - rate)
    return x * keep / (1 - rate)


@op("b ... -> b ...", check=rate_below_one)
class DropPath(nn.Module):
    """In training, zeroes whole examples with probability `rate`: stochastic depth, at the end of a residual branch
    (Huang 2016, arXiv:1603.09382)."""

    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.rate == 0:
            return x
        return drop_examples(x, self.rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


@op("... d -> ... d", weights={"scale": "d"})
class LayerScale(nn.Module):
    """A learned factor for each feature in the last axis, small at first (Touvron 2021, arXiv:2103.17239)."""

    def __init__(self, d: int, start: float = 1e-4) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((d,), start))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


@op("b c h w -> b c h w", weights={"scale": "c"})
class LayerScale2d(nn.Module):
    """A learned factor for each channel of an image, small at first."""

    def __init__(self, c: int, start: float = 1e-4) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((c,), start))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale[:, None, None]


@param_count.register(LayerScale)
def _(scale: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return inputs[0][-1]


@param_count.register(LayerScale2d)
def _(scale: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return inputs[0][0]


for _scale in (LayerScale, LayerScale2d):
    mac_count.register(_scale, nothing)
weightless(Dropout, DropPath)

EXAMPLES = [
    (Dropout(0.3), (5,)),
    (DropPath(0.3), (4, 5)),
    (LayerScale(), (4, 5)),
    (LayerScale2d(), (3, 4, 4)),
]
