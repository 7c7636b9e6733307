"""An ensemble of small networks on encodings of genomes, in NumPy: what they agree on is sure.

    BayesianOptimization(model=Ensemble())
    BayesianOptimization(model=Ensemble(members=10), acquire=ThompsonSampling())

The mean and deviation of so many networks with one hidden layer each, which differ in the weights that they begin with, as in
BANANAS (White, Neiswanger and Savani 2019, arXiv:1910.11858, section 4). A network is drawn back to where it began, the more
the fewer values it was told, so that far from these the networks differ as those that were told nothing do (anchored
ensembles: Pearce, Leibfried and Brintrup 2018, arXiv:1810.05546, equation 9).

Departures from BANANAS: the encoding is that of the other models, and the networks are not trained anew for each proposal:
they are trained in full as seldom as the settings of a Gaussian process are fitted, and a few steps more where something was
told.

With `pretrain`, networks begin with a hidden layer that has learned what costs nothing to know: parameters, multiply-adds and
layers of so many genomes (Dai et al. 2021, arXiv:2006.02049, section 3.3). What that is worth: `benchmarks/pretraining.txt`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.measure import find
from nasmyth.search.model.adam import minimised
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.model import Model
from nasmyth.search.strategy import part

FREE = ("params", "macs", "layers")
"""Measures of graphs that networks are pretrained on."""
LEAST = 1e-3
"""Of a deviation."""
Parameters = Sequence[Any]
"""M D H, M 1 H, M H K, M 1 K: of M members with D columns in, H hidden numbers and K out."""


@part("ensemble")
class Ensemble(Model):
    """So many networks (see the top of this file).

    hidden: numbers in the hidden layer. steps: of a training in full; more: where something was told. rate: of Adam. noise: the
    variance that is expected around what is told, of values of variance 1. pretrain: genomes by which the hidden layer learns
    what costs nothing to know.
    """

    members: int = 10
    hidden: int = 64
    steps: int = 300
    more: int = 40
    rate: float = 0.02
    noise: float = 0.02
    pretrain: int = 0
    seed: int = 0

    def check(self) -> None:
        if (
            self.members < 2
            or min(self.hidden, self.steps, self.more) < 1
            or self.rate <= 0
            or min(self.noise, self.pretrain) < 0
        ):
            raise SpaceError(
                f"{self!r}: needs members >= 2, hidden, steps and more >= 1, rate above 0, and noise and pretrain >= 0"
            )

    def fit(self, encoding: Encoding, x: Any, y: Any) -> Begun:
        first = pretrained(self, encoding) if self.pretrain else begun(self, x)
        return Begun(self, first, trained(self, first, first, x, y[:, None], self.steps))


class Begun(NamedTuple):
    """Networks as they were drawn, and after a training."""

    settings: Ensemble
    first: Parameters
    parameters: Parameters

    def given(self, x: Any, y: Any) -> Networks:
        """The same after some more steps on these values: N D, N."""
        settings = self.settings
        return Networks(trained(settings, self.first, self.parameters, x, y[:, None], settings.more))


class Networks(NamedTuple):
    """Networks after a training."""

    parameters: Parameters

    def predict(self, new: Any) -> tuple[Any, Any]:
        """Mean and deviation of their first number at new encodings."""
        found = answers(self.parameters, new)[1][:, :, 0]
        return found.mean(0), np.maximum(LEAST, found.std(0))


def begun(settings: Ensemble, x: Any, out: int = 1) -> Parameters:
    """Networks as they are drawn: numbers of variance 1 in the hidden layer and out, for encodings as large as these."""
    chance, size = np.random.default_rng(settings.seed), np.sqrt((x**2).sum(1).mean() + 1.0)
    members, hidden = settings.members, settings.hidden
    into = chance.standard_normal((members, x.shape[1] + 1, hidden)) / size
    onward = chance.standard_normal((members, hidden, out)) / np.sqrt(hidden)
    return [into[:, :-1], into[:, -1:], onward, np.zeros((members, 1, out))]


@lru_cache(maxsize=8)
def pretrained(settings: Ensemble, encoding: Encoding) -> Parameters:
    """The same with a hidden layer that foretold `FREE` of genomes drawn at random. What follows it is as it was drawn."""
    space = encoding.space
    genomes = [space.sample(f"pretraining {i}") for i in range(settings.pretrain)]
    x, known = encoding(genomes), np.log1p([[find(name)(space.decode(one)) for name in FREE] for one in genomes])
    y = (known - known.mean(0)) / np.maximum(known.std(0), LEAST)
    first = begun(settings, x, len(FREE))
    into, shift, *_ = trained(settings, first, first, x, y, settings.steps)
    return [into, shift, *begun(settings, x)[2:]]


def answers(parameters: Parameters, x: Any) -> tuple[Any, Any]:
    """The hidden layer, M N H, and what comes out, M N K."""
    into, shift, onward, last = parameters
    hidden = np.tanh(x @ into + shift)
    return hidden, hidden @ onward + last


def loss(settings: Ensemble, first: Parameters, parameters: Parameters, x: Any, y: Any) -> tuple[float, Parameters]:
    """Half the squared errors and what the way from the first weights costs, per value, summed over members; and its gradient.
    x: N D, y: N K."""
    hidden, found = answers(parameters, x)
    wrong = (found - y) / len(x)
    by_hidden = wrong @ parameters[2].swapaxes(1, 2) * (1 - hidden**2)
    slopes = [
        x.T @ by_hidden,
        by_hidden.sum(1, keepdims=True),
        hidden.swapaxes(1, 2) @ wrong,
        wrong.sum(1, keepdims=True),
    ]
    value = 0.5 * len(x) * float((wrong**2).sum())
    for i, (at, start) in enumerate(zip(parameters, first, strict=True)):
        pull = settings.noise / len(x) / max(float(start.var()), 1.0 / settings.hidden)
        value += 0.5 * pull * float(((at - start) ** 2).sum())
        slopes[i] = slopes[i] + pull * (at - start)
    return value, slopes


def trained(settings: Ensemble, first: Parameters, parameters: Parameters, x: Any, y: Any, steps: int) -> Parameters:
    """Parameters after so many steps on all values at once."""
    return minimised(parameters, lambda at: loss(settings, first, at, x, y)[1], steps, settings.rate)
