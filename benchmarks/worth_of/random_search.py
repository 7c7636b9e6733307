"""Random search of the same space: networks drawn under the budget, trained one after the other, chosen by validation.

Each has an eighth of the time, or the epochs of its recipe, which is drawn as the plain network's are.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

from worth_of.job import Job, on_each_core
from worth_of.plain import networks_of
from worth_of.training import Search, best_of, drawn

PART = 1 / 8


def run(job: Job) -> dict[str, Any]:
    return best_of(on_each_core(work, job))


def work(job: Job, number: int) -> dict[str, Any] | None:
    """One process."""
    search, rng = Search(job), random.Random(f"{job.seed} random {number}")
    space = search.domain.space(search.task).narrow(*search.counted)
    recipe = search.recipe(networks_of(search)[0][0])
    for i in itertools.count():
        if not search.goes_on:
            return search.told()
        graph = space.decode(space.sample(f"{job.seed} worth {number} {i}"))
        if search.fits(graph):
            search.train(graph, drawn(recipe, rng), job.seed + i, PART * job.spend)
    raise AssertionError
