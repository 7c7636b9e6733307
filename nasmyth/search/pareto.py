"""Which points no other point beats. Every objective is maximised here.

>>> front([(3, 1), (2, 2), (1, 1), (2, 2), (float("nan"), 9)])
[0, 1, 3]

A point dominates another if it is at least as good everywhere and better somewhere. Equal points do not dominate each
other, so ties stay on the front together. A point with a NaN or an infinity is never on the front.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = Sequence[float]


def dominates(a: Point, b: Point) -> bool:
    """Whether `a` is nowhere worse than `b` and somewhere better."""
    better = False
    for x, y in zip(a, b, strict=True):
        if not x >= y:
            return False
        better = better or x > y
    return better


def front(points: Sequence[Point]) -> list[int]:
    """The indices of the points that no other dominates, in ascending order.

    n log n for one or two objectives; for more, n times the size of the front.
    """
    sound = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    if not sound or not points[sound[0]]:  # of points that hold nothing, none beats another
        return sound
    if len({len(points[i]) for i in sound}) > 1:
        raise ValueError("points of a front need the same number of objectives")
    sound.sort(key=lambda i: tuple(points[i]), reverse=True)  # best first: nobody is beaten by one that comes later
    return sorted(_sweep(points, sound) if len(points[sound[0]]) <= 2 else _filter(points, sound))


def _sweep(points: Sequence[Point], order: list[int]) -> list[int]:
    kept: list[int] = []
    for i in order:
        if not kept or points[i][-1] > points[kept[-1]][-1] or tuple(points[i]) == tuple(points[kept[-1]]):
            kept.append(i)
    return kept


def _filter(points: Sequence[Point], order: list[int]) -> list[int]:
    kept: list[int] = []
    for i in order:
        if not any(dominates(points[k], points[i]) for k in kept):
            kept.append(i)
    return kept


def fronts(points: Sequence[Point]) -> list[list[int]]:
    """The indices by front: those that no other dominates, then those that only these do, and so on.

    The ranks of Deb et al. (2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II"), found by efficient
    non-dominated sorting: from the best first, each point joins the first front that does not beat it (Zhang et al. 2015,
    doi 10.1109/TEVC.2014.2308305). What is not finite comes last.
    """
    sound = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    sound.sort(key=lambda i: tuple(points[i]), reverse=True)  # nobody is beaten by one that comes later
    found: list[list[int]] = []
    for i in sound:
        home = next((front for front in found if not _beaten(points, i, front)), None)
        if home is None:
            found.append([i])
        else:
            home.append(i)
    rest = sorted({*range(len(points))} - {*sound})
    return [*map(sorted, found), *([rest] if rest else [])]


def _beaten(points: Sequence[Point], i: int, front: list[int]) -> bool:
    """Whether one of a front dominates a point that comes after all of it in their order. Of two objectives, only the last
    can: it is the best of the front in the second."""
    rivals = front[-1:] if len(points[i]) <= 2 else reversed(front)
    return any(dominates(points[k], points[i]) for k in rivals)


def crowding(points: Sequence[Point]) -> list[float]:
    """How far apart each point's neighbours are, summed over the objectives, each scaled to its range; infinite at its
    ends.

    The crowding distance of NSGA-II: the more, the lonelier.
    """
    distance = [0.0] * len(points)
    for values in zip(*points, strict=True):
        order = sorted(range(len(points)), key=values.__getitem__)
        distance[order[0]] = distance[order[-1]] = math.inf
        span = values[order[-1]] - values[order[0]]
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            distance[i] += (values[after] - values[before]) / span if span else 0.0
    return distance


def crowded(points: Sequence[Point]) -> list[tuple[int, float]]:
    """A key for each point, larger being better: of the earlier front; on one front, the lonelier (NSGA-II)."""
    keys = [(0, 0.0)] * len(points)
    for rank, members in enumerate(fronts(points)):
        sound = all(math.isfinite(value) for i in members for value in points[i])
        lonely = crowding([points[i] for i in members]) if sound else [0.0] * len(members)
        for i, distance in zip(members, lonely, strict=True):
            keys[i] = (-rank, distance)
    return keys
