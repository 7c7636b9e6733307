"""Which file has which strategies and parts of them that wait until they are asked for, since they need NumPy or an extra.

A new one is a file and its lines here and on the contents page of `nasmyth.search`.
"""

from __future__ import annotations

STRATEGIES = {
    "bayes": "bayes",
    "vgon": "generative",
}
"""By the name that the command line uses: the file."""

NAMES = {
    "bayes": ("BayesianOptimization",),
    "generative": ("VGON",),
    "model.acquire": ("ExpectedImprovement", "UpperConfidence"),
    "model.gaussian_process": ("GaussianProcess",),
    "model.variational": ("Variational",),
}
"""By file: what it has for `nasmyth.search`."""
