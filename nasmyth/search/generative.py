"""A generator of designs: a decoder from noise to decisions, trained on what was told, whose samples are the next proposals.

    VGON()
    VGON(start=40, greed=3.0, network=Variational(latent=8))

After `start` random genomes, a variational autoencoder is trained on those told so far, each weighted by how good it was;
standard normal noise, decoded, is a distribution over each decision; proposals are drawn from it, with `explore` of their
decisions made anew at random. Designs that are good in different ways lie at different places of the latent space, so one
generator holds several optima, where a hill climber ends on one: `designs` draws many of them, after the search.

The method is VGON (Zhang et al. 2024, "Variational optimization for quantum problems using deep generative networks",
arXiv:2404.18041): a network maps a latent Gaussian to designs, and is trained on the objective of what it makes plus the
divergence of the latent. Departure: there, the objective has a gradient by the design. Decisions have none, and a trial costs
a training; so the network learns from the trials that were told, by their likelihood with weights exp(greed * y) of the normal
scores y of their ranks (reward-weighted regression; conditioning by adaptive sampling trains such models with weights, too:
Brookes, Park and Listgarten 2019, arXiv:1901.10060). Trials that are alike share their weight (fitness sharing: Goldberg and
Richardson 1987), or the optimum that was found first would be all that the generator hears of.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.search.model.levels import levels_of
from nasmyth.search.model.log import Log
from nasmyth.search.model.variational import Autoencoder, Variational, fitted
from nasmyth.search.strategy import (
    FinishedTrial,
    Pending,
    Proposal,
    Strategy,
    distinct,
    hashable,
    in_full,
    out,
    strategy,
)
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

TRIES = 10
"""Draws for a genome that meets the constraints of the space."""


@strategy("vgon")
class VGON(Strategy):
    """A variational generator of designs (see the top of this file).

    start: random genomes before the first training. greed: how much more the better count. explore: how many decisions of a
    proposal are made anew, on average. niche: within which share of decisions that differ trials share their weight.
    """

    start: int = 20
    greed: float = 6.0
    explore: float = 0.5
    niche: float = 0.6
    network: Variational = Variational()

    def check(self) -> None:
        if self.start < 2 or self.greed < 0 or self.explore < 0 or not 0 <= self.niche <= 1:
            raise SpaceError(f"{self!r}: needs start >= 2, greed and explore of at least 0, and niche from 0 to 1")

    def init(self, space: Space) -> Log:
        return Log(space)

    def tell(self, state: Log, trial: FinishedTrial) -> Log:
        return state.then(trial)

    def ask(self, state: Log, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        if len(state.told) < self.start or not levels_of(state.space).holes:
            return in_full(distinct(lambda: space.sample(rng), n, out(pending)))
        known = out(pending) | {hashable(genome) for genome, _ in state.told}
        made = self._made(state, space, rng, max(self.explore, 1e-3))
        found = distinct(made, n, known)
        fresh = [one for one in found if hashable(one) not in known]  # it may know of nothing else
        return in_full(distinct(lambda: space.sample(rng), n, out(pending), fresh))

    def designs(self, state: Log, space: Space, rng: Random, n: int) -> list[Genome]:
        """n designs of the generator that was trained on all that was told, repeated where it repeats itself: its answer."""
        made = self._made(Log(state.space, state.told), space, rng, 0.0)
        return [made() for _ in range(n)]

    def _made(self, state: Log, space: Space, rng: Random, explore: float) -> Any:
        """A function that makes genomes of noise."""
        levels, network = levels_of(state.space), self._trained(state.since)
        widths = np.diff(levels.starts)
        share = min(1.0, explore / len(widths))

        def make() -> Genome:
            for _ in range(TRIES):
                z = np.array([[rng.gauss() for _ in range(self.network.latent)]])
                probabilities = (1 - share) * network.decoded(z)[0] + share / widths[network.owner]
                genome = levels.drawn(space, probabilities, rng)
                if space.meets(genome):
                    return genome
            return space.sample(rng)

        return make

    def _trained(self, log: Log) -> Autoencoder:
        """The generator of a log, trained once."""
        kept: dict[VGON, Autoencoder] = log.__dict__.setdefault("_trained", {})
        if self not in kept:
            levels = levels_of(log.space)
            x, known = levels.encoded([genome for genome, _ in log.told])
            weights = _shared(np.exp(self.greed * (log.y - log.y.max())), x, self.niche)
            kept[self] = fitted(levels.owner, x, known, weights / weights.sum(), self.network)
        return kept[self]


def _shared(weights: Any, x: Any, niche: float) -> Any:
    """The weights, each divided by the sum of those around it: others count the less the more decisions differ."""
    active = x.sum(1)
    differ = 1 - x @ x.T / np.maximum(1.0, np.maximum.outer(active, active))
    crowds = np.maximum(0.0, 1 - differ / niche) @ weights if niche else 1.0
    return weights / np.maximum(crowds, 1e-12)
