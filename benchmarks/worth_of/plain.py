"""All the time for the domain's plain network: restarts, epochs and draws of the recipe, chosen by validation.

The first training has the domain's recipe. Where the budget excludes every plain network of the domain, a small residual
network of the largest width that keeps within it takes its place (`details` says which it was).
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
    found = on_each_core(work, job)
    return best_of([told for told, _ in found], network=found[0][1])


def work(job: Job, number: int) -> tuple[dict[str, Any] | None, str]:
    """One process: the best of its trainings, and which network that was."""
    search, rng = Search(job), random.Random(f"{job.seed} plain {number}")
    graph, which = network_of(search)
    recipe = search.recipe(graph)
    for i in itertools.count():
        if not search.goes_on:
            return search.told(), which
        first = i == number == 0
        search.train(graph, recipe if first else drawn(recipe, rng), job.seed + 1000 * (i * job.cores + number))
    raise AssertionError


def network_of(search: Search) -> tuple[Any, str]:
    """The plain network, and what it is called."""
    task = search.task
    try:
        return search.domain.space(task).decode(search.domain.baseline(task, search.limits)), "the domain's"
    except BudgetError:
        if search.job.target is not None:
            raise
    for stem in (1, 2, 4):
        try:
            width = largest(partial(resnet, task, stem=stem), WIDTHS, search)
        except BudgetError:
            continue
        return resnet(task, width, stem=stem), f"a small ResNet {width} wide, its stem with stride {stem}"
    raise BudgetError(f"no small ResNet keeps within {search.job.under}")
