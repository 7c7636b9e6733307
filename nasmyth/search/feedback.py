"""Feedback: which constraint a trial missed, and by how much, says which decisions to change.

    Feedback()
    Study("flowers.db", space, maximize="accuracy", under=["latency@cpu<=8ms", "params<=3M"], strategy=Feedback())

A search that sees one score must find out by itself why a trial was bad. Trace (Cheng et al. 2024, "Trace is the Next
AutoDiff", arXiv:2406.16218) hands an optimiser what led to a result together with what was wrong with it, so that it changes
the cause; its optimiser is a language model. Here is the same in numbers. A trial tells the excess of each constraint (0 on its
bound, above when it is missed); a linear model for each, of all that was told, feasible or not, learns how each decision moves
it (`model/excess.py`); and a mutant of one of the best is repaired: one decision after another, that which most lowers what all
constraints together are expected to be missed by, so that what helps one and breaks another is not taken.

The models are trusted for what differs from the parent alone, whose own excesses are known.

Departures from Trace: no language model, and of the inside of a candidate nothing but its decisions and its figures. A
violation of which nobody says what it is made of counts as one constraint. Where nothing is missed, this is evolution whose
best survive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from random import Random
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.search.evolution import Tournament, ranked
from nasmyth.search.model.encoding import encoding_of
from nasmyth.search.model.excess import Excesses, squashed
from nasmyth.search.strategy import (
    FinishedTrial,
    Fitness,
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

NEAR = 32
"""Single changes that a step of a repair looks at; of more, so many by chance."""


class Heard:
    """What was told: genomes, how good they were, and their excesses. Never changed, so that what follows is made once."""

    def __init__(
        self, space: Space, told: tuple[tuple[Genome, Fitness], ...] = (), excesses: tuple[Any, ...] = ()
    ) -> None:
        self.space, self.told, self.excesses = space, told, excesses

    def __eq__(self, other: object) -> bool:
        mine = (self.space, self.told, self.excesses)
        return isinstance(other, Heard) and mine == (other.space, other.told, other.excesses)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def best(self) -> list[int]:
        """The best first; of failures, those that were stopped at a constraint and miss it by least; of equals, the newest."""
        keys = [key for _, key in ranked(self.told)]
        missed = [math.fsum(max(0.0, e) for _, e in one) if one else math.inf for one in self.excesses]
        return sorted(range(len(keys)), key=lambda i: (keys[i], -missed[i], i), reverse=True)

    @cached_property
    def model(self) -> Excesses:
        """Of each constraint."""
        x = encoding_of(self.space)([genome for genome, _ in self.told])
        return Excesses.fit(x, [dict(one) for one in self.excesses])


@strategy("feedback")
class Feedback(Strategy):
    """Evolution that repairs what constraints miss (see the top of this file).

    start: genomes drawn at random. population: how many of the best may be parents, and how one is chosen. repairs: decisions
    that a repair may change.
    """

    start: int = 16
    population: int = 16
    parent: Tournament = Tournament(4)
    repairs: int = 6

    def check(self) -> None:
        if self.start < 2 or self.population < 1 or self.repairs < 0:
            raise SpaceError(f"{self!r}: needs start >= 2, population >= 1 and repairs >= 0")

    def init(self, space: Space) -> Heard:
        return Heard(space)

    def tell(self, state: Heard, trial: FinishedTrial) -> Heard:
        told = (*state.told, (trial.genome, fitness(trial)))
        return Heard(state.space, told, (*state.excesses, squashed(trial)))

    def ask(self, state: Heard, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        away = out(pending)
        if len(state.told) < self.start:
            return in_full(distinct(lambda: space.sample(rng), n, away))
        known = away | {hashable(genome) for genome, _ in state.told}
        members = [(i, -place) for place, i in enumerate(state.best[: self.population])]
        return in_full(distinct(lambda: self._child(state, members, space, rng, known), n, known))

    def _child(self, state: Heard, members: Sequence[Any], space: Space, rng: Random, known: set[Any]) -> Genome:
        i: Any = self.parent(members, rng)
        child = space.mutate(state.told[i][0], rng)
        x = encoding_of(space)
        expected = state.model.beside(i, x([state.told[i][0]])[0])
        worth = float(expected(x([child]))[0])
        for _ in range(self.repairs):
            near = [genome for genome in _near(space, child, rng) if hashable(genome) not in known]
            if worth <= 0 or not near:
                break
            missed = expected(x(near))
            least = int(missed.argmin())
            if missed[least] >= worth:
                break
            child, worth = near[least], float(missed[least])
        return child


def _near(space: Space, genome: Genome, rng: Random) -> list[Genome]:
    """Genomes that differ in one decision: all, or NEAR of them."""
    moves = [(key, other) for key, decision in genome.items() for other in space.alternatives(key, decision)]
    made = (space.changed(genome, {key: other}) for key, other in rng.sample(moves, min(NEAR, len(moves))))
    return [one for one in made if space.meets(one)]
