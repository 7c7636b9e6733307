"""The module of layers on frames, which `graph.frames` defines without torch, and a vector given at every step."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.frames import Framewise as FramewiseOp
from nasmyth.graph.op import op
from nasmyth.ops.convolution import Conv
from nasmyth.ops.linear import Linear
from nasmyth.ops.norms import BatchNorm
from nasmyth.ops.rules import weightless


class Framewise(nn.Module):
    """A layer on each frame of b l ...: the frames of all examples are its batch."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(*(x.flatten(0, 1) for x in inputs))
        return found.unflatten(0, (-1, inputs[0].shape[1]))


FramewiseOp.module = Framewise


def _some(repeated: Any) -> None:
    if type(repeated.length) is int and repeated.length < 1:
        raise SpaceError(f"{repeated!r}: length must be at least 1, got {repeated.length}")


@op("b d -> b length d", check=_some, ordered="length")
class Repeated(nn.Module):
    """A vector at each of `length` places, for a recurrent layer that makes a sequence of it."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unsqueeze(1).expand(-1, self.length, -1)


weightless(Repeated)

EXAMPLES = [
    (FramewiseOp(Conv(4, stride=2)), (3, 2, 5, 4)),
    (FramewiseOp(BatchNorm()), (3, 4, 2, 2)),
    (FramewiseOp(Linear(3)), (4, 5)),
    (Repeated(3), (4,)),
]
