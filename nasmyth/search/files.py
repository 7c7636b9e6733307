"""Which file has which strategies and parts of them that wait until they are asked for, since they need NumPy or an extra.

A new one is a file and its lines here and on the contents page of `nasmyth.search`.
"""

from __future__ import annotations

STRATEGIES = {
    "bayes": "bayes",
    "reinforce": "reinforce.controllers",
    "ppo": "reinforce.controllers",
    "conservative": "reinforce.conservative",
    "agents": "reinforce.agents",
    "bohb": "bohb",
    "tpe": "parzen",
    "ask_tell": "adapters.ask_tell",
    "feedback": "feedback",
    "optuna": "adapters.optuna_sampler",
    "vgon": "generative",
}
PARTS = {
    "expected_improvement": "model.acquire",
    "upper_confidence": "model.acquire",
    "thompson_sampling": "model.thompson",
    "cost_aware": "model.cost",
    "constrained": "model.cost",
    "hypervolume": "model.hypervolume",
    "gaussian_process": "model.gaussian_process",
    "forest": "model.forest",
    "ensemble": "model.ensemble",
    "decisions": "model.decisions",
    "subtrees": "model.subtrees",
}
"""By the name that the command line uses: the file."""

NAMES = {
    "adapters.ask_tell": ("AskTell",),
    "adapters.marked": ("optimizer",),
    "adapters.optuna_sampler": ("OptunaSampler",),
    "bayes": ("BayesianOptimization",),
    "bohb": ("BOHB",),
    "feedback": ("Feedback",),
    "generative": ("VGON",),
    "model.ensemble": ("Ensemble",),
    "model.forest": ("Forest",),
    "model.columns": ("Encode",),
    "model.decisions": ("Decisions",),
    "model.subtrees": ("Subtrees",),
    "model.hypervolume": ("HypervolumeImprovement",),
    "model.acquire": ("ExpectedImprovement", "UpperConfidence"),
    "model.cost": ("Constrained", "CostAware"),
    "model.gaussian_process": ("GaussianProcess",),
    "reinforce.agents": ("MultiAgent",),
    "reinforce.conservative": ("ConservativeController",),
    "reinforce.controllers": ("PPO", "Reinforce"),
    "reinforce.environment": ("Environment",),
    "reinforce.policy": ("Chained", "Independent"),
    "model.thompson": ("ThompsonSampling",),
    "parzen": ("TPE",),
    "model.variational": ("Variational",),
}
"""By file: what it has for `nasmyth.search`."""
