"""Early exit: a network above a threshold of a cheap measure is rejected before anything is paid for it, and made anew.

    Evolution(early_exit=EarlyExit(params <= 3e6))
    NSGA2(early_exit=EarlyExit("params<=3M", start=0.2))

The initial population of EEEA-Net (Termritthikun et al. 2021, "EEEA-Net: An early exit evolutionary neural architecture
search", arXiv:2108.06156): random networks, and another one in place of each that has more parameters than a threshold.
With `start` below 1 the threshold grows from that share of the bound to the bound while the population fills, so that
it begins with small networks and has some of all sizes.

Departures: any measure of a graph will do; children are held to the bound as well, so that nothing above it is ever
trained. A space that was narrowed (`space.narrow(params <= 3e6)`, as a study does with its constraints) needs only the
growing threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Self

from nasmyth.errors import SpaceError
from nasmyth.measure.budgets import constraint
from nasmyth.record import Value
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

TRIES = 100
"""How often a network is made anew before the space is narrowed to those under the bound."""


class EarlyExit(Value):
    """Networks under a bound on what a graph tells (see the top of this file).

    under: the bound, `params <= 3e6` or "params<=3M". start: the threshold of the first network, as a share of the bound.
    """

    under: str
    start: float = 1.0

    def __new__(cls, under: Any, start: float = 1.0) -> Self:
        return super().__new__(cls, str(under), start)

    def check(self) -> None:
        limit = constraint(self.under)
        if limit.relation != "<=" or not limit.measure.requires <= {"graph"}:
            raise SpaceError(f"{self!r}: needs an upper bound on what a graph tells, such as params <= 3e6")
        if not 0 < self.start <= 1:
            raise SpaceError(f"{self!r}: start is a share of the bound, above 0 and at most 1")

    def __call__(self, make: Callable[[Space], Genome], space: Space, filled: float) -> Genome:
        """What `make` makes in the space, under the threshold where `filled` of the population are there (1: under the bound).

        Where that is too rare to be met with: the least that it made, if that is under the bound; else what it makes in the
        space under the bound. Raises BudgetError if nothing is.
        """
        limit = constraint(self.under)
        threshold = limit.at(limit.bound * min(1.0, self.start + (1 - self.start) * filled))
        least, smallest = math.inf, None
        for _ in range(TRIES):
            genome = make(space)
            value = limit.measure(space.decode(genome))
            if threshold.satisfied(value):
                return genome
            if limit.satisfied(value) and value < least:
                least, smallest = value, genome
        return make(_narrowed(space, self.under)) if smallest is None else smallest


@lru_cache(maxsize=8)
def _narrowed(space: Space, under: str) -> Space:
    return space.narrow(constraint(under))
