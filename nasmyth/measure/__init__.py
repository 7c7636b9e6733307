"""Measures: from a candidate to a number; a comparison with one is a constraint.

`latency` and the counts are loaded on first use, since the files behind them are heavier than this page.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from nasmyth.measure.measure import Constraint, Measure, constraint, constraints, find, measure, measures

if TYPE_CHECKING:
    from nasmyth.measure.calibration import ece_adaptive, ece_classwise, ece_scaled
    from nasmyth.measure.counts import macs, memory, params, size, traffic
    from nasmyth.measure.device import latency
    from nasmyth.measure.robustness import masking, robust
    from nasmyth.measure.trained import accuracy, brier, ece, loss, mae, r2, rmse

_WHERE = {
    **dict.fromkeys(("macs", "memory", "params", "size", "traffic"), "counts"),
    "latency": "device",
    **dict.fromkeys(("ece_adaptive", "ece_classwise", "ece_scaled"), "calibration"),
    **dict.fromkeys(("masking", "robust"), "robustness"),
    **dict.fromkeys(("accuracy", "brier", "ece", "loss", "mae", "r2", "rmse"), "trained"),
}

__all__ = ["Constraint", "Measure", "accuracy", "brier", "constraint", "constraints", "ece", "ece_adaptive", "ece_classwise",
           "ece_scaled", "find", "latency", "loss", "macs", "mae", "masking", "measure", "measures", "memory", "params", "r2", "rmse", "robust", "size", "traffic"]  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(_import_module(f"nasmyth.measure.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'nasmyth.measure' has no attribute {name!r}")
