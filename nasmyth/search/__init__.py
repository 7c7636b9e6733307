"""Strategies: from the log of what was tried to what to try next. Nothing here needs torch."""

from nasmyth.search.evolution import Best, Evolution, Newest, Tournament
from nasmyth.search.grid import Grid
from nasmyth.search.local import LocalSearch
from nasmyth.search.random import Random
from nasmyth.search.strategy import (
    FULL,
    FinishedTrial,
    Pending,
    Proposal,
    Stage,
    Strategy,
    fitness,
    strategies,
    strategy,
)

__all__ = [
    "FULL",
    "Best",
    "Evolution",
    "FinishedTrial",
    "Grid",
    "LocalSearch",
    "Newest",
    "Pending",
    "Proposal",
    "Random",
    "Stage",
    "Strategy",
    "Tournament",
    "fitness",
    "strategies",
    "strategy",
]
