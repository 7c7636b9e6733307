"""Scores over batches, by torchmetrics: what `evaluate` reports.

Classification: accuracy, error (1 - accuracy), loss (cross-entropy), ece and brier (see `calibration.py`). Regression:
rmse and mae in the units of the target (averaged over outputs), r2, loss (squared error of standardised values). Nothing is
kept but running sums, in float64, so memory does not grow with the data.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.forms.outputs import Classes, Values
from nasmyth.train.calibration import Bins

_ALONE: dict[str, Any] = {"sync_on_compute": False}
"""One process scores for all: torchmetrics would wait for the others, which do not come."""


class Meter:
    """Gathers scores: `update` for each batch, then `compute`."""

    def __init__(self, outputs: Classes | Values) -> None:
        self.outputs = outputs
        self.count = 0
        self.total: Tensor | float = 0.0
        self.metrics: dict[str, Any] | None = None
        self.bins = Bins()

    def update(self, pred: Tensor, y: Tensor) -> None:
        """Add a batch: logits N C and indices N, or standardised values N k and values N k in their own units."""
        pred = pred.float()
        if self.metrics is None:
            self.metrics = _metrics(self.outputs, pred.device)
        if isinstance(self.outputs, Classes):
            target = y
            self.total = self.total + F.cross_entropy(pred, y, reduction="sum").double()
            self.count += len(y)
            self.bins.update(pred, y)
        else:  # of standardised values: sums of squares of values in their own units would lose digits
            pred, target = pred.double(), self.outputs.standardise(y.double())
            self.total = self.total + F.mse_loss(pred, target, reduction="sum")
            self.count += y.numel()
        for metric in self.metrics.values():
            metric.update(pred, target)

    def compute(self) -> dict[str, float]:
        """The scores of all batches so far. NaN where predictions were not finite."""
        if self.metrics is None:
            raise ValueError("no batch was scored: call update(pred, y) first")
        loss = float(self.total) / self.count
        enough = self.count > self.outputs.size  # one example has no variance that could be explained
        found = {name: m.compute().double().cpu() for name, m in self.metrics.items() if name != "r2" or enough}
        if isinstance(self.outputs, Classes):
            accuracy = round(float(found["accuracy"]) * self.count) / self.count  # torchmetrics divides in float32
            return {"accuracy": accuracy, "error": 1.0 - accuracy, "loss": loss, **self.bins.compute()}
        std = torch.tensor(self.outputs.std, dtype=torch.float64)
        scores = {"rmse": float((found["mse"].reshape(-1).sqrt() * std).mean())}
        scores["mae"] = float((found["mae"].reshape(-1) * std).mean())
        if "r2" in found:
            scores["r2"] = float(found["r2"])
        return {**scores, "loss": loss}


def _metrics(outputs: Classes | Values, device: torch.device) -> dict[str, Any]:
    import torchmetrics as tm  # late: the import takes more than a second

    if isinstance(outputs, Classes):
        accuracy = tm.classification.MulticlassAccuracy(outputs.size, average="micro", validate_args=False, **_ALONE)
        return {"accuracy": accuracy.to(device)}
    k = outputs.size
    found = {
        "mse": tm.MeanSquaredError(num_outputs=k, **_ALONE),
        "mae": tm.MeanAbsoluteError(num_outputs=k, **_ALONE),
        "r2": tm.R2Score(**_ALONE),
    }
    return {name: metric.set_dtype(torch.float64).to(device) for name, metric in found.items()}
