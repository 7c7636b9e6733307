"""Measures: from a candidate to a number; a comparison with one is a constraint.

`latency` and the counts are loaded on first use, since the files behind them are heavier than this page.
"""

from typing import TYPE_CHECKING

from nasmyth.contents import contents
from nasmyth.measure.measure import Constraint, Measure, constraint, constraints, find, measure, measures

if TYPE_CHECKING:
    from nasmyth.measure.calibration import ece_adaptive, ece_classwise, ece_scaled
    from nasmyth.measure.counts import macs, memory, params, size, traffic
    from nasmyth.measure.device import latency
    from nasmyth.measure.robustness import masking, robust
    from nasmyth.measure.trained import accuracy, brier, ece, loss, mae, r2, rmse

__all__ = ["Constraint", "Measure", "accuracy", "brier", "constraint", "constraints", "ece", "ece_adaptive", "ece_classwise",
           "ece_scaled", "find", "latency", "loss", "macs", "mae", "masking", "measure", "measures", "memory", "params", "r2", "rmse", "robust", "size", "traffic"]  # fmt: skip

__getattr__, __dir__ = contents(
    __name__,
    {
        "counts": ("macs", "memory", "params", "size", "traffic"),
        "device": ("latency",),
        "calibration": ("ece_adaptive", "ece_classwise", "ece_scaled"),
        "robustness": ("masking", "robust"),
        "trained": ("accuracy", "brier", "ece", "loss", "mae", "r2", "rmse"),
    },
)
