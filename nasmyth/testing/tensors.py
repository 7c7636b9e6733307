"""Tensors for the suites: inputs, weights that are not near zero, and how far two outputs are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nasmyth.graph.op import Op
from nasmyth.graph.signature import Shape
from nasmyth.testing.laws import law


def normal(shapes: Sequence[Shape], batch: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Random normal numbers: a batch for each input."""
    return [torch.randn(batch, *shape, dtype=dtype) for shape in shapes]


@torch.no_grad()
def randomised(module: nn.Module) -> nn.Module:
    """Random parameters and norm statistics: a fresh network is too near to zero for comparisons to mean anything."""
    for parameter in module.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=0.3)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_()
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    return module


def subject(op: Op, shapes: Sequence[Shape]) -> nn.Module:
    """The op's module in float64 and eval mode, with nothing at its initial value."""
    module: nn.Module = op.build(*shapes)
    return randomised(module).double().eval()


def close(who: object, message: str, a: Tensor, b: Tensor) -> None:
    """The law that two outputs are equal, but for the rounding of float64."""
    gap = relative_gap(a, b)
    law(gap <= 1e-9, who, f"{message} (by {gap:.1e})")


def relative_gap(a: Tensor, b: Tensor) -> float:
    """The largest difference, relative to the largest number where that is above 1; infinite if shapes differ."""
    if a.shape != b.shape:
        return math.inf
    return float((a - b).abs().max() / b.abs().max().clamp(min=1.0)) if a.numel() else 0.0
