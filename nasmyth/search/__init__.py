"""Strategies: from the log of what was tried to what to try next. Nothing here needs torch, and what needs NumPy waits until it
is asked for."""

from typing import TYPE_CHECKING

from nasmyth.contents import contents
from nasmyth.search.evolution import Best, Evolution, Newest, Tournament
from nasmyth.search.files import NAMES
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

if TYPE_CHECKING:
    from nasmyth.search.adapters.ask_tell import AskTell
    from nasmyth.search.adapters.marked import optimizer
    from nasmyth.search.adapters.optuna_sampler import OptunaSampler
    from nasmyth.search.bayes import BayesianOptimization
    from nasmyth.search.feedback import Feedback
    from nasmyth.search.model.acquire import ExpectedImprovement, UpperConfidence
    from nasmyth.search.model.gaussian_process import GaussianProcess

__all__ = [
    "ASHA",
    "FULL",
    "AskTell",
    "BayesianOptimization",
    "Best",
    "Evolution",
    "ExpectedImprovement",
    "Feedback",
    "FinishedTrial",
    "GaussianProcess",
    "Grid",
    "Hyperband",
    "LocalSearch",
    "Newest",
    "OptunaSampler",
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
    "UpperConfidence",
    "distinct",
    "fitness",
    "optimizer",
    "ranked",
    "simulate",
    "solve",
    "strategies",
    "strategy",
]

__getattr__, __dir__ = contents(__name__, NAMES)
