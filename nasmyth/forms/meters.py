"""Scores over batches, by torchmetrics: what `evaluate` reports.

Classification: accuracy, error (1 - accuracy), loss (cross-entropy), ece and brier (see `calibration.py`). Regression:
rmse and mae in the units of the target (averaged over outputs), r2, loss (squared error of standardised values). Nothing is
kept but running sums, in float64, so memory does not grow with the data. What does not count is left out before anything is
summed. Other scores are told where they are asked for (`metric.py`), and keep some numbers of each answer.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.forms.calibration import Bins

_ALONE: dict[str, Any] = {"sync_on_compute": False}
"""One process scores for all: torchmetrics would wait for the others, which do not come."""
_NONE = "no answer was scored: call update(pred, y) first, with targets that count"


class ClassMeter:
    """Gathers scores of classes: `update` for each batch, then `compute`."""

    TOLD = ("accuracy", "error", "loss", "ece", "brier")

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = 0
        self.total: Tensor | float = 0.0
        self.accuracy: Any = None
        self.bins = Bins()

    def update(self, pred: Tensor, y: Tensor) -> None:
        """Add a batch: logits N C, and indices N, all of which count."""
        if not len(y):
            return
        pred = pred.float()
        if self.accuracy is None:
            import torchmetrics as tm  # late: the import takes more than a second

            metric = tm.classification.MulticlassAccuracy(self.size, average="micro", validate_args=False, **_ALONE)
            self.accuracy = metric.to(pred.device)
        self.total = self.total + F.cross_entropy(pred, y, reduction="sum").double()
        self.count += len(y)
        self.bins.update(pred, y)
        self.accuracy.update(pred, y)

    def compute(self) -> dict[str, float]:
        """The scores of all batches so far. NaN where predictions were not finite."""
        if self.accuracy is None:
            raise ValueError(_NONE)
        accuracy = round(float(self.accuracy.compute()) * self.count) / self.count  # torchmetrics divides in float32
        loss = float(self.total) / self.count
        return {"accuracy": accuracy, "error": 1.0 - accuracy, "loss": loss, **self.bins.compute()}


class ValueMeter:
    """Gathers scores of values: `update` for each batch, then `compute`. `std`: the units of the target."""

    TOLD = ("rmse", "mae", "r2", "loss")

    def __init__(self, std: tuple[float, ...]) -> None:
        self.std = torch.tensor(std, dtype=torch.float64)
        self.count = 0
        self.total: Tensor | float = 0.0
        self.metrics: dict[str, Any] = {}

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of standardised values, N k, all of which count: sums of squares of others would lose digits."""
        if not len(target):
            return
        pred, target = pred.double(), target.double()
        self.metrics = self.metrics or _of_values(len(self.std), pred.device)
        self.total = self.total + F.mse_loss(pred, target, reduction="sum")
        self.count += target.numel()
        for metric in self.metrics.values():
            metric.update(pred, target)

    def compute(self) -> dict[str, float]:
        """The scores of all batches so far. NaN where predictions were not finite."""
        if not self.metrics:
            raise ValueError(_NONE)
        enough = self.count > len(self.std)  # one example has no variance that could be explained
        found = {name: m.compute().double().cpu() for name, m in self.metrics.items() if name != "r2" or enough}
        scores = {"rmse": float((found["mse"].reshape(-1).sqrt() * self.std).mean())}
        scores["mae"] = float((found["mae"].reshape(-1) * self.std).mean())
        if "r2" in found:
            scores["r2"] = float(found["r2"])
        return {**scores, "loss": float(self.total) / self.count}


def _of_values(k: int, device: torch.device) -> dict[str, Any]:
    import torchmetrics as tm  # late: the import takes more than a second

    found = {
        "mse": tm.MeanSquaredError(num_outputs=k, **_ALONE),
        "mae": tm.MeanAbsoluteError(num_outputs=k, **_ALONE),
        "r2": tm.R2Score(**_ALONE),
    }
    return {name: metric.set_dtype(torch.float64).to(device) for name, metric in found.items()}
