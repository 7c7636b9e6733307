"""The decisions of a space as levels that a categorical distribution can be over, and genomes drawn from such distributions.

    levels = Levels.of(space)
    x, known = levels.encoded(genomes)                   # N C: one-hot of the level of each decision; N H: which are active
    genome = levels.drawn(space, probabilities, rng)     # from C numbers

An option of a choice is a level, as is a number of a short range; a longer range and a real number have STEPS levels of equal
width, within which it is drawn evenly. What has no levels (a grammar, a large subset) is drawn as the space draws it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

import numpy as np

from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Integer, Real
from nasmyth.space.space import Space

STEPS = 16
"""Levels of a real number, and of what has more decisions than MOST."""
MOST = 64


class Levels(NamedTuple):
    """The holes that have levels, by their addresses, and where the columns of each begin."""

    holes: dict[str, Hole]
    starts: tuple[int, ...]
    """One more than there are holes: the last is the number of all columns."""

    @classmethod
    def of(cls, space: Space) -> Levels:
        holes = {key: hole for key, hole in space.holes.items() if _count(hole)}
        starts = np.cumsum([0, *map(_count, holes.values())])
        return cls(holes, tuple(int(start) for start in starts))

    @property
    def owner(self) -> Any:
        """Of each column: the number of its hole."""
        return np.repeat(np.arange(len(self.holes)), np.diff(self.starts))

    def encoded(self, genomes: Sequence[Genome]) -> tuple[Any, Any]:
        """The level of each decision, one-hot, and which decisions are active; zeros where one is not."""
        x, known = np.zeros((len(genomes), self.starts[-1])), np.zeros((len(genomes), len(self.holes)))
        for row, genome in enumerate(genomes):
            for i, (key, hole) in enumerate(self.holes.items()):
                if key in genome:
                    x[row, self.starts[i] + _level(hole, genome[key])] = 1.0
                    known[row, i] = 1.0
        return x, known

    def drawn(self, space: Space, probabilities: Any, rng: Random) -> Genome:
        """A genome whose decisions are drawn independently, within what the space leaves of them. It may miss constraints."""
        places = {key: i for i, key in enumerate(self.holes)}

        def pick(key: str, hole: Hole) -> Any:
            left = space.domains.get(key)
            i = places.get(key)
            if i is None:
                return hole.sample(rng) if left is None else rng.choice(left)
            weights = probabilities[self.starts[i] : self.starts[i + 1]].tolist()
            if left is not None:
                return rng.choices(left, [weights[_level(hole, one)] + 1e-12 for one in left])[0]
            return _at(hole, rng.choices(range(len(weights)), weights)[0], rng)

        return space.walk(pick)


@lru_cache(maxsize=8)
def levels_of(space: Space) -> Levels:
    """Made once for each space."""
    return Levels.of(space)


def _count(hole: Hole) -> int:
    """How many levels a hole has; 0 where it has none."""
    if isinstance(hole, Real):
        return STEPS
    if not hole.quickly_counted or hole.count == math.inf:
        return 0
    return int(hole.count) if hole.count <= MOST else STEPS if hole.numeric else 0


@lru_cache(maxsize=1000)
def _decisions(hole: Hole) -> list[Any]:
    return [hole.nth(i) for i in range(int(hole.count))]


def _level(hole: Hole, decision: Any) -> int:
    count = _count(hole)
    if isinstance(hole, Real):
        return min(count - 1, int(hole.fraction(decision) * count))
    place = (decision - hole.lo) // hole.step if isinstance(hole, Integer) else _decisions(hole).index(decision)
    return int(place) * count // int(hole.count)


def _at(hole: Hole, level: int, rng: Random) -> Any:
    count = _count(hole)
    if isinstance(hole, Real):
        return hole.at((level + rng.random()) / count)
    first, after = (-(-edge * int(hole.count) // count) for edge in (level, level + 1))
    return hole.nth(rng.randrange(first, after))
