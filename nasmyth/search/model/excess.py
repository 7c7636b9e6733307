"""How decisions move what constraints miss: a ridge regression for each constraint.

    model = Excesses.fit(x, [{"params<=1e6": 0.3}, ...])         # N D encodings, N excesses
    missed = model.beside(3, x[3])(others)                        # what others are expected to miss, as they differ from x[3]

An excess is modelled as sign(e) log(1 + |e|): bounds stay where they are, and one that is missed a hundredfold does not drown
the others. The weight of the ridge is that of least squared error on trials left out one at a time, which costs no more than
one fit (Golub, Heath and Wahba 1979, "Generalized cross-validation as a method for choosing a good ridge parameter").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nasmyth.search.strategy import FinishedTrial

RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
UNNAMED = "violation"
"""The constraint of a trial that does not say which ones it misses."""


def squashed(trial: FinishedTrial) -> tuple[tuple[str, float], ...]:
    """The excess of each constraint that was measured, as it is modelled; of a trial that does not say, its violation."""
    named = trial.excess or {UNNAMED: trial.violation}
    return tuple((name, math.copysign(math.log1p(abs(e)), e)) for name, e in named.items() if math.isfinite(e))


class Excesses(NamedTuple):
    """Models of C constraints on encodings of D columns."""

    names: tuple[str, ...]
    y: Any
    """N C: what was told, NaN where it was not measured."""
    at: Any
    """C: what is expected of an encoding of zeros."""
    slope: Any
    """D C: how each column moves it."""

    @classmethod
    def fit(cls, x: Any, told: Sequence[Mapping[str, float]]) -> Excesses:
        """Of constraints that two trials tell at least."""
        counts: dict[str, int] = {}
        for one in told:
            for name in one:
                counts[name] = counts.get(name, 0) + 1
        names = tuple(sorted(name for name, count in counts.items() if count >= 2))
        y = np.array([[one.get(name, math.nan) for name in names] for one in told]).reshape(len(told), len(names))
        fits = [_ridge(x[seen], column[seen]) for column in y.T if (seen := np.isfinite(column)).any()]
        width = x.shape[1]
        slope = np.array([slope for _, slope in fits]).reshape(len(fits), width).T
        return cls(names, y, np.array([at for at, _ in fits]), slope)

    def beside(self, i: int, x: Any) -> Callable[[Any], Any]:
        """From encodings, M D, to what all constraints together are expected to be missed by, M: as these differ from trial i,
        whose encoding is x."""
        known = np.where(np.isfinite(self.y[i]), self.y[i] - x @ self.slope, self.at)

        def missed(others: Any) -> Any:
            return np.maximum(0.0, known + others @ self.slope).sum(1)

        return missed


def _ridge(x: Any, y: Any) -> tuple[float, Any]:
    """Intercept and slopes."""
    middle, mean = x.mean(0), y.mean()
    u, s, v = np.linalg.svd(x - middle, full_matrices=False)
    inside = u.T @ (y - mean)
    best = (math.inf, 0.0)
    for ridge in RIDGES:
        shrunk = s**2 / (s**2 + ridge)
        left = 1.0 - 1.0 / len(y) - (u**2) @ shrunk  # of each trial: how little it told of itself
        errors = (y - mean - u @ (shrunk * inside)) / np.maximum(left, 1e-6)
        best = min(best, (float((errors**2).mean()), ridge))
    slope = v.T @ (s / (s**2 + best[1]) * inside)
    return float(mean - middle @ slope), slope
