"""Where a learning curve leads: what is expected of it at a later epoch, and how sure that is.

    mean, deviation = extrapolate(epochs, scores, at=200)

Curves of a few parametric families are fitted, and what each expects counts as much as it explains what was seen (Domhan et al.
2015, "Speeding up automatic hyperparameter optimization of deep neural networks by extrapolation of learning curves", IJCAI,
section 3). All are of the form

    score = c - a g(epoch),   g = epoch^-p (power laws), exp(-epoch / t) (exponential ones), 1 / log(epoch + 1)

with `p` and `t` from a grid. So `c` and `a` are least squares, and nothing has to be sampled, in which this departs from the
paper; the weight of a curve is its likelihood with `c`, `a` and the noise integrated out (Bishop 2006, section 3.4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

POWERS = np.geomspace(0.2, 3.0, 40)
TIMES = np.geomspace(0.1, 2.0, 20)
"""As parts of the last epoch."""
FLOOR = 0.01
"""Noise that is believed in at the least, as a part of the range of the scores; it counts as one more score."""
LEAST = 3
"""Scores, below which a curve says nothing."""


def extrapolate(epochs: Sequence[float], scores: Sequence[float], at: float) -> tuple[float, float]:
    """Mean and deviation of the score at an epoch.

    Scores that are not finite, and those before the first epoch is half over, do not count. Of fewer than three epochs, the
    mean is the last, and the deviation infinite; of none, the mean is NaN.
    """
    seen = [(x, y) for x, y in zip(epochs, scores, strict=True) if math.isfinite(y) and math.isfinite(x) and x >= 0.5]
    if len({x for x, _ in seen}) < LEAST or at < 0.5:
        return seen[-1][1] if seen else math.nan, math.inf
    x, y = (np.array(column, dtype=float) for column in zip(*seen, strict=True))
    scale = float(np.ptp(y))
    if scale == 0.0:
        return float(y[-1]), scale
    means, variances, likelihoods = _fits(_bases(x, at), (y - y[-1]) / scale)
    weights = np.exp(likelihoods - likelihoods.max())
    weights /= weights.sum()
    mean = float(weights @ means)
    variance = float(weights @ (variances + (means - mean) ** 2))
    return float(y[-1] + scale * mean), scale * math.sqrt(variance)


def _bases(x: Any, at: float) -> Any:
    """K N+1: of each curve, g at the epochs seen, and at the one that is asked for; 0 at the first epoch and 1 at the last."""
    points = np.append(x, at)
    power = points ** -POWERS[:, None]
    exponential = np.exp(-points / (TIMES[:, None] * x.max()))
    every = np.vstack((power, exponential, 1.0 / np.log(points + 1.0)))
    first, last = every[:, [x.argmin()]], every[:, [x.argmax()]]
    return (every - first) / (last - first)


def _fits(bases: Any, y: Any) -> tuple[Any, Any, Any]:
    """K, K, K: mean and variance of what is expected by each curve, and the logarithm of its likelihood."""
    ones = np.ones_like(bases[:, :-1])
    design = np.stack((ones, bases[:, :-1]), 2)
    new = np.stack((ones[:, 0], bases[:, -1]), 1)
    precision = design.transpose(0, 2, 1) @ design + 1e-9 * np.eye(2)
    inverse = np.linalg.inv(precision)
    found = np.einsum("kij,knj,n->ki", inverse, design, y)
    left = ((y - np.einsum("kni,ki->kn", design, found)) ** 2).sum(1) + FLOOR**2
    freedom = len(y) - 1  # two are spent, and the floor is one more
    variances = left / freedom * (1.0 + np.einsum("ki,kij,kj->k", new, inverse, new))
    likelihoods = -0.5 * freedom * np.log(left) - 0.5 * np.log(np.linalg.det(precision))
    return (found * new).sum(1), variances, likelihoods
