"""What a trial is worth, from what a model expects of it: the larger, the sooner it is tried."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from nasmyth.record import Value
from nasmyth.search.model.seen import Seen
from nasmyth.search.strategy import part

CDF = np.frompyfunc(NormalDist().cdf, 1, 1)
Worth = Callable[[Any], Any]
"""From N D encodings to N numbers."""


class Acquisition(Value, abstract=True):
    """Base of what a trial is worth."""

    positive: ClassVar[bool] = False
    """Whether it is never below 0, so that it can be multiplied."""

    def over(self, seen: Seen, rng: Random) -> Worth:
        """What encodings are worth by what is known."""
        posterior, best = seen.posterior, float(seen.log.y.max())

        def worth(x: Any) -> Any:
            mean, deviation = posterior.predict(x)
            return self(mean, deviation, best)

        return worth

    def __call__(self, mean: Any, deviation: Any, best: float) -> Any:
        """The same of means and deviations, N and N, and the best so far."""
        raise NotImplementedError


@part("upper_confidence")
class UpperConfidence(Acquisition):
    """The mean and so many deviations (Srinivas et al. 2010, arXiv:0912.3995)."""

    deviations: float = 0.5

    def __call__(self, mean: Any, deviation: Any, best: float) -> Any:
        return mean + self.deviations * deviation


@part("expected_improvement")
class ExpectedImprovement(Acquisition):
    """By how much it is expected to beat the best so far (Jones et al. 1998, equation 15)."""

    positive: ClassVar[bool] = True

    def __call__(self, mean: Any, deviation: Any, best: float) -> Any:
        return improvement(mean, deviation, best)


def improvement(mean: Any, deviation: Any, over: Any) -> Any:
    """By how much a normal variable is expected to be above something: E[max(0, X - over)]."""
    ahead = (mean - over) / deviation
    return (mean - over) * CDF(ahead).astype(float) + deviation * np.exp(-(ahead**2) / 2) / math.sqrt(2 * math.pi)
