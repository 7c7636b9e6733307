"""Regularisation that grows while a network is trained."""

from __future__ import annotations

import torch
from torch import nn

from nasmyth.graph.op import op
from nasmyth.ops.regularise import drop_examples, rate_below_one
from nasmyth.ops.rules import weightless


@op("b ... -> b ...", check=rate_below_one)
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
        return drop_examples(x, rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


weightless(ScheduledDropPath)

EXAMPLES = [(ScheduledDropPath(0.3), (4, 5)), (ScheduledDropPath(0.5), (3, 4, 4))]
