"""NSGA-II and NSGA-III: evolution with several objectives, as sentences of the parts of `evolution`.

    NSGA2(population=32)
    NSGA3(population=32)                                            # for three objectives and more
    NSGA3(population=92, survive=ReferencePoints(divisions=12))

NSGA-II (Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II") takes its parents by binary
tournaments on front and crowding, crosses and mutates them, and keeps the best of parents and children together by the same
order. NSGA-III (Deb and Jain 2014, doi 10.1109/TEVC.2013.2281535) keeps, of the front that does not fit, those that are
near to reference points which are spread evenly over all trade-offs, since with many objectives crowding spreads no more.

Constraints rank before all objectives, by Deb's rule (see `fitness`).

Departures: a child takes its place as soon as it is told, and not with a whole generation (steady state: Durillo et al. 2009,
"On the effect of the steady-state selection scheme in multi-objective genetic algorithms"), so that many workers never
wait for each other. What NSGA-III draws by lot among equals goes to the nearest, and its ideal point is that of the
members that are there, so that the population is all there is to remember.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from operator import mul

from nasmyth.errors import SpaceError
from nasmyth.search.evolution import Best, Evolution, Member, Survival, Tournament, ranked
from nasmyth.search.strategy import strategy

Vector = tuple[float, ...]
MOST = 10_000
"""Reference points."""
TINY = 1e-12


class ReferencePoints(Survival):
    """The good survive; of the front that does not fit, those near to reference points that few others are near to.

    divisions: of each objective; `das_dennis` gives that many points. None: the most that give no more points than members.
    """

    divisions: int | None = None

    def check(self) -> None:
        if self.divisions is not None and self.divisions < 1:
            raise SpaceError(f"{self!r}: at least one division is needed, or None")

    def __call__(self, members: tuple[Member, ...], population: int) -> tuple[Member, ...]:
        if len(members) <= population:
            return members
        keys = [key for _, key in ranked(members)]
        objectives = max(len(scores) for _, scores in members) - 1
        if objectives < 2:
            return Best()(members, population)
        kept: list[int] = []
        for layer in _layers(keys):
            room = population - len(kept)
            if len(layer) <= room:
                kept += layer
                continue
            if all(map(math.isfinite, (x for i in layer for x in members[i][1]))):
                costs = {i: tuple(-x for x in members[i][1][1:]) for i in (*kept, *layer)}
                layer = niched(costs, kept, layer, room, self._points(objectives, population))
            kept += layer[:room]
            break
        return tuple(members[i] for i in sorted(kept))

    def _points(self, objectives: int, population: int) -> tuple[Vector, ...]:
        divisions = self.divisions or 1
        while self.divisions is None and math.comb(objectives + divisions, divisions + 1) <= population:
            divisions += 1
        return das_dennis(objectives, divisions)


@strategy("nsga2")
class NSGA2(Evolution):
    """Evolution by front and crowding (see the top of this file); settings as of `Evolution`."""

    parent: Tournament = Tournament(2)
    crossover: float = 0.9
    survive: Survival = Best()


@strategy("nsga3")
class NSGA3(NSGA2):
    """Evolution by front and reference points (see the top of this file); settings as of `Evolution`."""

    survive: Survival = ReferencePoints()


def _layers(keys: Sequence[tuple[float, ...]]) -> list[list[int]]:
    """Indices by violation and front, the best first; what came first stands first."""
    found: dict[tuple[float, ...], list[int]] = {}
    for i, key in enumerate(keys):
        found.setdefault(key[:2], []).append(i)
    return [found[key] for key in sorted(found, reverse=True)]


# --- reference points ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def das_dennis(objectives: int, divisions: int) -> tuple[Vector, ...]:
    """All points of the simplex whose coordinates are multiples of 1/divisions (Das and Dennis 1998).

    >>> das_dennis(2, 2)
    ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0))
    """
    count = math.comb(objectives + divisions - 1, divisions)
    if count > MOST:
        raise SpaceError(
            f"{divisions} divisions of {objectives} objectives are {count:,} reference points, and at most {MOST:,} are "
            f"of use; give fewer divisions"
        )
    places = range(divisions + objectives - 1)
    return tuple(
        tuple((b - a - 1) / divisions for a, b in zip((-1, *bars), (*bars, len(places)), strict=True))
        for bars in combinations(places, objectives - 1)
    )


def niched(
    costs: dict[int, Vector], kept: Sequence[int], layer: Sequence[int], room: int, references: tuple[Vector, ...]
) -> list[int]:
    """`room` of a layer: one after another the nearest to a reference point that fewest are near to (Deb and Jain 2014,
    algorithms 3 and 4). costs: of each, all to be made smaller."""
    scaled = normalised(costs)
    directions = _directions(references)
    near = {i: _nearest(scaled[i], directions) for i in scaled}
    counts = [0] * len(references)
    for i in kept:
        counts[near[i][1]] += 1
    left, chosen = list(layer), list[int]()
    while len(chosen) < room:
        best = min(left, key=lambda i: (counts[near[i][1]], near[i][0]))
        left.remove(best)
        chosen.append(best)
        counts[near[best][1]] += 1
    return chosen


def normalised(costs: dict[int, Vector]) -> dict[int, Vector]:
    """Costs from the ideal point, 0, in units of the intercepts of the plane through the extremes (algorithm 2 there).

    Where these make no plane, in units of the ranges (as Blank, Deb and Roy 2019 do).
    """
    ideal = tuple(map(min, zip(*costs.values(), strict=True)))
    moved = {i: tuple(x - low for x, low in zip(point, ideal, strict=True)) for i, point in costs.items()}
    ranges = tuple(map(max, zip(*moved.values(), strict=True)))
    size = len(ideal)

    def along(axis: int, point: Vector) -> float:
        return max(x / (1.0 if i == axis else 1e-6) / (ranges[i] or 1.0) for i, x in enumerate(point))

    extremes = [min(moved.values(), key=lambda point: along(axis, point)) for axis in range(size)]
    plane = solved([list(point) for point in extremes])
    units = tuple(
        1 / plane[i] if plane is not None and plane[i] * span > TINY and 1 / plane[i] <= 2 * span else span or 1.0
        for i, span in enumerate(ranges)
    )
    return {i: tuple(x / unit for x, unit in zip(point, units, strict=True)) for i, point in moved.items()}


def solved(rows: list[list[float]]) -> list[float] | None:
    """x with rows @ x = 1, by elimination with pivots; None where there is not just one."""
    size = len(rows)
    rows = [[*row, 1.0] for row in rows]
    for k in range(size):
        pivot = max(range(k, size), key=lambda i: abs(rows[i][k]))
        if abs(rows[pivot][k]) <= TINY * max(map(abs, rows[pivot])):
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(size):
            if i != k and rows[i][k]:
                share = rows[i][k] / rows[k][k]
                rows[i] = [a - share * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] / row[k] for k, row in enumerate(rows)]


@lru_cache(maxsize=32)
def _directions(references: tuple[Vector, ...]) -> tuple[Vector, ...]:
    return tuple(tuple(x / math.hypot(*point) for x in point) for point in references)


def _nearest(point: Vector, directions: Sequence[Vector]) -> tuple[float, int]:
    """The squared distance to the nearest of these lines from 0, and which that is: the one along which it is farthest, since
    no coordinate is below 0."""
    along = [sum(map(mul, point, direction)) for direction in directions]
    farthest = max(along)
    return max(0.0, sum(x * x for x in point) - farthest * farthest), along.index(farthest)
