"""The ways through a chain from the best on, merged from one integer program for each size of the last feature map.

Entropy is a product of two figures, log(n) and a sum. For each n it is linear, and there are few n. Each n has its best way;
the best of all is the greatest of these, and then that n is asked for its next. An n is not solved to its end while another is
known to have better: it has only to say that it has nothing as good. What is no entropy has one program.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from nasmyth.errors import SpaceError
from nasmyth.search.chain_model import Bound, Model, Way
from nasmyth.search.chain_table import Table


class _Class:
    """The ways that end in so many numbers."""

    def __init__(self, numbers: int | None, factor: float) -> None:
        self.numbers, self.factor = numbers, factor
        self.cuts: list[Way] = []
        self.way: Way | None = None
        """The best that is left, where it is known."""
        self.value = math.inf
        """What that has, or at most has."""
        self.proven = True


class Ways:
    """An iterator over ways, the best first. effort, gap: of the solver for each of its answers."""

    def __init__(
        self,
        table: Table,
        costs: Sequence[str],
        objective: str,
        sign: int,
        bounds: Iterable[Bound],
        effort: float,
        gap: float = 0.0,
    ) -> None:
        self.table, self.costs, self.objective, self.sign = table, tuple(costs), objective, sign
        self.bounds, self.effort, self.gap = tuple(bounds), effort, gap
        found: list[int | None] = [None]
        if "entropy" in (objective, *(bound.name for bound in self.bounds)):
            found = [*sorted({arc.numbers for stage in table.stages for arc in stage if arc.numbers}, reverse=True)]
        scaled = objective == "entropy"
        self.classes = [_Class(n, math.log(n) if scaled and n else 1.0) for n in found]

    def __iter__(self) -> Iterator[tuple[Way, bool]]:
        """Each with whether it is proven that no better one is left. Ends where the effort finds no other; raises SpaceError
        where it finds none at all."""
        while self.classes:
            best = max(self.classes, key=lambda one: (one.value, one.way is not None))
            if best.way is None:
                self._solve(best)
                continue
            yield best.way, all(one.proven for one in self.classes)
            best.cuts.append(best.way)
            best.way = None

    def _solve(self, one: _Class) -> None:
        """The best way that is left in a class, or the news that it has none as good as another that is known."""
        known = max((other.value for other in self.classes if other.way is not None), default=None)
        floor = None if known is None or not one.factor else known / one.factor
        model = Model(self.table, self.costs, self.objective, self.sign, self.bounds, one.numbers, one.cuts, floor)
        one.way, one.proven = model.best(self.effort, self.gap)
        if one.way is not None:
            one.value = self._value(one, one.way)
        elif floor is None and (one.proven or one.cuts):
            self.classes.remove(one)
        elif known is not None:
            one.value = known
        else:
            raise SpaceError(f"the integer program found nothing with effort={self.effort:g}: give more")

    def _value(self, one: _Class, way: Way) -> float:
        """What is made large; equal values of ways are equal numbers."""
        if self.objective in self.costs:
            at = self.costs.index(self.objective)
            return self.sign * sum(arc.costs[at] for arc in way.arcs)
        if self.objective == "depth":
            return self.sign * float(sum(arc.path.depth for arc in way.arcs))
        return self.sign * one.factor * round(math.fsum(arc.path.total for arc in way.arcs), 9)
