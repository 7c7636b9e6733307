"""auto: the strategy that a space and a goal call for, chosen by what was measured (`benchmarks/strategies.py`).

    Auto()                      # of a space alone
    Auto(goal="entropy")        # of a goal that a graph tells, too
    print(Auto().chosen(space))

- A space of few genomes is gone through: `Grid`.
- A goal that is a sum over the layers of a chain is solved, proven: `Program`, where its extra is installed.
- All else: `BayesianOptimization`.
- Where a genome has so many decisions that a model of few trials says nothing: `Evolution`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from random import Random
from typing import Any, NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.measure import find
from nasmyth.search.evolution import Evolution
from nasmyth.search.grid import Grid
from nasmyth.search.program import Program
from nasmyth.search.strategy import FinishedTrial, Pending, Proposal, Strategy, strategies, strategy
from nasmyth.space.space import Space

FEW = 64
"""Genomes of a space that is gone through."""
MANY = 1000
"""Numbers that encode a genome from which on no model is made of them."""


class Chosen(NamedTuple):
    """A strategy, and why it is that one."""

    strategy: Strategy
    why: str

    def __str__(self) -> str:
        return f"{self.strategy!r}: {self.why}"


class Started(NamedTuple):
    """The strategy that was chosen, and its state."""

    strategy: Strategy
    inner: Any


@strategy("auto")
class Auto(Strategy):
    """The strategy that a space and a goal call for (see the top of this file).

    goal: the measure that is to be made large or small, if it is the only one and a graph tells it. direction: "max" or "min",
    or "" for its own.
    """

    goal: str = ""
    direction: str = ""

    def check(self) -> None:
        if self.goal:
            find(self.goal)
        if self.direction not in ("", "max", "min"):
            raise SpaceError(f"{self!r}: direction is 'max' or 'min', or '' for the measure's own")

    def chosen(self, space: Space) -> Chosen:
        """The strategy for this space."""
        return _chosen(self, space)

    def init(self, space: Space) -> Started:
        chosen = self.chosen(space).strategy
        return Started(chosen, chosen.init(space))

    def tell(self, state: Started, trial: FinishedTrial) -> Started:
        return Started(state.strategy, state.strategy.tell(state.inner, trial))

    def ask(self, state: Started, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        return state.strategy.ask(state.inner, space, rng, n, pending)


@lru_cache(maxsize=32)
def _chosen(auto: Auto, space: Space) -> Chosen:
    if space.size <= FEW:
        return Chosen(Grid(), f"the space has {space.size:,} networks, which are gone through")
    if auto.goal and find_spec("ortools") is not None and _additive(space, auto.goal):
        return Chosen(
            Program(auto.goal, auto.direction), f"{auto.goal} of a chain is a sum over its layers, and solved"
        )
    width = sum(len(hole.encode(None)) for hole in space.holes.values())
    if width > MANY:
        return Chosen(Evolution(), f"a genome is {width:,} numbers, of which no model is made by few trials")
    return Chosen(strategies.get("bayes")(), "a model of what was tried finds the best in the fewest trials")


def _additive(space: Space, goal: str) -> bool:
    from nasmyth.search.chain_table import tabulate
    from nasmyth.search.program import SOLVED

    try:
        tabulate(space, [] if goal in SOLVED else [goal])
    except SpaceError:
        return False
    return True
