"""What measures are called elsewhere, and what to write here: said when a name is not known."""

from __future__ import annotations

_SAID = {
    "write 'auroc', or 'auroc:LABEL' of one class": ("auc", "roc_auc", "rocauc", "roc", "roc_auc_score", "gini"),
    "write 'average_precision', or 'average_precision:LABEL' of one class": ("ap", "auprc", "pr_auc", "aucpr",
        "average_precision_score", "map"),
    "write 'f1', the mean over classes, 'f1_micro', or 'f1:LABEL' of one class": ("f1_score", "f1_macro", "macro_f1",
        "f1_weighted", "f_measure", "fscore", "dice"),
    "write 'f1_micro'": ("micro_f1",),
    "write 'balanced_accuracy'": ("bacc", "bal_acc", "balanced_acc", "balanced_accuracy_score", "recall_macro",
        "mean_recall", "uar"),
    "write 'recall:LABEL' of the class that it is about": ("sensitivity", "tpr", "hit_rate", "true_positive_rate"),
    "write 'recall:LABEL' of the other class": ("specificity", "tnr", "true_negative_rate", "selectivity"),
    "write 'precision:LABEL'": ("ppv", "precision_score", "positive_predictive_value"),
    "that is not measured; 'balanced_accuracy', 'f1' and 'auroc' are": ("kappa", "mcc", "matthews_corrcoef",
        "cohen_kappa", "jaccard", "iou"),
    "that is not measured; 'accuracy' is": ("top5", "top_5", "top5_accuracy", "top_k_accuracy"),
    "write 'accuracy'": ("acc", "val_acc", "val_accuracy", "top1", "top_1", "top1_accuracy", "score"),
    "write 'accuracy', which is one less the share of errors": ("error", "err", "error_rate", "misclassification"),
    "write 'log_loss'": ("nll", "neg_log_loss", "cross_entropy", "crossentropy", "logloss", "ce"),
    "write 'loss'": ("val_loss",),
    "write 'ece'": ("calibration", "calibration_error", "expected_calibration_error"),
    "write 'rmse', its root": ("mse", "l2", "mean_squared_error"),
    "write 'mae'": ("l1", "mean_absolute_error", "mape"),
    "write 'median_error'": ("median_absolute_error", "medae", "median_ae", "medianae"),
    "write 'quantile_loss:0.9'": ("pinball", "pinball_loss", "mean_pinball_loss", "quantile"),
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
