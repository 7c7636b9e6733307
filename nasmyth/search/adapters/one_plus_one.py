"""The (1+1) evolution strategy with the one-fifth rule (Rechenberg 1973, "Evolutionsstrategie"), on points of the unit cube.

A point is kept until one is as good. The step grows by exp(1/3) after a success and shrinks by its fourth root else, so that a
fifth of the steps succeed (Kern et al. 2004, "Learning probability distributions in continuous evolutionary algorithms").
The smallest optimiser that `AskTell` can have, and an example of how one is offered.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

from nasmyth.search.adapters.marked import optimizer
from nasmyth.space.space import Space

GROWTH = math.exp(1 / 3)


class OnePlusOne:
    """Asks for a normal step away from the best."""

    def __init__(self, size: int, seed: int) -> None:
        self.rng = Random(seed)
        self.best = [self.rng.random() for _ in range(size)]
        self.least = math.inf
        self.step = 0.3

    def ask(self) -> list[float]:
        return [min(1.0, max(0.0, x + self.step * self.rng.gauss(0.0, 1.0))) for x in self.best]

    def tell(self, point: list[float], loss: float) -> None:
        if loss <= self.least:
            self.best, self.least, self.step = point, loss, min(1.0, self.step * GROWTH)
        else:
            self.step = max(1e-3, self.step * GROWTH**-0.25)


@optimizer
def one_plus_one(space: Space, seed: int) -> Any:
    """With a number for each decision."""
    return OnePlusOne(len(space.holes), seed)
