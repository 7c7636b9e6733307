"""Pace: what a training step takes, told from a few examples, so that even the first step of a design is bounded.

A network on 8,000 columns may need a minute for one batch and one look at the validation split. So before anything is
trained, a few examples go through all that a training does: two, then four times as many, until that takes long enough to
tell. It also pays for imports and first calls, which are no part of the time of a training.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasmyth.train import Recipe, Task

ENOUGH = 0.1
"""Seconds that a try takes to be believed: what is the same for all numbers of examples is little of it."""
STEP = 4
LOOK = 1 / 3
"""A look at an example, of what a step with it takes: forward, and not backward."""


@dataclass(frozen=True)
class Pace:
    """Seconds: of the shortest training (a step and a look at the validation split), of that look, and of an epoch.

    told: the names of the scores that a look gives.
    """

    least: float
    look: float
    epoch: float
    told: tuple[str, ...] = ()

    @classmethod
    def of(cls, graph: Any, task: Task, recipe: Recipe, seed: int = 0) -> Pace:
        """Of a graph on this machine."""
        from nasmyth.network import build
        from nasmyth.train import fit, initialise

        network = initialise(build(graph, seed, task.inputs, task.outputs), seed)
        batch, count = min(recipe.batch, len(task.train)), 2
        fit(network, few(task, count), recipe, epochs=1, seed=seed)  # imports and first calls
        while True:
            some = few(task, count)
            start = time.perf_counter()
            fitted = fit(network, some, recipe, epochs=1, seed=seed)
            took = time.perf_counter() - start
            if took >= ENOUGH or count >= batch:
                break
            count = min(STEP * count, batch)
        each = took / (len(some.train) + LOOK * len(some.valid))
        look = LOOK * each * len(task.valid)
        return cls(each * batch + look, look, each * len(task.train) + look, tuple(fitted.scores))


def few(task: Task, count: int) -> Task:
    """The task with `count` examples or a few more in each split: of a classification, of two classes at least."""
    import torch

    part = task.train.take(torch.arange(min(count, len(task.train))))
    if task.classes and bool((part.y == part.y[0]).all()):
        other = torch.nonzero(task.train.y != part.y[0]).flatten()[:1]  # a task has two classes
        part = task.train.take(torch.cat([torch.arange(len(part)), other]))
    return replace(task, train=part, valid=part, test=part)
