"""Genomes as points of a cube, one number from 0 to 1 for each decision, for optimisers that work on vectors.

    cube = UnitCube(space)
    cube.decode([0.2, 0.9, ...])     # a genome; what lies outside is taken to the nearest side
    cube.encode(genome)              # the middle of what decodes to it

A decision among n is the n-th part of its side that the number falls into, in the order of the hole (numbers in theirs); a real
number is a fraction of the way from lo to hi, in logarithms where the hole says so. What is not active has 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any

from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice, Integer, Real
from nasmyth.space.space import Space

LISTED = 1000
"""Decisions of a subset or a grammar that are looked through for the place of one; of more, none has a place."""


class UnitCube:
    """The cube of a space. `size`: numbers of a vector."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.size = len(space.holes)
        self._place = {key: i for i, key in enumerate(space.holes)}
        self._left = {key: _ordered(hole, space.domains.get(key)) for key, hole in space.holes.items()}

    def decode(self, vector: Sequence[float]) -> Genome:
        """The genome of a point. What is not a number counts as 0.5."""

        def pick(key: str, hole: Hole) -> Any:
            at = float(vector[self._place[key]])
            at = min(1.0, max(0.0, at if at == at else 0.5))
            left = self._left[key]
            if left is None and isinstance(hole, Real):
                return hole.validate(hole.at(at), key)
            if left is None and hole.count == math.inf:
                return hole.sample(Random(at))  # of derivations without end, none is beside another
            count = int(hole.count) if left is None else len(left)
            i = min(count - 1, int(at * count))
            return hole.nth(i) if left is None else left[i]

        return self.space.walk(pick)

    def encode(self, genome: Genome) -> list[float]:
        """A point that decodes to the genome; 0.5 for a derivation that is one of too many."""
        return [self._at(key, hole, genome[key]) if key in genome else 0.5 for key, hole in self.space.holes.items()]

    def _at(self, key: str, hole: Hole, decision: Any) -> float:
        left = self._left[key]
        if left is not None:
            return (left.index(decision) + 0.5) / len(left) if decision in left else 0.5
        if isinstance(hole, Real):
            return float(hole.fraction(decision))
        if isinstance(hole, Integer):
            return float(((decision - hole.lo) / hole.step + 0.5) / int(hole.count))
        return 0.5


def _ordered(hole: Hole, left: list[Any] | None) -> list[Any] | None:
    """The decisions in the order of their places, where they can be listed."""
    if left is None:
        if isinstance(hole, (Integer, Real)) or not hole.quickly_counted or hole.count > LISTED:
            return None
        left = [hole.nth(i) for i in range(int(hole.count))]
    numbers = isinstance(hole, (Choice, Integer, Real)) and hole.numeric
    return sorted(left) if numbers else list(left)


@lru_cache(maxsize=8)
def cube_of(space: Space) -> UnitCube:
    """Made once for each space."""
    return UnitCube(space)
