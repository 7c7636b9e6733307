"""Several models as one: where one is misled by its own form, the others outvote it.

    BayesianOptimization(model=Committee())                                   # a Gaussian process and an ensemble of networks
    BayesianOptimization(model=Committee((GaussianProcess(), Forest(), Ensemble())))

What it expects is an even mixture of what its members do (a linear opinion pool: Stone 1961, "The opinion pool"): its mean is
the mean of theirs, and its variance that of theirs and of how far apart they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.kinds import shown
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.ensemble import Ensemble
from nasmyth.search.model.gaussian_process import GaussianProcess
from nasmyth.search.model.model import Fitted, Model, Predictive
from nasmyth.search.strategy import part


@part("committee")
class Committee(Model):
    """An even mixture of models (see the top of this file)."""

    members: tuple[Model, ...] = (GaussianProcess(), Ensemble())

    def check(self) -> None:
        if len(self.members) < 2 or not all(isinstance(one, Model) for one in self.members):
            raise SpaceError(
                f"Committee({shown(self.members)}): give two models at least: Committee((GaussianProcess(), Forest()))"
            )

    def fit(self, encoding: Encoding, x: Any, y: Any) -> Seated:
        return Seated(tuple(one.fit(encoding, x, y) for one in self.members))


class Seated(NamedTuple):
    """The members, their settings known."""

    members: tuple[Fitted, ...]

    def given(self, x: Any, y: Any) -> Mixture:
        """The same after these values: N D, N."""
        return Mixture(tuple(one.given(x, y) for one in self.members))


class Mixture(NamedTuple):
    """An even mixture of what members expect."""

    members: tuple[Predictive, ...]

    def predict(self, new: Any) -> tuple[Any, Any]:
        """Mean and deviation at new encodings."""
        means, deviations = (np.array(told) for told in zip(*(one.predict(new) for one in self.members), strict=True))
        return means.mean(0), np.sqrt((deviations**2).mean(0) + means.var(0))
