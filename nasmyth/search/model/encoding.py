"""Genomes as numbers for models: what was decided, how often each option was chosen, and what the network costs.

Some of 15,625 cells and the best by 100 of them: with the decisions alone a Gaussian process finds it in 80 % of searches, with
how often each operation stands in the cell, and the parameters and layers of the network, in 97 % (`benchmarks/strategies.py`).
Costs are free, as in the pretraining of FBNetV3's predictor on them (Dai et al. 2021, arXiv:2006.02049, section 3.3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from nasmyth.graph import Graph
from nasmyth.measure import find
from nasmyth.search.strategy import hashable
from nasmyth.space.hole import Genome
from nasmyth.space.holes import Choice, Subset
from nasmyth.space.space import Space

COSTS = ("params", "layers")
"""Measures of graphs, whose logarithms are columns."""
DRAWN, KEPT, PARENTS = 64, 50_000, 1_000
"""Genomes by which costs are scaled; how many are kept with what is known of them, and how many with their neighbours."""


class Known(NamedTuple):
    """A genome, and what is known of it without trying it."""

    genome: Genome
    row: Any
    """Its numbers, D."""
    identity: Hashable
    """Equal for genomes of one network that is trained in one way."""


class Encoding:
    """Genomes of a space as numbers, N D, and which weight each column belongs to.

    owner: of each column, the number of its weight. numeric: of each weight, whether its columns hold numbers and not options.
    A choice between numbers has one more column, of where it stands in their order.
    """

    owner: Any
    numeric: Any

    def __init__(self, space: Space) -> None:
        self.space = space
        holes = list(space.holes.values())
        widths = [len(hole.encode(None)) for hole in holes]
        self._derived = np.hstack((_orders(holes, widths), _shares(holes, widths)))
        drawn = np.array([_costs(space.decode(space.sample(f"encoding {i}"))) for i in range(DRAWN)])
        self._low, self._span = drawn.min(0), np.ptp(drawn, axis=0)
        more = self._derived.shape[1] + int((self._span > 0).sum())
        owner = np.append(np.repeat(np.arange(len(holes)), widths), np.arange(len(holes), len(holes) + more))
        self.owner = owner.astype(int)
        self.numeric = np.array([not isinstance(hole, (Choice, Subset)) for hole in holes] + [True] * more, dtype=bool)
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
            decided = np.array(self.space.encode(genome))
            graph = self.space.decode(genome)
            costs = (_costs(graph) - self._low)[self._span > 0] / self._span[self._span > 0]
            row = np.concatenate((decided, decided @ self._derived, costs))
            identity = (graph.key, self.space.recipe_of(genome) if self.space.recipe is not None else None)
            self._known[token] = Known(genome, row, identity)
        return self._known[token]

    def near(self, space: Space, genome: Genome) -> list[tuple[Hashable, Genome]]:
        """The neighbours of a genome in this space, which may be narrower, as `hashable` ones and as they are; made once."""
        if space is not self._near_in or len(self._near) >= PARENTS:
            self._near, self._near_in = {}, space
        token = hashable(genome)
        if token not in self._near:
            self._near[token] = [(hashable(one), one) for one in space.neighbours(genome)]
        return self._near[token]


def _costs(graph: Graph) -> Any:
    return np.log1p([find(name)(graph) for name in COSTS])


def _orders(holes: Sequence[Any], widths: Sequence[int]) -> Any:
    """D E: from options, one-hot, to where they stand in their order, from 0 to 1, for choices between numbers."""
    ordered = [i for i, hole in enumerate(holes) if isinstance(hole, Choice) and hole.numeric and hole.count > 2]
    found, starts = np.zeros((sum(widths), len(ordered))), np.cumsum([0, *widths])
    for column, i in enumerate(ordered):
        found[starts[i] : starts[i + 1], column] = np.linspace(0.0, 1.0, widths[i])
    return found


def _shares(holes: Sequence[Any], widths: Sequence[int]) -> Any:
    """D E: from options, one-hot, to the share of choices between the same options that chose each of them."""
    alike: dict[Any, list[int]] = defaultdict(list)
    starts = np.cumsum([0, *widths])
    for i, hole in enumerate(holes):
        if isinstance(hole, Choice):
            alike[hole.options].append(int(starts[i]))
    groups = [(len(options), places) for options, places in alike.items() if len(places) > 1]
    found = np.zeros((sum(widths), sum(count for count, _ in groups)))
    column = 0
    for count, places in groups:
        for option in range(count):
            found[[place + option for place in places], column + option] = 1.0 / len(places)
        column += count
    return found


@lru_cache(maxsize=8)
def encoding_of(space: Space) -> Encoding:
    """Made once for each space."""
    return Encoding(space)
