"""Scores before training: of several proposals the most promising is trained, where this study's own trainings bear it out.

A score is held against the candidates that were trained so far, beside counting their parameters and MACs (`bench.trust`). Only
one that ranks them better than these do, with a chance of CHANCE, may choose among what the search proposes next; until then,
and where none does, all of it is trained. So a score that fails on this data costs its time and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from nasmyth.bench.scoring import oriented
from nasmyth.bench.trust import LEAST, Trust, trusted
from nasmyth.kinds import Frozen
from nasmyth.measure import Candidate, Measure, evaluate, find
from nasmyth.search import Strategy
from nasmyth.search.strategy import FinishedTrial, Pending, Proposal, hashable
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

if TYPE_CHECKING:
    from nasmyth.train import Task

BASELINES = ("params", "macs")
POOL = 4
"""Proposals for each one that is trained."""


class Scorer:
    """What scores say of the networks of a space, each told once; and which of them is trusted. Raises DataError for scores
    that such a task cannot tell."""

    def __init__(
        self, scores: Sequence[Measure | str], task: Task, seed: int, say: Callable[[Trust, int], object]
    ) -> None:
        from nasmyth.bench.scoring import refuse

        self.scores = [find(one) for one in scores]
        refuse(self.scores, task)
        self.task, self.seed, self.say = task, seed, say
        self.asked = list(dict.fromkeys([*self.scores, *map(find, BASELINES)]))
        self.told: dict[Hashable, dict[str, float]] = {}

    def of(self, space: Space, genome: Genome) -> dict[str, float]:
        """The value of each, and of the baselines; NaN for what it has none of."""
        key = hashable(genome)
        if key not in self.told:
            candidate = Candidate(space.decode(genome), task=self.task, seed=self.seed)
            values = {one.name: evaluate(candidate, [one]).values.get(one.name, math.nan) for one in self.asked}
            self.told[key] = values
        return self.told[key]

    def trusted(self, space: Space, truths: Mapping[Hashable, tuple[Genome, float]]) -> Trust | None:
        """The score that ranks these candidates better than counting does."""
        if len(truths) < LEAST:
            return None
        told = [self.of(space, genome) for genome, _ in truths.values()]
        columns = {one.name: oriented(one, [values[one.name] for values in told]) for one in self.asked}
        ours = {one.name: columns[one.name] for one in self.scores}
        found = trusted(ours, [value for _, value in truths.values()], {name: columns[name] for name in BASELINES})
        if found is not None:
            self.say(found, len(truths))
        return found


@dataclass(frozen=True)
class Screen:
    """The state: of the strategy inside, and what was trained, with how good it was."""

    inner: Any
    truths: dict[Hashable, tuple[Genome, float]] = field(default_factory=dict)


class Screened(Frozen):
    """A strategy whose proposals are screened by a score, once one is trusted. No value, since what scores need is none."""

    def __init__(self, inner: Strategy, scorer: Scorer) -> None:
        self.inner, self.scorer = inner, scorer

    def init(self, space: Space) -> Screen:
        return Screen(self.inner.init(space))

    def tell(self, state: Screen, trial: FinishedTrial) -> Screen:
        state = replace(state, inner=self.inner.tell(state.inner, trial))
        if trial.error is not None or not trial.objectives:
            return state
        truth = (dict(trial.genome), float(trial.objectives[0]))
        return replace(state, truths={**state.truths, hashable(trial.genome): truth})

    def ask(self, state: Screen, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        trust = self.scorer.trusted(space, state.truths) if n else None
        if trust is None:
            return self.inner.ask(state.inner, space, rng, n, pending)
        pool = self.inner.ask(state.inner, space, rng, POOL * n, pending)
        values = oriented(trust.name, [self.scorer.of(space, one.genome)[trust.name] for one in pool])
        best = sorted(range(len(pool)), key=lambda i: -values[i])
        return [pool[i] for i in best[:n]]
