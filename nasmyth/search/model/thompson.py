"""Thompson sampling: whatever is best in one draw from the posterior.

    BayesianOptimization(acquire=ThompsonSampling())

Each proposal is best in a draw of its own, so workers who ask at once differ without any belief about what is pending
(Thompson 1933; Kandasamy et al. 2018, "Parallelised Bayesian optimisation via Thompson sampling", section 3).

A draw of a Gaussian process is a whole function: one of the prior, in random Fourier features (Rahimi and Recht 2007, "Random
features for large-scale kernel machines"), moved to what was told (Matheron's rule: Wilson et al. 2020, "Efficiently sampling
functions from Gaussian process posteriors", arXiv:2002.09309, equation 13). So a pool and what lies uphill of it are seen
in one draw. Of another model, which has a mean and a deviation alone, each genome is drawn by itself.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.search.model.acquire import Acquisition, Worth
from nasmyth.search.model.gaussian_process import Posterior
from nasmyth.search.model.seen import Seen
from nasmyth.search.strategy import part


@part("thompson_sampling")
class ThompsonSampling(Acquisition):
    """What it is in one draw from the posterior, of so many Fourier features (see the top of this file)."""

    features: int = 512

    def check(self) -> None:
        if self.features < 1:
            raise SpaceError(f"{self!r}: needs one feature at least")

    def over(self, seen: Seen, rng: Random) -> Worth:
        posterior, chance = seen.posterior, np.random.default_rng(rng.getrandbits(64))
        if isinstance(posterior, Posterior):
            return drawn(posterior, self.features, chance)

        def alone(x: Any) -> Any:
            mean, deviation = posterior.predict(x)
            return mean + deviation * chance.standard_normal(len(mean))

        return alone


def drawn(posterior: Posterior, features: int, chance: np.random.Generator) -> Worth:
    """A function drawn from the posterior."""
    settings, x = posterior.settings, posterior.x
    root, size = np.sqrt(settings.weights / 2), posterior.amplitude**0.5
    # the covariance exp(-|a - b|^2) of scaled encodings is the mean of cos(w (a - b)) over normal w of variance 2
    waves = chance.standard_normal((x.shape[1], features)) * np.sqrt(2.0) * root[:, None]
    phases, weights = chance.uniform(0.0, 2 * np.pi, features), chance.standard_normal(features)

    def prior(new: Any) -> Any:
        return size * np.sqrt(2.0 / features) * np.cos(new @ waves + phases) @ weights

    seen = prior(x) + size * settings.noise**0.5 * chance.standard_normal(len(x))
    moved = posterior.inverse.T @ (posterior.half - posterior.inverse @ seen)
    return lambda new: prior(new) + settings.covariance(new, x) @ moved
