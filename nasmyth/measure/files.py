"""Which file registers which measure: a file is loaded when one of its names is asked for.

A new measure is a file and its line here; its name is on the contents page of `nasmyth.measure` then, too.
"""

from __future__ import annotations

FILES = {
    "calibration": ("ece_adaptive", "ece_classwise", "ece_scaled"),
    "counts": ("activations", "macs", "memory", "params", "size", "traffic"),
    "device": ("latency",),
    "robustness": ("masking", "robust"),
    "scores.entropy": ("depth", "effectiveness", "entropy"),
    "trained": (
        "accuracy", "auroc", "average_precision", "balanced_accuracy", "brier", "ece", "f1", "f1_micro", "log_loss", "loss",
        "mae", "median_error", "precision", "quantile_loss", "r2", "recall", "rmse",
    ),
}  # fmt: skip
