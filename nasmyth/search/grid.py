"""Grid search: all options of every decision, and numbers at a few evenly spaced levels, each combination once.

A grid of any size is visited so that every beginning of the visit is spread over the whole: its points are numbered, and
the next one lies a golden section of the whole further, round and round (the sequence of Weyl, 1916; each number comes
once, as the step and the size have no common divisor). Going through them in order instead would change the last
decisions only, for a long time.

It is here as a baseline: where few decisions matter, random search finds better values of them for the same number of
trials (Bergstra and Bengio 2012, "Random Search for Hyper-Parameter Optimization").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from nasmyth.errors import SpaceError
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
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice, Real, Subset
from nasmyth.space.space import Space

_AHEAD = 16  # points looked up beyond those asked for: several may stand for one network, which is tried once
_SCANNED = 2000  # numbers that lead to nothing new before random genomes are drawn
_DRAWN = 64  # derivations of a grammar that are on the grid
_GOLDEN = (math.sqrt(5) - 1) / 2


@strategy("grid")
class Grid(Strategy):
    """Every combination of options, numbers at `levels` values each (see the top of this file).

    A grammar that derives more than 64 networks has as many of them on the grid.
    """

    levels: int = 5

    def check(self) -> None:
        if self.levels < 2:
            raise SpaceError(f"{self!r}: a number needs at least 2 levels, its least and its greatest")

    def init(self, space: Space) -> frozenset[Any]:
        return frozenset()

    def tell(self, state: frozenset[Any], trial: FinishedTrial) -> frozenset[Any]:
        return state | {hashable(trial.genome)}

    def ask(
        self, state: frozenset[Any], space: Space, rng: Random, n: int, pending: Sequence[Pending]
    ) -> list[Proposal]:
        points: list[Genome] = []
        seen = {*state, *out(pending)}
        for genome in self._points(space, len(state)):
            token = hashable(genome)
            if token not in seen:
                seen.add(token)
                points.append(genome)
                if len(points) == n + _AHEAD:
                    break
        drawn = rng.sample(points, min(n, len(points)))
        return in_full(distinct(lambda: space.sample(rng), n, out(pending), drawn))

    def _points(self, space: Space, begin: int) -> Iterator[Genome]:
        """Points of the grid that meet the constraints, from the `begin`-th visited on."""
        axes = {key: _on_grid(space, key, hole, self.levels) for key, hole in space.holes.items()}
        total = math.prod(map(len, axes.values()))
        step = max(1, total * int(_GOLDEN * 10**15) // 10**15)
        while math.gcd(step, total) > 1:
            step += 1
        for visit in range(begin, begin + min(total, _SCANNED)):
            rest = visit * step % total

            def pick(key: str, hole: Hole) -> Any:
                nonlocal rest
                rest, digit = divmod(rest, len(axes[key]))
                return axes[key][digit]

            genome = space.walk(pick)
            if space.meets(genome):
                yield genome


def _on_grid(space: Space, key: str, hole: Hole, levels: int) -> list[Any]:
    """The decisions of a hole that are on the grid, of those that the space's constraints leave."""
    if key not in space.domains:
        return _spread(hole, levels)
    every = space.domains[key]
    return [every[i] for i in _evenly(len(every), hole, levels)]


@lru_cache(maxsize=1000)
def _spread(hole: Hole, levels: int) -> list[Any]:
    if isinstance(hole, Real):
        return [hole.at(i / (levels - 1)) for i in range(levels)]
    if hole.count == math.inf:  # a grammar that derives more than can be counted
        drawn = [hole.sample(Random(i)) for i in range(_DRAWN)]
        return [one for i, one in enumerate(drawn) if one not in drawn[:i]]
    return [hole.nth(i) for i in _evenly(int(hole.count), hole, levels)]


def _evenly(count: int, hole: Hole, levels: int) -> Sequence[int]:
    """All options, or so many places from the first to the last of `count`."""
    few = count if isinstance(hole, (Choice, Subset)) else levels if hole.numeric else _DRAWN
    return range(count) if count <= few else [i * (count - 1) // (few - 1) for i in range(few)]
