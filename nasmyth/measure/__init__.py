"""Measures: from a candidate to a number; a comparison with one is a constraint; one way to evaluate both.

The files behind the names are loaded on first use (`files.py` lists them).
"""

from typing import TYPE_CHECKING

from nasmyth.contents import contents
from nasmyth.measure.budgets import constraint, constraints
from nasmyth.measure.candidate import Candidate, Effort
from nasmyth.measure.constraint import Constraint
from nasmyth.measure.evaluate import Measured, evaluate, figures_of
from nasmyth.measure.files import FILES
from nasmyth.measure.measure import Measure, find, measure, measures
from nasmyth.measure.needs import Need, need, needs

if TYPE_CHECKING:
    from nasmyth.measure.calibration import ece_adaptive, ece_classwise, ece_scaled
    from nasmyth.measure.counts import activations, macs, memory, params, size, traffic
    from nasmyth.measure.device import latency
    from nasmyth.measure.robustness import masking, robust
    from nasmyth.measure.trained import accuracy, brier, ece, loss, mae, r2, rmse

__all__ = ["Candidate", "Constraint", "Effort", "Measure", "Measured", "Need", "accuracy", "activations", "brier", "constraint",
           "constraints", "ece", "ece_adaptive", "ece_classwise", "ece_scaled", "evaluate", "figures_of", "find", "latency", "loss", "macs", "mae",
           "masking", "measure", "measures", "memory", "need", "needs", "params", "r2", "rmse", "robust", "size", "traffic"]  # fmt: skip

__getattr__, __dir__ = contents(__name__, FILES)
