"""All the time for the domain's plain network: restarts, epochs and draws of the recipe, chosen by validation.

The first training has the domain's recipe. Where the budget excludes every plain network of the domain, small residual
networks take its place, each of the largest width that keeps within it, with and without a stride in the stem; validation
chooses between them, too. `details` says which it was.
"""

from __future__ import annotations

import itertools
import random
from functools import partial
from typing import Any

from nasmyth.errors import BudgetError
from worth_of.job import Job, on_each_core
from worth_of.resnet import WIDTHS, resnet
from worth_of.training import Search, best_of, drawn, largest


def run(job: Job) -> dict[str, Any]:
    return best_of(on_each_core(work, job))


def work(job: Job, number: int) -> dict[str, Any] | None:
    """One process: the best of its trainings."""
    search, rng = Search(job), random.Random(f"{job.seed} plain {number}")
    networks = networks_of(search)
    recipe = search.recipe(networks[0][0])
    for i in itertools.count():
        if not search.goes_on:
            return search.told()
        graph, which = networks[(i + number) % len(networks)]
        chosen = recipe if i == number == 0 else drawn(recipe, rng)
        search.train(graph, chosen, job.seed + 1000 * (i * job.cores + number), which=which)
    raise AssertionError


def networks_of(search: Search) -> list[tuple[Any, str]]:
    """The plain network, or those in its place, and what they are called. Raises BudgetError if there is none."""
    task, found = search.task, []
    try:
        return [(search.domain.space(task).decode(search.domain.baseline(task, search.limits)), "the domain's")]
    except BudgetError:
        if search.job.target is not None:
            raise
    for stem in (1, 2, 4):
        try:
            width = largest(partial(resnet, task, stem=stem), WIDTHS, search)
        except BudgetError:
            continue
        found.append((resnet(task, width, stem=stem), f"a small ResNet {width} wide, stride {stem} in the stem"))
    if not found:
        raise BudgetError(f"no small ResNet keeps within {search.job.under}")
    return found[:2]
