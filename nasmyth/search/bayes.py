"""Bayesian optimisation: a model of what was tried says what to try next.

    BayesianOptimization()                                       # a Gaussian process and its expected improvement, of the
                                                                 # hypervolume where there are several objectives
    BayesianOptimization(acquire=UpperConfidence(1.0), start=20)
    BayesianOptimization(encode=Subtrees(rounds=2))              # of the pieces of networks: a graph kernel

After `start` random genomes, each proposal is that of greatest acquisition among a pool (Jones et al. 1998, "Efficient global
optimization"): the neighbours of the best, which make it a local search that asks the most promising first (local search is
hard to beat on tables: White et al. 2020, arXiv:2005.02960), and some from further away. What is pending counts as told, with
the value that is expected of it ("kriging believer": Ginsbourger et al. 2010), so that several ask at once and differ. A
network that was tried is not tried again in another way of writing it.

Values are ranks of `fitness`, as normal scores. So nothing depends on the scale of the objective, networks that learn nothing
at all do not drown the differences between good ones, and a broken constraint or a failure is just a bad rank. Several
objectives have a model each (`HypervolumeImprovement`); an acquisition of one number has their ranks as evolution ranks them,
by fronts.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from nasmyth.errors import SpaceError
from nasmyth.search.model.acquire import Acquisition
from nasmyth.search.model.columns import Encode
from nasmyth.search.model.encoding import DECISIONS, Known
from nasmyth.search.model.gaussian_process import GaussianProcess
from nasmyth.search.model.hypervolume import HypervolumeImprovement
from nasmyth.search.model.log import Log
from nasmyth.search.model.model import Model
from nasmyth.search.model.pool import pool
from nasmyth.search.model.seen import Seen
from nasmyth.search.strategy import (
    FinishedTrial,
    Pending,
    Proposal,
    Strategy,
    distinct,
    hashable,
    in_full,
    out,
    strategy,
)
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space


@strategy("bayes")
class BayesianOptimization(Strategy):
    """The genome of greatest acquisition by a model of what was told (see the top of this file)."""

    start: int = 10
    model: Model = GaussianProcess()
    acquire: Acquisition = HypervolumeImprovement()
    encode: Encode = DECISIONS

    def check(self) -> None:
        if self.start < 2:
            raise SpaceError(f"{self!r}: a model takes two trials at least to start from")

    def init(self, space: Space) -> Log:
        return Log(space, encode=self.encode)

    def tell(self, state: Log, trial: FinishedTrial) -> Log:
        return state.then(trial)

    def ask(self, state: Log, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        believed = [one.genome for one in pending if one.genome is not None]
        chosen = [] if len(state.told) < self.start else self._chosen(state, space, rng, n, believed)
        return in_full(distinct(lambda: space.sample(rng), n, out(pending), chosen))

    def _chosen(self, state: Log, space: Space, rng: Random, n: int, pending: Sequence[Genome]) -> list[Genome]:
        """The n of greatest acquisition, each after those before it, of which no more is expected than is known; fewer where
        all that there is was tried."""
        encoding = state.encoding
        away = [encoding.known(hashable(one), one) for one in pending]
        told = {**state.known, **{hashable(one.genome): one for one in away}}
        candidates = [encoding.known(*one) for one in pool(space, state.best, told, rng, encoding.near).items()]
        tried = {one.identity for one in told.values()}
        candidates = [one for one in candidates if one.identity not in tried] or candidates
        found: list[Known] = []
        while candidates and len(found) < n:
            worth = self.acquire.over(Seen(state, self.model, encoding.rows([*away, *found])), rng)
            found.append(candidates[int(worth(encoding.rows(candidates)).argmax())])
            candidates = [one for one in candidates if one.identity != found[-1].identity]
        return [one.genome for one in found]
