"""Training one network after the other for as long as there is time, and handing over the best in validation.

search = Search(job)
search.train(graph, recipe, seed, seconds)          # as often as one likes
search.told()                                       # the best of them on the test split, which nothing else looks at
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from nasmyth.domains import domain_for, read
from nasmyth.errors import BudgetError, CandidateError
from nasmyth.measure import Candidate, constraints, evaluate, figures_of
from nasmyth.network import build
from nasmyth.space import Space
from nasmyth.train import Recipe, fit, initialise
from nasmyth.train import evaluate as scores_of
from worth_of.job import Job

TIMED, TIMING = 5, 0.04
"""Epochs, and the share of the time, that a plain network is trained for before its domain is asked for the recipe."""
GLANCE = 64
"""Examples by which it is told how long a look at the validation split takes."""
LOOKING = 0.4
"""What takes more of its time for one look is not trained."""
SHORTEST = 0.25
"""A training that could last no more than this share of the one before is not begun."""


class Search:
    """Networks that are trained in this process, on one thread."""

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(1)
        self.job, self.task = job, read(job.data, job.target, seed=job.seed)
        self.domain, self.limits = domain_for(self.task), constraints([job.under])
        self.counted = tuple(limit for limit in self.limits if limit.measure.requires <= {"graph"})
        self.best: tuple[tuple[float, float], Any, dict[str, float], str] | None = None
        self.trained = self.failed = 0
        self.took = 0.0
        """Seconds of the last training."""

    @property
    def goes_on(self) -> bool:
        """Whether another training is worth it."""
        return self.job.left > max(1.0, SHORTEST * self.took)

    def fits(self, graph: Any) -> bool:
        """Whether a graph keeps within the budget."""
        told = evaluate(Candidate(graph, task=self.task), under=self.limits)
        return told.error is None and told.broken is None

    def train(
        self, graph: Any, recipe: Recipe, seed: int, seconds: float = math.inf, which: str = "", **how: Any
    ) -> Any:
        """The scores in validation; None for what diverged, or is too slow to be looked at in that time.

        which: what the network is called.
        """
        start, seconds = time.time(), min(seconds, self.job.left)
        network = build(graph, seed, self.task.inputs, self.task.outputs)
        initialise(network, seed)
        if self._look(network) > LOOKING * seconds:
            self.failed += 1
            return None
        try:
            fitted = fit(network, self.task, recipe, seconds=seconds, seed=seed, **how)
        except CandidateError:
            self.failed += 1
            return None
        self.trained, self.took = self.trained + 1, time.time() - start
        quality = quality_of(fitted.scores, self.job.metric)
        if self.best is None or quality > self.best[0]:
            self.best = quality, network, {**fitted.scores, "epochs": fitted.epochs}, which
        return fitted.scores

    def _look(self, network: Any) -> float:
        """Seconds that the validation split takes, roughly."""
        few = self.task.few(GLANCE)
        scores_of(network, few)  # the first call is slower
        start = time.perf_counter()
        scores_of(network, few)
        return (time.perf_counter() - start) * len(self.task.valid) / len(few.valid)

    def recipe(self, graph: Any) -> Recipe:
        """The domain's, after the look at some epochs of a network that the domain may want."""
        recipe = self.task.recipe or self.domain.recipe(self.task)
        network = build(graph, self.job.seed, self.task.inputs, self.task.outputs)
        initialise(network, self.job.seed)
        seconds = min(TIMING * self.job.spend, self.job.left)
        fit(network, self.task, recipe, epochs=TIMED, seconds=seconds, seed=self.job.seed)
        decisions, _ = self.domain.adapted(network, self.task)
        if not decisions:
            return recipe
        networks = self.domain.space(self.task)
        space = Space(networks.template, networks.inputs, self.domain.recipe_space(self.task))
        return space.recipe_of(space.changed({}, decisions))

    def told(self) -> dict[str, Any] | None:
        """The test score of the best, and what it is; None if nothing could be trained."""
        if self.best is None:
            return None
        quality, network, scores, which = self.best
        score = scores_of(network, self.task, "test")[self.job.metric]
        told = figures_of(network, [*(limit.measure for limit in self.limits), "params", "macs"], self.task)
        return {
            "score": score, "quality": quality, "valid": scores, "figures": told, "network": which, "trained": self.trained,
            "failed": self.failed,
        }  # fmt: skip


def quality_of(scores: dict[str, float], metric: str) -> tuple[float, float]:
    """What is chosen by in validation, more being better: the score, then the loss."""
    return (scores["accuracy"], -scores["loss"]) if metric == "accuracy" else (-scores[metric], -scores["loss"])


def drawn(recipe: Recipe, rng: random.Random) -> Recipe:
    """The recipe again, in a quarter of the cases; else another one near it, and longer perhaps."""
    if rng.random() < 0.25:
        return recipe
    optimizer = recipe.optimizer.replace(
        lr=recipe.optimizer.lr * 10 ** rng.uniform(-0.6, 0.6),
        weight_decay=recipe.optimizer.weight_decay * 10 ** rng.uniform(-1.0, 1.0),
    )
    batch = max(16, int(recipe.batch * rng.choice((0.5, 1, 2))))
    return recipe.replace(optimizer=optimizer, epochs=recipe.epochs * rng.choice((1, 2, 4)), batch=batch)


def largest(make: Callable[[int], Any], widths: Sequence[int], search: Search) -> int:
    """The largest of the widths whose graph keeps within the budget. Raises BudgetError if none does."""
    low, high = -1, len(widths)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if search.fits(make(widths[middle])) else (low, middle)
    if low < 0:
        raise BudgetError(f"none of the widths {widths[0]} to {widths[-1]} keeps within {search.job.under}")
    return widths[low]


def best_of(found: list[dict[str, Any] | None]) -> dict[str, Any]:
    """What the processes found, as one result: the best in validation, and how much was trained in all."""
    there = [one for one in found if one is not None]
    if not there:
        return {"failure": "nothing could be trained in this time"}
    best = max(there, key=lambda one: tuple(one["quality"]))
    count = {name: sum(one[name] for one in there) for name in ("trained", "failed")}
    return {"score": best.pop("score"), "details": {**best, **count}}
