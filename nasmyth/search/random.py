"""Random search: every genome drawn from the space, whatever came before.

The baseline of all others, and hard to beat (Li and Talwalkar 2019, arXiv:1902.07638; Yang et al. 2020,
arXiv:1912.12522). It is the shortest complete strategy, and so the one to copy from.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random as Generator
from typing import Any

from nasmyth.search.strategy import Pending, Proposal, Strategy, distinct, in_full, out, strategy
from nasmyth.space.space import Space


@strategy("random")
class Random(Strategy):
    """Draws genomes independently; those that are out at once differ where the space allows."""

    def ask(self, state: Any, space: Space, rng: Generator, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        return in_full(distinct(lambda: space.sample(rng), n, out(pending)))
