"""Pace: what a training step takes, told from a few examples, so that even the first step of a design is bounded.

A network on 8,000 columns may need a minute for one batch and one look at the validation split. So before anything is
trained, a few examples go through all that a training does: two, then four times as many, until that takes long enough to
tell. It also pays for imports and first calls, which are no part of the time of a training. And whether a training on all
cores is faster than one on one, which it is for wide networks and large batches.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasmyth.train.threads import threads

if TYPE_CHECKING:
    from nasmyth.train import Recipe, Task

MANIFOLD, MARGIN = 4, 0.1
"""Each try takes so many times the examples of the one before. It is the last if they made it twice as long as two
examples, and so many seconds longer: the rest of a training is the same for all numbers of examples."""
TRIED = 0.5
"""Seconds of training by which it is told what more threads bring."""
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

        network = build(graph, seed, task.inputs, task.outputs)
        initialise(network, seed)
        batch, count = min(recipe.batch, len(task.train)), 2

        def tried(count: int) -> tuple[float, Task, Any]:
            """The seconds of a training on so many examples, the shorter of two: others work on this machine, too."""
            some = task.few(count)
            took: list[float] = []
            while len(took) < 2 and sum(took) < 1.0:
                start = time.perf_counter()
                fitted = fit(network, some, recipe, epochs=1, seed=seed)
                took.append(time.perf_counter() - start)
            return min(took), some, fitted

        fit(network, task.few(count), recipe, epochs=1, seed=seed)  # imports and first calls
        base, two, fitted = tried(count)
        more, each = 0.0, base / _weight(two)
        while count < batch and not (more >= MARGIN and more >= base):
            count = min(MANIFOLD * count, batch)
            took, some, fitted = tried(count)
            more = max(0.05 * base, took - base)  # noise may say that more examples took less
            each = more / max(1.0, _weight(some) - _weight(two))
        look = LOOK * each * len(task.valid)
        return cls(base + each * batch + look, look, each * len(task.train) + look, tuple(fitted.scores))


def _weight(task: Task) -> float:
    """Examples that a training for an epoch takes a step with, and looks at for a third of the price."""
    return len(task.train) + LOOK * len(task.valid)


def speedup(graph: Any, task: Task, recipe: Recipe, epoch: float, cores: int) -> float:
    """How many times as fast a network trains on so many threads as on one, where an epoch takes so many seconds."""
    from nasmyth.network import build
    from nasmyth.train import fit, initialise

    if cores < 2:
        return 1.0
    network = initialise(build(graph, 0, task.inputs, task.outputs), 0)
    examples = max(recipe.batch, int(len(task.train) * min(1.0, TRIED / max(epoch, 1e-9))))
    some, took = task.few(examples), dict.fromkeys((1, cores), float("inf"))
    for count in (1, cores, 1, cores):
        with threads(count):
            start = time.perf_counter()
            fit(network, some, recipe, epochs=1)
            took[count] = min(took[count], time.perf_counter() - start)
    return took[1] / took[cores]
