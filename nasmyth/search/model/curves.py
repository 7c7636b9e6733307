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

POWERS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
TIMES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""As parts of the last epoch."""
FLOOR = 0.01
"""Noise that is believed in at the least, as a part of the range of the scores; it counts as one more score."""
LEAST = 3
"""Scores, below which a curve says nothing."""


def extrapolate(epochs: Sequence[float], scores: Sequence[float], at: float) -> tuple[float, float]:
    """Mean and deviation of the score at an epoch.

    Scores that are not finite, and those before the first epoch is half over, do not count. Of fewer than three, the mean is
    the last, and the deviation infinite; of none, the mean is NaN.
    """
    seen = [(x, y) for x, y in zip(epochs, scores, strict=True) if math.isfinite(y) and math.isfinite(x) and x >= 0.5]
    if len(seen) < LEAST or at < 0.5:
        return seen[-1][1] if seen else math.nan, math.inf
    x, y = (np.array(column, dtype=float) for column in zip(*seen, strict=True))
    scale = float(np.ptp(y))
    if scale == 0.0 or np.ptp(x) == 0.0:
        return float(y[-1]), scale
    fits = np.array([_fit(basis, (y - y[-1]) / scale) for basis in _bases(x, at)])
    weights = np.exp(fits[:, 2] - fits[:, 2].max())
    weights /= weights.sum()
    mean = float(weights @ fits[:, 0])
    variance = float(weights @ (fits[:, 1] + (fits[:, 0] - mean) ** 2))
    return float(y[-1] + scale * mean), scale * math.sqrt(variance)


def _bases(x: Any, at: float) -> list[Any]:
    """Of each curve: g at the epochs seen, and at the one that is asked for; 0 at the first epoch and 1 at the last."""
    points = np.append(x, at)
    every = [points**-power for power in POWERS]
    every += [np.exp(-points / (time * x.max())) for time in TIMES]
    every.append(1.0 / np.log(points + 1.0))
    first, last = x.argmin(), x.argmax()
    return [(g - g[first]) / (g[last] - g[first]) for g in every]


def _fit(basis: Any, y: Any) -> tuple[float, float, float]:
    """Mean and variance of what is expected, and the logarithm of the likelihood."""
    design, new = np.stack((np.ones(len(y)), basis[:-1]), 1), np.array((1.0, basis[-1]))
    precision = design.T @ design + 1e-9 * np.eye(2)
    inverse = np.linalg.inv(precision)
    found = inverse @ (design.T @ y)
    left = float(((y - design @ found) ** 2).sum()) + FLOOR**2
    freedom = len(y) - 1  # two are spent, and the floor is one more
    variance = left / freedom * (1.0 + float(new @ inverse @ new))
    return float(new @ found), variance, -0.5 * freedom * math.log(left) - 0.5 * math.log(np.linalg.det(precision))
