"""Vectors of length one: what rotations, as quaternions, and directions are."""

from __future__ import annotations

import torch
from torch import nn

from nasmyth.graph.op import op
from nasmyth.ops.rules import weightless


@op("b ... d -> b ... d", mixes="d")
class UnitVector(nn.Module):
    """x / |x| over the last axis. A vector of zeros stays it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / torch.clamp(x.square().sum(-1, keepdim=True).sqrt(), min=1e-12)


weightless(UnitVector)

EXAMPLES = [(UnitVector(), (4,)), (UnitVector(), (3, 5))]
