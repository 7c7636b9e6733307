"""Acquisitions that look at more than the objective: at what a trial takes, and at whether it meets the constraints.

    BayesianOptimization(acquire=CostAware())                   # expected improvement per second
    BayesianOptimization(acquire=Constrained())                 # times the probability of meeting the constraints
    BayesianOptimization(acquire=CostAware(Constrained()))

Both have a Gaussian process of their own on the encodings that the model of the objective has.
"""

from __future__ import annotations

from random import Random
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.search.model.acquire import Acquisition, ExpectedImprovement, Worth
from nasmyth.search.model.gaussian_process import GaussianProcess
from nasmyth.search.model.log import Log, Values
from nasmyth.search.model.model import Predictive
from nasmyth.search.model.seen import Seen
from nasmyth.search.strategy import part

NORMAL = NormalDist()
LEAST = 1e-3
"""Seconds: what takes less, and what was not timed, counts as this."""


class Wrapped(Acquisition, abstract=True):
    """Another acquisition times something."""

    positive: ClassVar[bool] = True
    acquire: Acquisition = ExpectedImprovement()

    def check(self) -> None:
        if not self.acquire.positive:
            raise SpaceError(f"{self!r}: {self.acquire!r} may be negative; take ExpectedImprovement()")

    def over(self, seen: Seen, rng: Random) -> Worth:
        worth, factor = self.acquire.over(seen, rng), self.factor(seen.log)
        return lambda x: worth(x) * factor(x)

    def factor(self, log: Log) -> Worth:
        """What it is multiplied by."""
        raise NotImplementedError


@part("cost_aware")
class CostAware(Wrapped):
    """Per second that it is expected to take (Snoek et al. 2012, arXiv:1206.2944, section 3.2).

    The process is that of the logarithm of the seconds, as in the paper. power: 1 for that; less for a weaker pull towards what
    is cheap.
    """

    power: float = 1.0

    def factor(self, log: Log) -> Worth:
        logs = _log_seconds(log)
        centre, scale = logs.mean(), logs.std() or 1.0
        process = _process(log, _standard_seconds)
        return lambda x: np.exp(-self.power * (centre + scale * process.predict(x)[0]))


@part("constrained")
class Constrained(Wrapped):
    """Times the probability of meeting the constraints (Gardner et al. 2014, "Bayesian optimization with inequality
    constraints", section 3.1).

    Departure: only by how much all constraints together are missed is known, and 0 if they are met. So the process is that of
    1 for what meets them and -1 for what does not or failed (Rasmussen and Williams 2006, section 6.5), and its being
    above 0 is what is likely or not.
    """

    def factor(self, log: Log) -> Worth:
        met = _met(log)
        if met.min() == met.max():
            return lambda x: np.ones(len(x))
        centre, scale, process = met.mean(), met.std(), _process(log, _standard_met)

        def likely(x: Any) -> Any:
            mean, deviation = process.predict(x)
            return np.array([*map(NORMAL.cdf, ((mean + centre / scale) / deviation).tolist())])

        return likely


def _log_seconds(log: Log) -> Any:
    seconds = np.nan_to_num(np.array(log.seconds, dtype=float), nan=LEAST, posinf=1e9)
    return np.log(np.maximum(seconds, LEAST))


def _met(log: Log) -> Any:
    return np.array([1.0 if scores[0] == 0 else -1.0 for _, scores in log.told])


def _process(log: Log, values: Values) -> Predictive:
    """A Gaussian process of other values of a log; its weights are fitted as seldom as those of the objective, by the same
    shorter log, so that a search that was resumed goes on as one that was not."""
    return Seen(log, GaussianProcess()).of(values)


def _standard_seconds(log: Log) -> Any:
    return _standard(_log_seconds(log))


def _standard_met(log: Log) -> Any:
    return _standard(_met(log))


def _standard(y: Any) -> Any:
    return (y - y.mean()) / (y.std() or 1.0)
