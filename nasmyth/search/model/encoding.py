"""Genomes as numbers for models: one column for each option of a choice, one for each number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from nasmyth.space.hole import Genome
from nasmyth.space.holes import Choice, Subset
from nasmyth.space.space import Space


class Encoding(NamedTuple):
    """How genomes of a space become numbers, N D, and which decision each column belongs to.

    A choice between numbers has one more column, of where it stands in their order, as a decision of its own: order =
    N D @ D E.
    """

    space: Space
    owner: Any
    """Of each column: the number of its decision."""
    numeric: Any
    """Of each decision: whether it is a number, and not an option."""
    order: Any

    @classmethod
    def of(cls, space: Space) -> Encoding:
        holes = list(space.holes.values())
        widths = [len(hole.encode(None)) for hole in holes]
        ordered = [i for i, hole in enumerate(holes) if isinstance(hole, Choice) and hole.numeric and hole.count > 2]
        order, starts = np.zeros((sum(widths), len(ordered))), np.cumsum([0, *widths])
        for column, i in enumerate(ordered):
            order[starts[i] : starts[i + 1], column] = np.linspace(0.0, 1.0, widths[i])
        numeric = [not isinstance(hole, (Choice, Subset)) for hole in holes] + [True] * len(ordered)
        owner = np.append(np.repeat(np.arange(len(holes)), widths), np.arange(len(holes), len(numeric)))
        return cls(space, owner, np.array(numeric, dtype=bool), order)

    def __call__(self, genomes: Sequence[Genome]) -> Any:
        """Numbers, N D."""
        x = np.array([self.space.encode(genome) for genome in genomes]).reshape(len(genomes), len(self.order))
        return np.hstack((x, x @ self.order))


@lru_cache(maxsize=8)
def encoding_of(space: Space) -> Encoding:
    """Made once for each space."""
    return Encoding.of(space)
