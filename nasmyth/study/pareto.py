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
    return all(x >= y for x, y in zip(a, b, strict=True)) and any(x > y for x, y in zip(a, b, strict=True))


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
