"""Intrinsic dimension: in how few directions the weights of a network must be able to move to learn a task
(Li et al. 2018, arXiv:1804.08838, sections 2 and 3).

    w = w0 + P z,    w0 the first weights, P random with columns of length 1, and d numbers z, which alone are trained

The measure is the least d, on a grid that grows by GRID, that gives SHARE of the score of the network trained in all its
weights. It trains a network for each d that is tried, which doubles until it is enough and is then narrowed down; so it costs
several trainings. z is trained by Adam without decay for the epochs of the recipe; P has entries from the normal
distribution, drawn again from its seed, so that a network is d numbers and a seed (`Subspace.place`).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure

SHARE, GRID = 0.9, 1.25
RATE, LARGEST = 0.05, 2**28
"""Of Adam; and the most numbers that P may have."""


class Subspace:
    """The first weights of a network and d random directions around them."""

    def __init__(self, network: Any, d: int, seed: int = 0) -> None:
        self.network, self.d = network, d
        self.first = {name: weight.detach().clone() for name, weight in network.named_parameters()}
        count = sum(weight.numel() for weight in self.first.values())
        if count * d > LARGEST:
            raise CandidateError(
                f"intrinsic_dimension would draw {count:,} x {d:,} numbers, and {LARGEST:,} are the most: take a smaller one"
            )
        drawn = torch.randn(count, d, generator=torch.Generator().manual_seed(seed))
        self.directions = drawn / drawn.norm(dim=0)

    def weights(self, z: Tensor) -> dict[str, Tensor]:
        """The weights at z, by which they can be differentiated."""
        moved = (self.directions @ z).split([weight.numel() for weight in self.first.values()])
        return {n: w + one.view_as(w) for (n, w), one in zip(self.first.items(), moved, strict=True)}

    @torch.no_grad()
    def place(self, z: Tensor) -> None:
        """Move the network to z."""
        for name, weight in self.network.named_parameters():
            weight.copy_(self.weights(z)[name])


def trained_in(space: Subspace, task: Any, epochs: float, batch: int, seed: int) -> Tensor:
    """The d numbers after so many epochs; the network is left there."""
    z = torch.zeros(space.d, requires_grad=True)
    steps = max(1, math.ceil(epochs * len(task.train) / batch))
    adam = torch.optim.Adam([z], lr=RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    prepare, generator = task.inputs.module(), torch.Generator().manual_seed(seed)
    buffers = dict(space.network.named_buffers())
    space.network.train()
    for _ in range(steps):
        stored, y = task.train.batch(torch.randint(len(task.train), (batch,), generator=generator))
        x = prepare(stored)
        pred = torch.func.functional_call(
            space.network, {**space.weights(z), **buffers}, x if isinstance(x, tuple) else (x,)
        )
        adam.zero_grad()
        task.loss(pred, y).backward()
        adam.step()
        falling.step()
    space.network.eval()
    space.place(z.detach())
    return z.detach()


@measure(unit="", direction="min", needs=("graph", "seed", "task", "recipe", "training"))
def intrinsic_dimension(graph: Any, seed: int, task: Any, recipe: Any, training: Any) -> float:
    """Least number of random directions of the weights in which the task is learned (Li et al. 2018, arXiv:1804.08838)."""
    from nasmyth.network import build
    from nasmyth.train import evaluate, initialise

    name = task.objective
    if task.direction != "max":
        raise CandidateError(
            f"intrinsic_dimension is told of scores of which more is better, and this task's is {name}"
        )
    enough = SHARE * training.fitted.scores[name]

    def reached(step: int) -> bool:
        network = initialise(build(graph, seed, task.inputs, task.outputs), seed)
        space = Subspace(network, size(step), seed)
        trained_in(space, task, training.fitted.epochs, recipe.batch, seed)
        return evaluate(network, task)[name] >= enough

    most = math.floor(math.log(graph.costs.params, GRID))
    high = 4
    while high < most and not reached(high):
        high = min(most, high + 3)  # about twice as many directions
    low = high - 3
    if high == most and not reached(high):
        raise CandidateError(f"intrinsic_dimension: as many directions as weights do not reach {enough:.4g} of {name}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return float(size(high))


def size(step: int) -> int:
    """The directions at a step of the grid."""
    return math.ceil(GRID**step)
