"""Which file has which strategies and parts of them that wait until they are asked for, since they need NumPy or an extra.

A new one is a file and its lines here and on the contents page of `nasmyth.search`.
"""

from __future__ import annotations

STRATEGIES = {
    "bayes": "bayes",
    "ask_tell": "adapters.ask_tell",
    "feedback": "feedback",
    "optuna": "adapters.optuna_sampler",
}
"""By the name that the command line uses: the file."""

NAMES = {
    "adapters.ask_tell": ("AskTell",),
    "adapters.marked": ("optimizer",),
    "adapters.optuna_sampler": ("OptunaSampler",),
    "bayes": ("BayesianOptimization",),
    "feedback": ("Feedback",),
    "model.acquire": ("ExpectedImprovement", "UpperConfidence"),
    "model.gaussian_process": ("GaussianProcess",),
}
"""By file: what it has for `nasmyth.search`."""
