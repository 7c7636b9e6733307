"""Batch normalisation of points of the Poincaré ball (see `poincare.py`)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.op import buffer_count, mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.poincare import curved
from nasmyth.ops.rules import nothing

MEANS = ("midpoint", "frechet")


def _known_mean(norm: Any) -> None:
    curved(norm)
    if isinstance(norm.mean, str) and norm.mean not in MEANS:
        raise SpaceError(f"{norm!r}: mean is one of {', '.join(MEANS)}{nearest(norm.mean, MEANS)}")


@op(
    "b c ... -> b c ...",
    check=_known_mean,
    weights={"shift": "c", "scale": "", "running_mean": "c", "running_var": ""},
    mixes="c",
)
class PoincareBatchNorm(nn.Module):
    """Moves the mean of a batch to a learned point and its mean squared distance from there to a learned one (van Spengler
    2023, arXiv:2303.14027), over the batch and all places.

    mean: "midpoint" is the weighted mean sum(l x) / sum(l - 1), l = 2 / (1 - c|x|^2), half as far from the origin (Ungar's
        midpoint); "frechet" the point of least squared distances (Lou 2020, arXiv:2003.00335), to which the
        mean direction is followed from the midpoint until a step is below 1e-6 of the radius, 100 at most.

    Departure: points travel between the mean and the learned point by way of the origin, x -> shift + s (-mean + x), so that
    they may be turned about it; while the shift is 0, as at first, there is no difference.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(
        self, c: int, mean: str = "midpoint", curvature: float = 1.0, eps: float = 1e-6, momentum: float = 0.1
    ) -> None:
        super().__init__()
        self.mean, self.root, self.eps, self.momentum = mean, math.sqrt(curvature), eps, momentum
        self.shift = nn.Parameter(torch.zeros(c))
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """In the ball of radius 1, with points as rows."""
        points = self.inside(self.root * x.movedim(1, -1).contiguous())
        mean, variance = self.inside(self.running_mean[None]), self.running_var
        if self.training:
            rows = points.reshape(-1, points.shape[-1])
            mean = self.midpoint(rows) if self.mean == "midpoint" else self.frechet(rows)
        points = self.add(-mean, points)
        length = torch.linalg.vector_norm(points, dim=-1, keepdim=True).clamp(min=1e-7)
        far = 2 * length.clamp(max=0.996).atanh()
        if self.training:
            variance = far.square().mean()
            self.remember(mean.detach(), variance.detach())
        points = points * ((far * self.scale / (2 * (variance + self.eps).sqrt())).tanh() / length)
        return self.inside(self.add(self.exp(self.shift[None]), points)).movedim(-1, 1) / self.root

    def midpoint(self, x: torch.Tensor) -> torch.Tensor:
        weight = 2 / (1 - x.square().sum(1, keepdim=True))
        double = (weight * x).sum(0, keepdim=True) / (weight - 1).sum()
        return double / (1 + (1 - double.square().sum()).sqrt())

    def frechet(self, x: torch.Tensor) -> torch.Tensor:
        mean = self.midpoint(x)
        for _ in range(100):
            way = self.log(self.add(-mean, x))
            far = torch.linalg.vector_norm(way, dim=1).clamp(min=1e-7)
            # squared distances curve by far / tanh(far) at most: a longer step could overshoot
            step = self.exp(way.mean(0, keepdim=True) / (far / far.tanh()).mean())
            mean = self.add(mean, step)
            if float(step.detach().abs().max()) < 1e-6:
                break
        return mean

    @torch.no_grad()
    def remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """The running mean goes a part of the way to this one, along the line between them."""
        before = self.inside(self.running_mean[None])
        way = self.exp(self.momentum * self.log(self.add(-before, mean)))
        self.running_mean.copy_(self.add(before, way)[0])
        self.running_var.lerp_(variance, self.momentum)

    def inside(self, x: torch.Tensor) -> torch.Tensor:
        return x * (0.996 / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=0.996))

    def add(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        xx, yy, xy = ((a * b).sum(-1, keepdim=True) for a, b in ((x, x), (y, y), (x, y)))
        below = 1 + 2 * xy + xx * yy
        return (1 + 2 * xy + yy) / below * x + (1 - xx) / below * y

    def exp(self, v: torch.Tensor) -> torch.Tensor:
        """Of a vector twice as long as in the tangent space at the origin: |v| is a distance."""
        norm = torch.linalg.vector_norm(v, dim=-1, keepdim=True).clamp(min=1e-7)
        return v * ((norm / 2).tanh().clamp(max=0.996) / norm)

    def log(self, x: torch.Tensor) -> torch.Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=1e-7)
        return x * (2 * norm.clamp(max=0.996).atanh() / norm)

    def extra_repr(self) -> str:
        return f"mean={self.mean}"


@param_count.register(PoincareBatchNorm)
def _(norm: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[0] + 1


@buffer_count.register(PoincareBatchNorm)
def _(norm: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Running mean and variance."""
    return output[0] + 1


mac_count.register(PoincareBatchNorm, nothing)

EXAMPLES = [
    (PoincareBatchNorm(), (4, 3, 5)),
    (PoincareBatchNorm("frechet", curvature=0.4), (4,)),
]
