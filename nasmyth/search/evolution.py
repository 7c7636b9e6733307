"""Evolution: mutants of the better among a population, which the young or the good survive in.

    Evolution(population=64)
    Evolution(population=64, parent=Tournament(8), crossover=0.3)
    Evolution(population=4, parent=Tournament(2), survive=Best())
    Evolution(early_exit=EarlyExit(params <= 3e6))

A population of random genomes; then each proposal is a mutant (or a child of two parents) of the best among a few drawn
from the population. By default that is the newest `population` trials: because the oldest leave, whatever their score, a
network that was lucky once must prove itself again through its children (regularised evolution: Real et al. 2019,
"Regularized Evolution for Image Classifier Architecture Search", arXiv:1802.01548, algorithm 1). `Best` keeps the best
instead, as in the (mu + lambda) strategies of Rechenberg and Schwefel: for searches too short for a population to renew.

Several objectives are ranked side by side, as in NSGA-II (Deb et al. 2002): members that none of the population dominates
come first, then those that only these do, and so on; of equals, those with fewer others around them. A member that
misses a constraint comes after all that miss it by less.

Departures: failed trials take part as worst, so that the population ages all the same; constraints rank before the
objective (see `fitness`); `crossover`, 0 as in the paper by default, mixes two parents.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.record import Value
from nasmyth.search.early_exit import EarlyExit
from nasmyth.search.pareto import crowded
from nasmyth.search.strategy import (
    WORST,
    FinishedTrial,
    Fitness,
    Pending,
    Proposal,
    Strategy,
    distinct,
    fitness,
    in_full,
    out,
    strategy,
)
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

Member = tuple[Genome, Fitness]
Ranked = tuple[Genome, Any]
"""A genome, and a key that is larger for the better."""


class Tournament(Value):
    """The best of `size` members drawn at random, with replacement."""

    size: int = 8

    def check(self) -> None:
        if self.size < 1:
            raise SpaceError(f"Tournament({self.size}): at least one must take part")

    def __call__(self, members: Sequence[Ranked], rng: Random) -> Genome:
        drawn = [members[rng.randrange(len(members))] for _ in range(self.size)]
        return max(drawn, key=lambda member: member[1])[0]


class Survival(Value, abstract=True):
    """Which members stay in the population."""

    def __call__(self, members: tuple[Member, ...], population: int) -> tuple[Member, ...]:
        """At most `population` of these, which stand in the order in which they were told."""
        raise NotImplementedError


class Newest(Survival):
    """The young survive."""

    def __call__(self, members: tuple[Member, ...], population: int) -> tuple[Member, ...]:
        return members[-population:]


class Best(Survival):
    """The good survive; of equals, the older."""

    def __call__(self, members: tuple[Member, ...], population: int) -> tuple[Member, ...]:
        keys = [key for _, key in ranked(members)]
        order = sorted(range(len(members)), key=keys.__getitem__, reverse=True)
        return tuple(members[i] for i in order[:population])


@strategy("evolution")
class Evolution(Strategy):
    """Evolution by mutation (see the top of this file).

    population: how many trials may be parents; as many are drawn at random first. survive: which those are.
    parent: how one is chosen. crossover: probability that a child has two parents. changes: decisions a mutation remakes.
    early_exit: what is made anew before anything is paid for it.
    """

    population: int = 32
    parent: Tournament = Tournament(8)
    crossover: float = 0.0
    changes: int = 1
    survive: Survival = Newest()
    early_exit: EarlyExit | None = None

    def check(self) -> None:
        if self.population < 1 or self.changes < 1 or not 0 <= self.crossover <= 1:
            raise SpaceError(f"{self!r}: needs population >= 1, changes >= 1 and crossover from 0 to 1")

    def init(self, space: Space) -> tuple[Member, ...]:
        return ()

    def tell(self, state: tuple[Member, ...], trial: FinishedTrial) -> tuple[Member, ...]:
        return self.survive((*state, (trial.genome, fitness(trial))), self.population)

    def ask(
        self, state: tuple[Member, ...], space: Space, rng: Random, n: int, pending: Sequence[Pending]
    ) -> list[Proposal]:
        members = ranked(state)
        return in_full(distinct(lambda: self._made(members, space, rng), n, out(pending)))

    def _made(self, members: Sequence[Ranked], space: Space, rng: Random) -> Genome:
        if self.early_exit is None:
            return self._child(members, space, rng)
        return self.early_exit(lambda there: self._child(members, there, rng), space, len(members) / self.population)

    def _child(self, members: Sequence[Ranked], space: Space, rng: Random) -> Genome:
        if len(members) < self.population:
            return space.sample(rng)
        child = self.parent(members, rng)
        if rng.random() < self.crossover:
            child = space.crossover(child, self.parent(members, rng), rng)
        return space.mutate(child, rng, self.changes)


def ranked(members: Sequence[Member]) -> Sequence[Ranked]:
    """The members with what they are compared by: their fitness, or with several objectives, their front and crowding."""
    scores = next((scores for _, scores in members if scores != WORST), WORST)
    if len(scores) <= 2:  # a violation, and one objective
        return members
    keys: list[Any] = [()] * len(members)
    by_violation: dict[float, list[int]] = {}
    for i, (_, scores) in enumerate(members):
        by_violation.setdefault(scores[0], []).append(i)
    for met, group in by_violation.items():
        for i, key in zip(group, crowded([members[i][1][1:] for i in group]), strict=True):
            keys[i] = (met, *key)
    return [(genome, key) for (genome, _), key in zip(members, keys, strict=True)]


def places(keys: Sequence[Any]) -> list[float]:
    """The place of each among all, the least at 0; equal ones share the mean of theirs.

    >>> places([3, 1, 3])
    [1.5, 0.0, 1.5]
    """
    found: dict[Any, list[int]] = {}
    for place, key in enumerate(sorted(keys)):
        found.setdefault(key, []).append(place)
    return [(found[key][0] + found[key][-1]) / 2 for key in keys]
