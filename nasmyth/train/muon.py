"""Muon for convolutions: momentum whose matrix is made orthogonal, so that all directions of a weight learn at one rate.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", whose coefficients of the iteration these are.
Here weights keep their norm, as those of scale-invariant layers come to do (Kosson et al. 2024, arXiv:2305.17212): the learning
rate is the share of its norm by which a weight moves, whatever its width and kernel. What is no convolution of several channels
(a depthwise one, the one that sees the image, biases, norms, the head) is trained by SGD with Nesterov momentum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 3
"""Of Newton-Schulz: singular values of wide random matrices come to 0.68 to 1.04; of square ones to 1.2 at most, and the
smallest may stay near 0, which is near enough."""
FEWEST_INPUTS = 4
"""Channels that a convolution sees, for its weight to be a matrix worth the name."""


def is_matrix(parameter: Tensor) -> bool:
    """Whether it is the weight of a convolution of several channels."""
    return parameter.ndim > 2 and parameter.shape[1] >= FEWEST_INPUTS and len(parameter) > 1


class MuonOptimizer(torch.optim.Optimizer):
    """Groups hold params, lr, momentum, weight_decay, and whether they are `orthogonal`."""

    def __init__(self, groups: list[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "momentum": 0.0, "weight_decay": 0.0, "orthogonal": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients."""
        if closure is not None:
            raise TypeError("MuonOptimizer takes no closure")
        for group in self.param_groups:
            given = [p for p in group["params"] if p.grad is not None]
            if not given:
                continue
            gradients: list[Any] = [p.grad for p in given]
            if group["weight_decay"]:
                gradients = list(torch._foreach_add(gradients, given, alpha=group["weight_decay"]))
            updates = self._with_momentum(given, gradients, group["momentum"])
            if group["orthogonal"]:
                _turn(given, updates, group["lr"])
            else:
                torch._foreach_add_(given, updates, alpha=-group["lr"])

    def _with_momentum(self, parameters: list[Tensor], gradients: list[Any], momentum: float) -> list[Tensor]:
        """What Nesterov momentum makes of gradients."""
        kept = []
        for parameter in parameters:
            state = self.state[parameter]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(parameter)
            kept.append(state["momentum_buffer"])
        torch._foreach_mul_(kept, momentum)
        torch._foreach_add_(kept, gradients)
        return list(torch._foreach_add(gradients, kept, alpha=momentum))


def _turn(parameters: list[Tensor], updates: list[Tensor], rate: float) -> None:
    """Move each weight by `rate` times its norm, which it keeps; weights of one shape at once."""
    alike: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for i, p in enumerate(parameters):
        alike[len(p), p[0].numel()].append(i)
    for places in alike.values():
        weights = torch.stack([parameters[i].flatten(1) for i in places])
        norms = torch.linalg.matrix_norm(weights, keepdim=True)
        norms = norms.where(norms > 0, 1.0)  # what is all zeros gets the norm 1 by its first step
        towards = orthogonal(torch.stack([updates[i].flatten(1) for i in places]))
        moved = weights - rate * norms * towards / _norm(towards)
        moved *= norms / _norm(moved)
        for i, one in zip(places, moved, strict=True):
            parameters[i].copy_(one.view_as(parameters[i]))


def _norm(matrices: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(matrices, keepdim=True).clamp_min(1e-12)


def orthogonal(x: Tensor) -> Tensor:
    """Matrices (... m n) with the same singular vectors, and singular values near 1: some Newton-Schulz iterations."""
    a, b, c = COEFFICIENTS
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / _norm(x)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x
