"""What a trial is worth, from what a model expects of it: the larger, the sooner it is tried."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from nasmyth.record import Value
from nasmyth.search.model.log import Log

NORMAL = NormalDist()
Worth = Callable[[Any], Any]
"""From N D encodings to N numbers."""


class Acquisition(Value, abstract=True):
    """Base of what a trial is worth."""

    positive: ClassVar[bool] = False
    """Whether it is never below 0, so that it can be multiplied."""

    def over(self, posterior: Any, log: Log, rng: Random) -> Worth:
        """What encodings are worth by a posterior, which knows all of the log and what is believed of those pending."""
        best = float(log.y.max())

        def worth(x: Any) -> Any:
            mean, deviation = posterior.predict(x)
            return self(mean, deviation, best)

        return worth

    def __call__(self, mean: Any, deviation: Any, best: float) -> Any:
        """The same of means and deviations, N and N, and the best so far."""
        raise NotImplementedError


class UpperConfidence(Acquisition):
    """The mean and so many deviations (Srinivas et al. 2010, arXiv:0912.3995)."""

    deviations: float = 0.5

    def __call__(self, mean: Any, deviation: Any, best: float) -> Any:
        return mean + self.deviations * deviation


class ExpectedImprovement(Acquisition):
    """By how much it is expected to beat the best so far (Jones et al. 1998, equation 15)."""

    positive: ClassVar[bool] = True

    def __call__(self, mean: Any, deviation: Any, best: float) -> Any:
        ahead = ((mean - best) / deviation).tolist()
        return (mean - best) * np.array([*map(NORMAL.cdf, ahead)]) + deviation * np.array([*map(NORMAL.pdf, ahead)])
