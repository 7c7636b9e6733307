"""What a trial is worth, from what a model expects of it: the larger, the sooner it is tried."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from nasmyth.record import Value

NORMAL = NormalDist()


class UpperConfidence(Value):
    """The mean and so many deviations (Srinivas et al. 2010, arXiv:0912.3995)."""

    deviations: float = 0.5

    def __call__(self, mean: Any, deviation: Any, best: float) -> Any:
        return mean + self.deviations * deviation


class ExpectedImprovement(Value):
    """By how much it is expected to beat the best so far (Jones et al. 1998, equation 15)."""

    def __call__(self, mean: Any, deviation: Any, best: float) -> Any:
        ahead = ((mean - best) / deviation).tolist()
        return (mean - best) * np.array([*map(NORMAL.cdf, ahead)]) + deviation * np.array([*map(NORMAL.pdf, ahead)])
