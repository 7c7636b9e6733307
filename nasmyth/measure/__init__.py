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
    from nasmyth.measure.scores.entropy import depth, effectiveness, entropy
    from nasmyth.measure.trained import (
        accuracy,
        auroc,
        average_precision,
        balanced_accuracy,
        brier,
        ece,
        f1,
        f1_micro,
        log_loss,
        loss,
        mae,
        median_error,
        precision,
        quantile_loss,
        r2,
        recall,
        rmse,
    )

__all__ = ["Candidate", "Constraint", "Effort", "Measure", "Measured", "Need", "accuracy", "activations", "auroc",
           "average_precision", "balanced_accuracy", "brier", "constraint", "constraints", "depth", "ece", "ece_adaptive",
           "ece_classwise", "ece_scaled", "effectiveness", "entropy", "evaluate", "f1", "f1_micro", "figures_of", "find",
           "latency", "log_loss", "loss", "macs", "mae", "masking", "measure", "measures", "median_error", "memory",
           "need", "needs", "params", "precision", "quantile_loss", "r2", "recall", "rmse", "robust", "size", "traffic"]  # fmt: skip

__getattr__, __dir__ = contents(__name__, FILES)
