"""Columns of what was decided, how often each option was chosen, and what the network costs.

Some of 15,625 cells and the best by 100 of them: with the decisions alone a Gaussian process finds it in 80 % of searches, with
how often each operation stands in the cell, and the parameters and layers of the network, in 90 %
(`benchmarks/strategies.txt`). Costs are free, as in the pretraining of FBNetV3's predictor on them (Dai et al. 2021,
arXiv:2006.02049, section 3.3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from nasmyth.graph import Graph
from nasmyth.measure import find
from nasmyth.search.model.columns import Encode
from nasmyth.search.strategy import part
from nasmyth.space.hole import Genome
from nasmyth.space.holes import Choice, Subset
from nasmyth.space.space import Space

COSTS = ("params", "layers")
"""Measures of graphs, whose logarithms are columns."""
DRAWN = 64
"""Genomes by which costs are scaled."""


class Costs:
    """What networks of a space cost, from 0 to 1 for some of them; without what is equal for all."""

    def __init__(self, space: Space) -> None:
        drawn = np.array([_costs(space.decode(space.sample(f"encoding {i}"))) for i in range(DRAWN)])
        low, span = drawn.min(0), np.ptp(drawn, axis=0)
        self._differ = span > 0
        self._low, self._span = low[self._differ], span[self._differ]

    def __len__(self) -> int:
        return len(self._span)

    def of(self, graph: Graph) -> Any:
        """So many numbers."""
        return (_costs(graph)[self._differ] - self._low) / self._span


def _costs(graph: Graph) -> Any:
    return np.log1p([find(name)(graph) for name in COSTS])


@part("decisions")
class Decisions(Encode):
    """What was decided, how often each option was chosen, and what networks cost (see the top of this file).

    A choice between numbers has one more column, of where it stands in their order.
    """

    def over(self, space: Space) -> Decided:
        return Decided(space)


class Decided:
    """Columns of the decisions of a space, and of what follows from them."""

    def __init__(self, space: Space) -> None:
        self.space, self._costs = space, Costs(space)
        holes = list(space.holes.values())
        widths = [len(hole.encode(None)) for hole in holes]
        self._derived = np.hstack((_orders(holes, widths), _shares(holes, widths)))
        more = self._derived.shape[1] + len(self._costs)
        owner = np.append(np.repeat(np.arange(len(holes)), widths), np.arange(len(holes), len(holes) + more))
        self.owner = owner.astype(int)
        self.numeric = np.array([not isinstance(hole, (Choice, Subset)) for hole in holes] + [True] * more, dtype=bool)

    def row(self, genome: Genome, graph: Graph) -> Any:
        decided = np.array(self.space.encode(genome))
        return np.concatenate((decided, decided @ self._derived, self._costs.of(graph)))


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
