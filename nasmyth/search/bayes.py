"""Bayesian optimisation: a model of what was tried says what to try next.

    BayesianOptimization()                                       # a Gaussian process and its upper confidence bound
    BayesianOptimization(acquire=ExpectedImprovement(), start=20)

After `start` random genomes, each proposal is that of greatest acquisition among a pool (Jones et al. 1998, "Efficient global
optimization"): all of a small space; else random ones, mutants and neighbours of the best, and then uphill from the best of
these, one decision at a time. What is pending counts as told, with the value that is expected of it ("kriging believer":
Ginsbourger et al. 2010), so that several ask at once and differ.

Values are ranks of `fitness`, as normal scores. So nothing depends on the scale of the objective, networks that learn nothing
at all do not drown the differences between good ones, a broken constraint or a failure is just a bad rank, and several
objectives are ranked as evolution ranks them, by fronts.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.search.model.acquire import Acquisition, UpperConfidence, Worth
from nasmyth.search.model.encoding import encoding_of
from nasmyth.search.model.gaussian_process import GaussianProcess, Posterior, Settings
from nasmyth.search.model.log import Log
from nasmyth.search.model.pool import Pool, uphill
from nasmyth.search.strategy import (
    FinishedTrial,
    Pending,
    Proposal,
    Strategy,
    distinct,
    fitness,
    hashable,
    in_full,
    out,
    strategy,
)
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

CLIMBS = 3
"""From how many genomes of a pool that is not the whole space it is climbed."""


@strategy("bayes")
class BayesianOptimization(Strategy):
    """The genome of greatest acquisition by a model of what was told (see the top of this file)."""

    start: int = 10
    model: GaussianProcess = GaussianProcess()
    acquire: Acquisition = UpperConfidence()

    def check(self) -> None:
        if self.start < 2:
            raise SpaceError(f"{self!r}: a model takes two trials at least to start from")

    def init(self, space: Space) -> Log:
        return Log(space)

    def tell(self, state: Log, trial: FinishedTrial) -> Log:
        return Log(
            state.space, (*state.told, (trial.genome, fitness(trial))), state.since, (*state.seconds, trial.seconds)
        )

    def ask(self, state: Log, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        away = out(pending)
        if len(state.told) < self.start:
            return in_full(distinct(lambda: space.sample(rng), n, away))
        known = away | {hashable(genome) for genome, _ in state.told}
        believed = [one.genome for one in pending if one.genome is not None]
        found: list[Genome] = []
        settings = state.since.settings(self.model)
        pool = Pool.of(space, state.best, rng)
        while len(found) < n:
            posterior = _believing(settings, state, believed)
            chosen = _greatest(self.acquire.over(posterior, state, rng), space, pool, known)
            if chosen is None:  # all that there is was tried
                break
            found.append(chosen)
            known = known | {hashable(chosen)}
            believed.append(chosen)
        return in_full(distinct(lambda: space.sample(rng), n, away, found))


def _greatest(worth: Worth, space: Space, pool: Pool, known: set[Any]) -> Genome | None:
    """The genome that is worth most and is not known."""
    worths = worth(pool.x)
    order = [int(i) for i in np.argsort(-worths) if pool.tokens[i] not in known]
    tops = [(float(worths[i]), pool.genomes[i]) for i in order[: 1 if pool.whole else CLIMBS]]
    climbed = tops if pool.whole else [uphill(value, genome, space, worth, known) for value, genome in tops]
    return max(climbed, key=lambda one: one[0])[1] if climbed else None


def _believing(settings: Settings, state: Log, believed: Sequence[Genome]) -> Posterior:
    """The process after all that was told, and what is expected of those that were not."""
    told = settings.given(state.x, state.y)
    if not believed:
        return told
    more = encoding_of(state.space)(believed)
    return settings.given(np.vstack((state.x, more)), np.append(state.y, told.predict(more)[0]))
