"""A Gaussian process on encodings of genomes: what is expected of a network that was not tried, and how sure that is.

    encoding = encoding_of(space)
    settings = GaussianProcess().fit(encoding, x := encoding(genomes), y)      # N D numbers, N values
    mean, deviation = settings.given(x, y).predict(encoding(others))

The covariance of two genomes is exp(-sum over decisions of w_h d_h), where d_h is half the squared distance of what the
decision h is encoded as: 1 for two options of a choice. So a choice has the Hamming kernel, a number a squared exponential
one, and each decision a weight of its own (automatic relevance determination: Rasmussen and Williams 2006, section 5.1). The
weights and the noise are the likeliest under log-normal priors, which few trials need; the amplitude is that under which the
values are likeliest (equation 5.8, profiled).

BoTorch has more general ones. This one decides in a hundredth of a second, where that takes one, and needs nothing but NumPy.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.model import Model
from nasmyth.search.strategy import part

OPTION, NUMBER, NOISE = 1.0, 8.0, 1e-2
"""Medians of the priors: the weight of a decision between options, of one for a number from 0 to 1, and the noise as a share
of the amplitude."""
SPREAD, SPREAD_OF_NOISE = 1.0, 1.5
"""Deviations of their logarithms."""
STEPS = 40


@part("gaussian_process")
class GaussianProcess(Model):
    """With a weight for each decision (see the top of this file)."""

    def fit(self, encoding: Encoding, x: Any, y: Any) -> Settings:
        """The likeliest weights and noise, by gradients with steps of their own (Rprop: Riedmiller and Braun 1993)."""
        first = np.log(np.append(np.where(encoding.numeric, NUMBER, OPTION), NOISE))
        at, step, before = first.copy(), np.full(len(first), 0.2), np.zeros(len(first))
        best, least = at.copy(), math.inf
        for _ in range(STEPS):
            loss, slope = _loss(encoding.owner, x, y, at, first)
            if loss < least:
                best, least = at.copy(), loss
            turned = slope * before < 0
            step = np.clip(np.where(turned, 0.5 * step, 1.2 * step), 1e-3, 0.7)
            before = np.where(turned, 0.0, slope)
            at = at - np.sign(before) * step
        return Settings(np.exp(best[:-1])[encoding.owner], float(np.exp(best[-1])))


class Settings(NamedTuple):
    """The weight of each column, and the noise as a share of the amplitude."""

    weights: Any
    noise: float

    def covariance(self, a: Any, b: Any) -> Any:
        """N M: of encodings."""
        root = np.sqrt(self.weights / 2)
        a, b = a * root, b * root
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        return np.exp(-np.maximum(squares, 0.0))

    def given(self, x: Any, y: Any) -> Posterior:
        """The process after these values."""
        lower = np.linalg.cholesky(self.covariance(x, x) + self.noise * np.eye(len(x)))
        inverse = np.linalg.inv(lower)
        half = inverse @ y
        return Posterior(self, x, inverse, half, max(float(half @ half), 1e-12) / len(y))


class Posterior(NamedTuple):
    """A process that was given values."""

    settings: Settings
    x: Any
    inverse: Any
    half: Any
    amplitude: float

    def predict(self, new: Any) -> tuple[Any, Any]:
        """Mean and deviation at new encodings."""
        cross = self.inverse @ self.settings.covariance(self.x, new)
        variance = self.amplitude * np.maximum(1e-9, 1.0 - (cross**2).sum(0))
        return self.half @ cross, np.sqrt(variance)


def _loss(owner: Any, x: Any, y: Any, at: Any, first: Any) -> tuple[float, Any]:
    """Minus the logarithm of likelihood and priors, and its gradient by the logarithms of weights and noise."""
    weights, noise = np.exp(at[:-1]), np.exp(at[-1])
    settings = Settings(weights[owner], noise)
    pure = settings.covariance(x, x)
    lower = np.linalg.cholesky(pure + noise * np.eye(len(x)))
    inverse = np.linalg.inv(lower)
    precision = inverse.T @ inverse
    solved = precision @ y
    total = max(float(y @ solved), 1e-12)
    spreads = np.append(np.full(len(weights), SPREAD), SPREAD_OF_NOISE)
    away = (at - first) / spreads
    loss = 0.5 * len(y) * math.log(total / len(y)) + float(np.log(np.diag(lower)).sum()) + 0.5 * float(away @ away)
    inner = 0.5 * (precision - len(y) / total * np.outer(solved, solved))
    moved = inner * pure
    by_column = (x**2).T @ moved.sum(1) - (x * (moved @ x)).sum(0)
    slope = -weights * np.bincount(owner, by_column, len(weights))
    return loss, np.append(slope, noise * np.trace(inner)) + away / spreads
