"""How good a front is as one number, and where on it most is got for least. Every objective is maximised here.

>>> hypervolume([(3, 1), (1, 2)], reference=(0, 0))
4.0

The hypervolume is the volume of all that is worse than a point of the front and better than a reference point (Zitzler and
Thiele 1998, "Multiobjective optimization using evolutionary algorithms"): more is better, and no other number grows with
every improvement of a front. It means nothing without its reference point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nasmyth.search.pareto import Point, front

BEYOND = 0.1
"""How far beyond the worst of a front its reference point lies, in ranges of the front."""


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The volume that points dominate beyond a reference point; points that are not better than it in everything add none.

    Exact: for one or two objectives by a sweep, n log n; for more by WFG (While, Bradstreet and Barone 2012, "A fast way
    of calculating exact hypervolumes", doi 10.1109/TEVC.2010.2077298), which takes exponential time at worst: a
    hundred points of three objectives are quick. Raises ValueError for points of another number of objectives.
    """
    if any(len(point) != len(reference) for point in points):
        raise ValueError(f"a point and the reference point {tuple(reference)} differ in their number of objectives")
    finite = (point for point in points if all(map(math.isfinite, point)))
    gains = [tuple(float(x - r) for x, r in zip(point, reference, strict=True)) for point in finite]
    return _volume(_front([gain for gain in gains if min(gain, default=0.0) > 0]))


def _front(points: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Without repetitions, from the best in the first objective to the worst."""
    return sorted({points[i] for i in front(points)}, reverse=True)


def _volume(gains: list[tuple[float, ...]]) -> float:
    """Of a front as `_front` gives it, from 0."""
    if not gains:
        return 0.0
    if len(gains[0]) == 1:
        return gains[0][0]
    if len(gains[0]) == 2:
        return math.fsum(x * (y - below) for (x, y), below in zip(gains, (0.0, *(y for _, y in gains)), strict=False))
    return math.fsum(math.prod(gain) - _shared(gain, gains[k + 1 :]) for k, gain in enumerate(gains))


def _shared(gain: tuple[float, ...], others: list[tuple[float, ...]]) -> float:
    """How much of the box below a point others have: the volume of these, cut off at the point."""
    return _volume(_front([tuple(map(min, gain, other)) for other in others]))


def reference_point(points: Sequence[Point]) -> tuple[float, ...]:
    """A reference point where none is given: in each objective the worst of the front, and a tenth of its range beyond.

    So the ends of the front count, and little else than the front (Ishibuchi et al. 2018, "How to specify a reference
    point in hypervolume calculation for fair performance comparison"). Fronts are compared by one reference point: that
    of all their points together. Where a front has no range, a tenth of the value takes its place.
    """
    ideal, nadir = ideal_and_nadir(points)
    spans = ((high - low) or abs(low) or 1.0 for high, low in zip(ideal, nadir, strict=True))
    return tuple(low - BEYOND * span for low, span in zip(nadir, spans, strict=True))


def ideal_and_nadir(points: Sequence[Point]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The best and the worst value of each objective on the front. Raises ValueError where nothing is on it."""
    best = [points[i] for i in front(points)]
    if not best:
        raise ValueError("no point with finite objectives: there is no front")
    columns = list(zip(*best, strict=True))
    return tuple(map(max, columns)), tuple(map(min, columns))


def knee(points: Sequence[Point]) -> int | None:
    """The index of the point where most is got for least: that of the front which is farthest beyond the plane through its
    ends. The earliest of equals; None where the front does not bulge, or has no inner point.

    By Das (1999, "On characterizing the knee of the Pareto curve based on normal-boundary intersection"), with objectives
    scaled to their ranges on the front. The ends are those of the axes then: the best in one objective, the worst in the
    others, which for two objectives are points of the front.
    """
    members = front(points)
    if not members:
        return None
    ideal, nadir = ideal_and_nadir(points)
    spans = [(high - low) or 1.0 for high, low in zip(ideal, nadir, strict=True)]

    def beyond(i: int) -> float:
        scaled = ((x - low) / span for x, low, span in zip(points[i], nadir, spans, strict=True))
        return (math.fsum(scaled) - 1) / math.sqrt(len(spans))

    best = max(members, key=lambda i: (beyond(i), -i))
    return best if beyond(best) > 1e-9 else None
