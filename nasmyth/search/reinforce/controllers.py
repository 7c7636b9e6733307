"""REINFORCE and proximal policy optimisation, the controllers of the first searches for networks.

    Reinforce(batch=10, entropy=0.02)
    Reinforce(policy=Chained())         # each decision depends on the one before it
    PPO(epochs=4, clip=0.2)

`Reinforce` is that of Williams (1992, "Simple statistical gradient-following algorithms for connectionist reinforcement
learning") with a moving average as its baseline (Zoph and Le 2017, "Neural architecture search with reinforcement learning",
arXiv:1611.01578) and a bonus on entropy. `PPO` goes over a batch several times, and no further than where the chance of an
action has changed by a factor of 1 ± clip (Schulman et al. 2017, arXiv:1707.06347, equation 7), as in the search for NASNet
(Zoph et al. 2018, arXiv:1707.07012). There, the policy is a recurrent network; here, a table, which fewer trials train.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.search.reinforce.gradient import PolicyGradient
from nasmyth.search.reinforce.policy import Tape
from nasmyth.search.strategy import strategy


@strategy("reinforce")
class Reinforce(PolicyGradient):
    """REINFORCE with a moving average as its baseline (see the top of this file)."""


@strategy("ppo")
class PPO(PolicyGradient):
    """The clipped surrogate, several times over each batch (see the top of this file)."""

    epochs: int = 4
    clip: float = 0.2

    def check(self) -> None:
        super().check()
        if self.epochs < 1 or self.clip <= 0:
            raise SpaceError(f"{self!r}: needs epochs >= 1 and clip > 0")

    def passes(self) -> int:
        return self.epochs

    def weights(self, tape: Tape, advantages: Any, gains: Any) -> Any:
        return clipped(advantages, np.exp(gains), self.clip)


def clipped(advantages: Any, ratios: Any, clip: float) -> Any:
    """The slope of min(ratio * advantage, clip(ratio) * advantage) by the logarithm of the ratio."""
    far = np.where(advantages > 0, ratios > 1 + clip, ratios < 1 - clip)
    return np.where(far, 0.0, ratios * advantages)
