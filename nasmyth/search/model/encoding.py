"""Genomes as numbers for models: what of them the columns hold, and the genomes around each.

    encoding = encoding_of(space)                           # what was decided, and more that follows (`decisions.py`)
    encoding = encoding_of(space, Subtrees(rounds=2))       # which pieces the networks have (`subtrees.py`)
    encoding(genomes)                                       # N D numbers

What is known of a genome is made once for each space.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from nasmyth.search.model.columns import Encode
from nasmyth.search.model.decisions import Decisions
from nasmyth.search.strategy import hashable
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

KEPT, PARENTS = 50_000, 1_000
"""How many genomes are kept with what is known of them, and how many with their neighbours."""
DECISIONS = Decisions()


class Known(NamedTuple):
    """A genome, and what is known of it without trying it."""

    genome: Genome
    row: Any
    """Its numbers, D."""
    identity: Hashable
    """Equal for genomes of one network that is trained in one way."""


class Encoding:
    """Genomes of a space as numbers, N D. `owner` and `numeric` are those of its columns."""

    def __init__(self, space: Space, encode: Encode = DECISIONS) -> None:
        self.space = space
        self._columns = encode.over(space)
        self.owner, self.numeric = self._columns.owner, self._columns.numeric
        self._known: dict[Hashable, Known] = {}
        self._near: dict[Hashable, list[tuple[Hashable, Genome]]] = {}
        self._near_in = space

    def __call__(self, genomes: Sequence[Genome]) -> Any:
        """Numbers, N D."""
        return self.rows([self.known(hashable(one), one) for one in genomes])

    def rows(self, known: Sequence[Known]) -> Any:
        """Their numbers, N D."""
        return np.array([one.row for one in known]).reshape(len(known), len(self.owner))

    def known(self, token: Hashable, genome: Genome) -> Known:
        """What is known of a genome, which is this as a `hashable` one; made once."""
        if token not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            graph = self.space.decode(genome)
            identity = (graph.key, self.space.recipe_of(genome) if self.space.recipe is not None else None)
            self._known[token] = Known(genome, self._columns.row(genome, graph), identity)
        return self._known[token]

    def near(self, space: Space, genome: Genome) -> list[tuple[Hashable, Genome]]:
        """The neighbours of a genome in this space, which may be narrower, as `hashable` ones and as they are; made once."""
        if space is not self._near_in or len(self._near) >= PARENTS:
            self._near, self._near_in = {}, space
        token = hashable(genome)
        if token not in self._near:
            self._near[token] = [(hashable(one), one) for one in space.neighbours(genome)]
        return self._near[token]


@lru_cache(maxsize=8)
def encoding_of(space: Space, encode: Encode = DECISIONS) -> Encoding:
    """Made once for each space."""
    return Encoding(space, encode)
