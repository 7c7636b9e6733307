"""The modules of the ops that `graph.joins` defines without torch."""

from __future__ import annotations

import torch
from torch import nn

from nasmyth.graph import joins


class Identity(nn.Module):
    """Passes its input on."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Zero(nn.Module):
    """Zeros, whatever comes in."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x)


class Add(nn.Module):
    """The sum of equal shapes."""

    def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        for other in others:
            x = x + other
        return x


class Multiply(nn.Module):
    """The elementwise product; what lacks the last axes, or has one place along an axis, is repeated along them."""

    def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        for other in others:
            x, other = (x, other) if x.dim() >= other.dim() else (other, x)
            x = x * other.reshape(other.shape + (1,) * (x.dim() - other.dim()))
        return x


class Concat(nn.Module):
    """Joins along the first axis after the batch ("c") or along the last ("d")."""

    def __init__(self, axis: str = "c") -> None:
        super().__init__()
        self.dim = 1 if axis == "c" else -1

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat(inputs, self.dim)


joins.Identity.module = Identity
joins.Zero.module = Zero
joins.Add.module = Add
joins.Multiply.module = Multiply
joins.Concat.module = Concat


EXAMPLES = [
    (joins.Identity(), (3, 4)),
    (joins.Zero(), (3, 4)),
    (joins.Add(), (3, 4), (3, 4), (3, 4)),
    (joins.Multiply(), (3, 4), (3, 4)),
    (joins.Concat(), (3, 4, 4), (2, 4, 4)),
    (joins.Concat("d"), (3, 4), (3, 2)),
    (joins.Multiply(), (3, 4, 5), (3,)),
    (joins.Multiply(), (3,), (3, 4, 5), (3, 4)),
    (joins.Multiply(), (3, 4, 5), (1, 4, 5)),
    (joins.Multiply(), (3, 1), (1, 4), (3,)),
]
