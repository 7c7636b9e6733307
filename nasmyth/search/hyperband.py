"""Hyperband: successive halving in several brackets, from many genomes trained very little to few trained in full.

How little a training may be and still say who is better is not known beforehand, so each bracket begins at another one,
at about the same cost (Li et al. 2018, "Hyperband: A novel bandit-based approach to hyperparameter optimization", JMLR
18(185), algorithm 1 and table 1). A worker who would have to wait for the others of its bracket begins the next.
"""

from __future__ import annotations

from functools import cached_property

from nasmyth.search.halving import Bracket, SuccessiveHalving
from nasmyth.search.strategy import strategy


@strategy("hyperband")
class Hyperband(SuccessiveHalving):
    """Brackets of successive halving, over and over (see the top of this file).

    Its fields are those of `SuccessiveHalving`.
    """

    @cached_property
    def brackets(self) -> tuple[Bracket, ...]:
        return tuple(self._bracket(s) for s in reversed(range(self.levels + 1)))

    def _bracket(self, s: int) -> Bracket:
        n = -(-(self.levels + 1) * self.eta**s // (s + 1))  # rounded up
        return tuple((n // self.eta**i, self.stage(s - i, f"bracket {s}: ")) for i in range(s + 1))
