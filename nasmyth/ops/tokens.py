"""A token that stands for the whole sequence: put in front of the others, taken out at the end."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing, weightless


@op("b l d -> b 1+l d", weights={"token": "1 1 d"})
class ClassToken(nn.Module):
    """Puts a learned token in front (Devlin 2019, arXiv:1810.04805; for images Dosovitskiy 2021, arXiv:2010.11929)."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.empty(1, 1, d))
        nn.init.trunc_normal_(self.token, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1)


@op("b l d -> b d", ordered="l")
class FirstToken(nn.Module):
    """The first token alone: what a `ClassToken` has become."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0]


@param_count.register(ClassToken)
def _(token: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[1]


mac_count.register(ClassToken, nothing)
weightless(FirstToken)

EXAMPLES = [
    (ClassToken(), (4, 6)),
    (FirstToken(), (4, 6)),
]
