"""Which file registers which measure: a file is loaded when one of its names is asked for.

A new measure is a file and its line here; its name is on the contents page of `nasmyth.measure` then, too.
"""

from __future__ import annotations

FILES = {
    "calibration": ("ece_adaptive", "ece_classwise", "ece_scaled"),
    "counts": ("activations", "active_params", "layers", "macs", "memory", "params", "size", "state", "traffic"),
    "device": ("latency",),
    "robustness": ("masking", "robust"),
    "scores.aggregate": ("rank_aggregate",),
    "scores.attention_rank": ("attention_rank",),
    "scores.az_nas": ("expressivity", "progressivity", "trainability"),
    "scores.connectivity": ("effective_depth", "effective_width"),
    "scores.entropy": ("depth", "effectiveness", "entropy"),
    "scores.gradients": ("fisher", "grad_norm", "l2_norm", "plain", "snip"),
    "scores.grasp": ("grasp",),
    "scores.intrinsic": ("intrinsic_dimension",),
    "scores.jacobians": ("epe", "jacov"),
    "scores.length": ("length_distortion",),
    "scores.naswot": ("naswot",),
    "scores.nngp": ("nngp",),
    "scores.reduced": ("reduced",),
    "scores.swap": ("swap", "swap_regularised"),
    "scores.synflow": ("synflow",),
    "scores.teg": ("linear_regions", "ntk_condition", "ntk_error"),
    "scores.vkdnw": ("vkdnw",),
    "scores.zen": ("zen",),
    "scores.zico": ("zico",),
    "trained": (
        "accuracy", "auroc", "average_precision", "balanced_accuracy", "brier", "ece", "f1", "f1_micro", "log_loss", "loss",
        "mae", "median_error", "precision", "quantile_loss", "r2", "recall", "rmse",
    ),
}  # fmt: skip
