"""Local search: try the neighbours of the best, move to the first that is better, begin anew on a hilltop.

With few decisions this plain method is among the best on the tabular benchmarks (White et al. 2021, "Exploring the Loss
Landscape in Neural Architecture Search", arXiv:2005.02960; Ottelander et al. 2021, arXiv:2004.08996). As there, the best
of `start` random genomes is where it begins. Departure: it moves as soon as a neighbour is better, without asking for the
others first (the paper's variant that queries until lower).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.search.strategy import (
    WORST,
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


class Climb(NamedTuple):
    """Where a local search is."""

    space: Space
    draws: int
    """Random genomes still to be told before it climbs."""
    here: Genome | None = None
    height: Fitness = WORST
    left: tuple[Genome, ...] = ()
    """Neighbours of `here` that were not told yet."""
    seen: frozenset[Any] = frozenset()


@strategy("local")
class LocalSearch(Strategy):
    """Hill climbing by single decisions (see the top of this file)."""

    start: int = 10

    def check(self) -> None:
        if self.start < 1:
            raise SpaceError(f"{self!r}: at least one genome must be drawn to start from")

    def init(self, space: Space) -> Climb:
        return Climb(space, self.start)

    def tell(self, state: Climb, trial: FinishedTrial) -> Climb:
        height, genome = fitness(trial), trial.genome
        state = state._replace(seen=state.seen | {hashable(genome)}, draws=max(0, state.draws - 1))
        if height > state.height:
            state = state._replace(here=genome, height=height, left=())
            moved = True
        else:
            moved = state.draws == 0 and not state.left
            state = state._replace(left=tuple(one for one in state.left if one != genome))
        if state.draws or state.here is None:
            return state
        if moved:
            near = state.space.neighbours(state.here)
            state = state._replace(left=tuple(one for one in near if hashable(one) not in state.seen))
        return state if state.left else state._replace(draws=1, here=None, height=WORST)

    def ask(self, state: Climb, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        near = list(state.left)
        rng.shuffle(near)
        return in_full(distinct(lambda: space.sample(rng), n, out(pending), near))
