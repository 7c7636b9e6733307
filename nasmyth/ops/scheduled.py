"""Regularisation that grows while a network is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.op import op
from nasmyth.ops.rules import weightless


def _rate_below_one(drop: Any) -> None:
    if isinstance(drop.rate, (int, float)) and not 0 <= drop.rate < 1:
        raise SpaceError(f"{drop!r}: rate is a probability from 0 up to but without 1")


@op("b ... -> b ...", check=_rate_below_one)
class ScheduledDropPath(nn.Module):
    """In training, zeroes whole examples with a probability that rises linearly from 0 to `rate` (Zoph et al. 2018,
    arXiv:1707.07012, section 3).

    Training tells its progress by `set_progress`; before it does, and where nothing does, the probability is `rate`.
    """

    def __init__(self, rate: float = 0.3) -> None:
        super().__init__()
        self.rate, self.progress = rate, 1.0

    def set_progress(self, fraction: float) -> None:
        """Take note of how much of the training is over, 0 to 1."""
        self.progress = min(1.0, max(0.0, fraction))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rate = self.rate * self.progress
        if not self.training or rate == 0:
            return x
        keep = torch.empty_like(x[(slice(None),) + (slice(0, 1),) * (x.dim() - 1)]).bernoulli_(1 - rate)
        return x * keep / (1 - rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


weightless(ScheduledDropPath)

EXAMPLES = [(ScheduledDropPath(0.3), (4, 5)), (ScheduledDropPath(0.5), (3, 4, 4))]
