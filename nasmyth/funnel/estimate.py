"""How good candidates are expected to be: what each scored, shrunk towards what its loss lets expect.

A score of few examples is noisy: of 216 digits, one more or less is half a point. The loss of the same examples is less so,
and it tells something else. So the score of each candidate is weighed against a regression of all scores on all losses,
each by its variance: the model of Fay and Herriot (1979, "Estimates of income for small places"), with the moment
estimator of its variance. Many examples: the score itself counts. Few, and losses that tell it: the regression does.

Badness is what is modelled, on a logarithmic scale: 1 - value of what is to be large, the value of what is to be small.

>>> near, far = expected([0.10, 0.30], [0.2, 0.9], 100_000)
>>> round(near.badness, 3), round(far.badness, 3)
(0.1, 0.3)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nasmyth.measure import Measure

FEWEST = 4
"""Candidates from which on a regression says anything."""
SPREAD = 1.0
"""Of what is no share, such as squared errors: the standard deviation over examples, as a share of the mean."""


class Expected(NamedTuple):
    """The badness to be expected, and the standard error of its logarithm."""

    badness: float
    error: float


def badness(value: float, direction: str) -> float:
    """What the best of is 0: 1 - value of a score that is to be large, such as an accuracy or R2."""
    return max(1.0 - value, 0.0) if direction == "max" else max(value, 0.0)


def goodness(badness: float, direction: str) -> float:
    """The value of a measure, from its badness."""
    return 1.0 - badness if direction == "max" else badness


def expected(bad: Sequence[float], losses: Sequence[float], examples: int, share: bool = True) -> list[Expected]:
    """Of candidates with these figures on the same examples, in their order.

    share: whether badness is a share of the examples, such as those that were wrong. A candidate whose loss is not a finite
    number counts by its score alone.
    """
    smooth = [(b * examples + 0.5) / (examples + 1.0) if share else max(b, 1e-12) for b in bad]
    y = [math.log(b) for b in smooth]
    noise = [(max(1.0 - b, 0.0) / b if share else SPREAD**2) / examples + 1e-12 for b in smooth]
    told = [i for i, loss in enumerate(losses) if 0 < loss < math.inf]
    if len(told) < FEWEST:
        return [Expected(math.exp(one), math.sqrt(d)) for one, d in zip(y, noise, strict=True)]
    x = [math.log(losses[i]) for i in told]
    kept, ys, ds = _between(x, [y[i] for i in told], [noise[i] for i in told])
    made = [Expected(math.exp(one), math.sqrt(d)) for one, d in zip(y, noise, strict=True)]
    for i, line, d, own in zip(told, ys, ds, [y[i] for i in told], strict=True):
        weight = kept / (kept + noise[i])
        made[i] = Expected(
            math.exp(weight * own + (1 - weight) * line), math.sqrt(weight * noise[i] + (1 - weight) ** 2 * d)
        )
    return made


def expected_of(goal: Measure, values: Sequence[float], losses: Sequence[float], examples: int) -> list[Expected]:
    """The same, from the values of a measure."""
    return expected([badness(value, goal.direction) for value in values], losses, examples, goal.unit == "1")


def chance_better(one: Expected, other: Expected) -> float:
    """The probability that the first is better than the second, their errors being independent."""
    error = math.hypot(one.error, other.error) or 1e-9
    return NormalDist().cdf((math.log(other.badness) - math.log(one.badness)) / error)


def interval(one: Expected, level: float = 0.95) -> tuple[float, float]:
    """Between which badness it is expected to lie."""
    half = NormalDist().inv_cdf(0.5 + level / 2) * one.error
    return one.badness * math.exp(-half), one.badness * math.exp(half)


def _between(x: list[float], y: list[float], noise: list[float]) -> tuple[float, list[float], list[float]]:
    """The variance that is between candidates beyond what losses tell; the line at each, and its variance there.

    The variance solves sum (y - line)^2 / (variance + noise) = n - 2 (Fay and Herriot 1979, section 2), by bisection.
    """

    def excess(variance: float) -> float:
        line, _ = _line(x, y, [variance + d for d in noise])
        return math.fsum((a - b) ** 2 / (variance + d) for a, b, d in zip(y, line, noise, strict=True)) - (len(y) - 2)

    low, high = 0.0, 1.0
    if excess(0.0) > 0:
        while excess(high) > 0 and high < 1e6:
            high *= 4
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low, *_line(x, y, [low + d for d in noise])


def _line(x: list[float], y: list[float], variances: list[float]) -> tuple[list[float], list[float]]:
    """The weighted least squares of y on x, at each x, and its variance there. Losses that are all alike tell nothing."""
    weights = [1.0 / v for v in variances]
    total = math.fsum(weights)
    mx = math.fsum(w * a for w, a in zip(weights, x, strict=True)) / total
    my = math.fsum(w * b for w, b in zip(weights, y, strict=True)) / total
    sxx = math.fsum(w * (a - mx) ** 2 for w, a in zip(weights, x, strict=True))
    if sxx <= 1e-9 * total * max(1.0, fmean(x) ** 2):
        return [my] * len(x), [1.0 / total] * len(x)
    # a larger loss is no better: where the line says so, it is by chance
    slope = max(0.0, math.fsum(w * (a - mx) * (b - my) for w, a, b in zip(weights, x, y, strict=True)) / sxx)
    return [my + slope * (a - mx) for a in x], [1.0 / total + (a - mx) ** 2 / sxx for a in x]
