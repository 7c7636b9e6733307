"""Activations: one op, `Activation("gelu")`, whose kind may be a decision of the search. They count no MACs."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.op import op
from nasmyth.ops.rules import weightless

KINDS = (
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "gelu",
    "silu",
    "mish",
    "hardswish",
    "hardsigmoid",
    "sigmoid",
    "tanh",
    "softplus",
)
"""Names of functions in torch.nn.functional."""


def _known(activation: Any) -> None:
    if isinstance(activation.kind, str) and activation.kind not in KINDS:
        raise SpaceError(f"{activation!r}: kind is one of {', '.join(KINDS)}{nearest(activation.kind, KINDS)}")


@op("b ... -> b ...", check=_known)
class Activation(nn.Module):
    """An elementwise nonlinearity, by its name in torch.nn.functional."""

    def __init__(self, kind: str = "relu") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return getattr(F, self.kind)(x)

    def extra_repr(self) -> str:
        return self.kind


weightless(Activation)

EXAMPLES = [(Activation(kind), (6,)) for kind in KINDS] + [(Activation(), (3, 4, 4))]
