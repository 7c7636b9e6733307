"""What measures are called elsewhere, and what to write here: said when a name is not known."""

from __future__ import annotations

_SAID = {
    "the area under the ROC curve is not measured; how sure a classifier is, is told by 'brier', 'ece' and 'loss'": (
        "auc", "auroc", "roc_auc", "rocauc", "roc", "average_precision", "auprc", "pr_auc",
    ),
    "that is not measured; of a classification 'accuracy', 'brier', 'ece' and 'loss' are": (
        "f1", "f1_score", "f1_macro", "precision", "recall", "balanced_accuracy", "kappa", "mcc", "top5", "top_5",
        "top5_accuracy",
    ),
    "write 'accuracy'": ("acc", "val_acc", "val_accuracy", "top1", "top_1", "top1_accuracy", "score"),
    "write 'accuracy', which is one less the share of errors": ("error", "err", "error_rate", "misclassification"),
    "write 'loss', the mean cross-entropy of a classification": (
        "nll", "cross_entropy", "crossentropy", "logloss", "log_loss", "ce", "val_loss",
    ),
    "write 'ece'": ("calibration", "calibration_error", "expected_calibration_error"),
    "write 'rmse', its root": ("mse", "l2", "mean_squared_error"),
    "write 'mae'": ("l1", "mean_absolute_error", "mape"),
    "write 'r2'": ("r_squared", "rsquared", "r2_score", "explained_variance"),
    "write 'macs': a multiplication with its addition is one, and two FLOPs": (
        "flops", "flop", "gflops", "mflops", "gmacs", "mult_adds", "madds", "operations",
    ),
    "write 'params'": ("parameters", "n_params", "num_params", "num_parameters", "weights"),
    "write 'size', the bytes of its weights": ("bytes", "model_size", "filesize", "file_size", "disk", "storage"),
    "write 'memory', the most that an inference holds": ("ram", "vram", "peak_memory"),
    "write 'latency@cpu'": ("time", "speed", "fps", "throughput", "runtime", "inference_time", "latency_ms", "ms"),
    "energy is not measured; 'latency@cpu' and 'traffic' are what it mostly depends on": ("energy", "power", "joules",
        "co2"),
    "write 'robust@pgd'": ("robustness", "robust_accuracy", "adversarial_accuracy"),
}  # fmt: skip

USUAL = {name: said for said, names in _SAID.items() for name in names}
"""{what is written: what to say}."""
