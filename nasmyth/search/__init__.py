"""Strategies: from the log of what was tried to what to try next. Nothing here needs torch, and what needs NumPy waits until it
is asked for."""

from typing import TYPE_CHECKING

from nasmyth.contents import contents
from nasmyth.search.auto import Auto
from nasmyth.search.early_exit import EarlyExit
from nasmyth.search.evolution import Best, Evolution, Newest, Tournament
from nasmyth.search.extrapolation import Extrapolation
from nasmyth.search.files import NAMES
from nasmyth.search.front_quality import hypervolume, knee, reference_point
from nasmyth.search.grid import Grid
from nasmyth.search.halving import ASHA, SuccessiveHalving
from nasmyth.search.hyperband import Hyperband
from nasmyth.search.local import LocalSearch
from nasmyth.search.mcts import MCTS
from nasmyth.search.nsga import NSGA2, NSGA3, ReferencePoints
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
    part,
    parts,
    strategies,
    strategy,
)
from nasmyth.search.wrap.bandit import Bandit
from nasmyth.search.wrap.deduplicated import Deduplicated
from nasmyth.search.wrap.warm import Start, WarmStarted

if TYPE_CHECKING:
    from nasmyth.search.adapters.ask_tell import AskTell
    from nasmyth.search.adapters.marked import optimizer
    from nasmyth.search.adapters.optuna_sampler import OptunaSampler
    from nasmyth.search.bayes import BayesianOptimization
    from nasmyth.search.bohb import BOHB
    from nasmyth.search.feedback import Feedback
    from nasmyth.search.generative import VGON
    from nasmyth.search.model.acquire import ExpectedImprovement, UpperConfidence
    from nasmyth.search.model.columns import Encode
    from nasmyth.search.model.cost import Constrained, CostAware
    from nasmyth.search.model.decisions import Decisions
    from nasmyth.search.model.ensemble import Ensemble
    from nasmyth.search.model.forest import Forest
    from nasmyth.search.model.gaussian_process import GaussianProcess
    from nasmyth.search.model.hypervolume import HypervolumeImprovement
    from nasmyth.search.model.subtrees import Subtrees
    from nasmyth.search.model.thompson import ThompsonSampling
    from nasmyth.search.model.variational import Variational
    from nasmyth.search.parzen import TPE
    from nasmyth.search.reinforce.agents import MultiAgent
    from nasmyth.search.reinforce.conservative import ConservativeController
    from nasmyth.search.reinforce.controllers import PPO, Reinforce
    from nasmyth.search.reinforce.policy import Chained, Independent

__all__ = [
    "ASHA",
    "BOHB",
    "FULL",
    "MCTS",
    "NSGA2",
    "NSGA3",
    "PPO",
    "TPE",
    "VGON",
    "AskTell",
    "Auto",
    "Bandit",
    "BayesianOptimization",
    "Best",
    "Chained",
    "ConservativeController",
    "Constrained",
    "CostAware",
    "Decisions",
    "Deduplicated",
    "EarlyExit",
    "Encode",
    "Ensemble",
    "Evolution",
    "ExpectedImprovement",
    "Extrapolation",
    "Feedback",
    "FinishedTrial",
    "Forest",
    "GaussianProcess",
    "Grid",
    "Hyperband",
    "HypervolumeImprovement",
    "Independent",
    "LocalSearch",
    "MultiAgent",
    "Newest",
    "OptunaSampler",
    "Pending",
    "Program",
    "Proposal",
    "Random",
    "ReferencePoints",
    "Reinforce",
    "SimulatedTrial",
    "Simulation",
    "Solution",
    "Stage",
    "Start",
    "Strategy",
    "Subtrees",
    "SuccessiveHalving",
    "ThompsonSampling",
    "Tournament",
    "UpperConfidence",
    "Variational",
    "WarmStarted",
    "distinct",
    "fitness",
    "hypervolume",
    "knee",
    "optimizer",
    "part",
    "parts",
    "ranked",
    "reference_point",
    "simulate",
    "solve",
    "strategies",
    "strategy",
]

__getattr__, __dir__ = contents(__name__, NAMES)
