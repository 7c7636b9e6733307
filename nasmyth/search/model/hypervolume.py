"""Several objectives side by side: a model of each, and by how much the hypervolume of the front is expected to grow.

    BayesianOptimization()                      # it is the default: with one objective, the expected improvement

The expected hypervolume improvement (Emmerich 2005; exactly: Emmerich, Deutz and Klinkenberg 2011, "Hypervolume-based expected
improvement: Monotonicity properties and exact computation"). What no point of the front dominates falls into boxes, of which a
new point y claims prod_j (min(y_j, upper_j) - lower_j)+. Where objectives are independent that is expected to be

    sum over boxes, product over objectives:  E[(y_j - lower_j)+] - E[(y_j - upper_j)+]

and either is the expected improvement over one number. With one objective there is one box, and it is `ExpectedImprovement`.

Departure: volumes are those of normal scores of ranks, objective by objective, so that nothing depends on their scales, and
what fails or breaks a constraint is worse in all of them. The reference point is the usual one (`reference_point`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Any, ClassVar

import numpy as np

from nasmyth.search.front_quality import reference_point
from nasmyth.search.model.acquire import Acquisition, Worth, improvement
from nasmyth.search.model.log import Log, normal_scores
from nasmyth.search.model.seen import Seen
from nasmyth.search.pareto import front
from nasmyth.search.strategy import WORST, part

Point = tuple[float, ...]
FAR = 1e9
"""Above which no score is expected."""


@dataclass(frozen=True)
class Objective:
    """The normal scores of a log in one objective; what breaks a constraint comes after all that breaks none."""

    number: int

    def __call__(self, log: Log) -> Any:
        return normal_scores([key if key == WORST else (key[0], key[1 + self.number]) for _, key in log.told])


@part("hypervolume")
class HypervolumeImprovement(Acquisition):
    """By how much the hypervolume of the front is expected to grow (see the top of this file)."""

    positive: ClassVar[bool] = True

    def over(self, seen: Seen, rng: Random) -> Worth:
        objectives = [Objective(i) for i in range(max(len(key) for _, key in seen.log.told) - 1)]
        posteriors = [seen.of(one) for one in objectives]
        told = np.array([one(seen.log) for one in objectives]).T
        believed = np.array([one.predict(seen.out)[0] for one in posteriors]).T if len(seen.out) else told[:0]
        points = [tuple(point) for point in np.vstack((told, believed)).tolist()]
        lower, upper = np.moveaxis(np.array([*boxes(points, reference_point(points))]), 1, 0)
        edges = [np.unique((lower[:, j], upper[:, j])) for j in range(len(objectives))]
        places = [(np.searchsorted(e, lower[:, j]), np.searchsorted(e, upper[:, j])) for j, e in enumerate(edges)]

        def worth(x: Any) -> Any:
            volume = np.ones((len(x), len(lower)))
            for posterior, edge, (low, high) in zip(posteriors, edges, places, strict=True):
                mean, deviation = (one[:, None] for one in posterior.predict(x))
                gain = improvement(mean, deviation, np.minimum(edge, FAR))
                volume *= gain[:, low] - gain[:, high]
            return volume.sum(1)

        return worth


def boxes(points: Sequence[Point], reference: Point) -> Iterator[tuple[Point, Point]]:
    """Boxes, each by its lower and upper corner, that are all that is beyond the reference point and that no point dominates.

    >>> [*boxes([(1.0, 2.0)], (0.0, 0.0))]
    [((1.0, 0.0), (inf, 2.0)), ((0.0, 2.0), (inf, inf))]

    Slice by slice of the last objective, in each of which the others are those of one objective fewer.
    """
    *rest, last = reference
    best = [points[i] for i in front(points)]
    if not rest:
        yield (max([last, *(x for (x,) in best)]),), (inf,)
        return
    levels = sorted({last, *(point[-1] for point in best if point[-1] > last)})
    for low, high in zip(levels, [*levels[1:], inf], strict=True):
        for lower, upper in boxes([point[:-1] for point in best if point[-1] > low], tuple(rest)):
            yield (*lower, low), (*upper, high)
