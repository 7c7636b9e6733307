"""Strategies: from the log of what was tried to what to try next. Nothing here needs torch."""

from nasmyth.search.evolution import Best, Evolution, Newest, Tournament
from nasmyth.search.grid import Grid
from nasmyth.search.halving import ASHA, SuccessiveHalving
from nasmyth.search.hyperband import Hyperband
from nasmyth.search.local import LocalSearch
from nasmyth.search.program import Program, Solution, ranked, solve
from nasmyth.search.random import Random
from nasmyth.search.simulation import SimulatedTrial, Simulation, simulate
from nasmyth.search.strategy import (
    FULL,
    FinishedTrial,
    Pending,
    Proposal,
    Stage,
    Strategy,
    distinct,
    fitness,
    strategies,
    strategy,
)

__all__ = [
    "ASHA",
    "FULL",
    "Best",
    "Evolution",
    "FinishedTrial",
    "Grid",
    "Hyperband",
    "LocalSearch",
    "Newest",
    "Pending",
    "Program",
    "Proposal",
    "Random",
    "SimulatedTrial",
    "Simulation",
    "Solution",
    "Stage",
    "Strategy",
    "SuccessiveHalving",
    "Tournament",
    "distinct",
    "fitness",
    "ranked",
    "simulate",
    "solve",
    "strategies",
    "strategy",
]
