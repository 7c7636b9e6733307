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
from nasmyth.search.wrap.bandit import Bandit
from nasmyth.search.wrap.deduplicated import Deduplicated
from nasmyth.search.wrap.warm import Start, WarmStarted

if TYPE_CHECKING:
    from nasmyth.search.bayes import BayesianOptimization
    from nasmyth.search.generative import VGON
    from nasmyth.search.model.acquire import ExpectedImprovement, UpperConfidence
    from nasmyth.search.model.gaussian_process import GaussianProcess
    from nasmyth.search.model.variational import Variational

__all__ = [
    "ASHA",
    "FULL",
    "VGON",
    "Bandit",
    "BayesianOptimization",
    "Best",
    "Deduplicated",
    "Evolution",
    "ExpectedImprovement",
    "FinishedTrial",
    "GaussianProcess",
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
    "Start",
    "Strategy",
    "SuccessiveHalving",
    "Tournament",
    "UpperConfidence",
    "Variational",
    "WarmStarted",
    "distinct",
    "fitness",
    "ranked",
    "simulate",
    "solve",
    "strategies",
    "strategy",
]

__getattr__, __dir__ = contents(__name__, NAMES)
