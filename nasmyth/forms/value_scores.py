"""Answers that are numbers, of an example or of each position of a field: what is lost, scored and shown.

Predictions are standardised, N ... k; targets are in their own units, N ... k, and NaN where a position does not count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms.form import AnswerForm
from nasmyth.forms.meters import ValueMeter
from nasmyth.forms.metric import Gathered, Metric, level
from nasmyth.forms.stored import Rows, blocks
from nasmyth.forms.value_metrics import value_metric

SHOWN = 2000
"""Residuals kept for a picture."""


class ValueScores(AnswerForm, abstract=True):
    """What `Values` loses, scores and shows."""

    kind: ClassVar[str] = "regression"
    objective: ClassVar[str] = "rmse"
    direction: ClassVar[str] = "min"
    if TYPE_CHECKING:

        @property
        def std(self) -> tuple[float, ...]: ...
        @property
        def positions(self) -> tuple[int, ...]: ...

        def standardise(self, values: Tensor) -> Tensor: ...

    @property
    def size(self) -> int:
        """How many outputs the network needs, for each position."""
        return len(self.names)

    def loss(self, pred: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean squared error of standardised predictions over what counts, a scalar; targets are in their own units."""
        standard = self.standardise(target)
        if not self.positions:
            return F.mse_loss(pred, standard)
        known = ~standard.isnan()
        return (torch.where(known, pred - standard, 0.0)).square().sum() / known.sum().clamp(min=1)

    def meter(self, also: Iterable[str] = ()) -> _Meter:
        return _Meter(self, also)

    def metric(self, name: str) -> Metric | None:
        return value_metric(name, self.std)

    def gather(self, metric: Metric, pred: Tensor, y: Tensor) -> Tensor:
        pred, y = self.flat(pred, y)
        return metric.columns(pred.double(), self.standardise(y.double()))

    def flat(self, pred: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """What counts alone, M k: positions of which every value is known."""
        if not self.positions:
            return pred, y
        pred, y = pred.flatten(0, -2), y.flatten(0, -2)
        kept = ~y.isnan().any(1)
        return pred[kept], y[kept]

    def counted(self, y: Any) -> int:
        """How many answers count."""
        return len(y) if not self.positions else sum(int((~b.isnan().any(-1)).sum()) for b in blocks(y))

    # --- what can be learned --------------------------------------------------------------------------------------------

    def validate(self, y: Any, what: str) -> None:
        """Raise DataError unless these are targets of this shape, and finite."""
        fine = isinstance(y, (Tensor, Rows)) and tuple(y.shape[1:]) == self.shape and y.dtype == torch.float32
        if not fine:
            got = f"shape {tuple(y.shape)} and type {y.dtype}" if hasattr(y, "dtype") else "another kind"
            raise DataError(
                f"{what}: targets of {got}, expected ({', '.join(map(str, ('N', *self.shape)))}) and "
                f"torch.float32; make them with outputs.encode(raw)"
            )
        start = 0
        for block in blocks(y):
            bad = block.isinf() if self.positions else ~block.isfinite()
            if bool(bad.any()):
                rows = torch.nonzero(bad.flatten(1).any(1)).flatten()
                raise DataError(
                    f"{what}: {len(rows)} targets are NaN or infinite, first in row {start + int(rows[0])}; drop them"
                )
            start += len(block)

    def learnable(self, name: str, train: Any, others: dict[str, Any]) -> None:
        """Raise DataError if nothing counts in a split."""
        for split, y in {"train": train, **others}.items():
            if self.positions and not self.counted(y):
                raise DataError(f"{name}: no target of the {split} split counts: all are NaN")

    def varied(self, y: Any, count: int) -> Tensor:
        """The places of `count` examples."""
        return torch.arange(min(count, len(y)))

    def chance(self, train: Any, y: Any, goal: str = objective) -> dict[str, Any]:
        """What is scored by always saying the mean of training; see `nasmyth.train.chance`."""
        mean = _mean(self, train)
        answer = {"answer": mean.tolist() if len(mean) > 1 else float(mean[0])}
        metric = self.metric(goal)
        if goal != self.objective and metric is not None:
            return {**level(metric, self.constant(metric, train, y)), **answer}
        n, squared, fourth = 0, torch.zeros(self.size).double(), torch.zeros(self.size).double()
        for block in blocks(y):
            errors = (self.flat(block, block)[1].double() - mean).square()
            n, squared, fourth = n + len(errors), squared + errors.sum(0), fourth + errors.square().sum(0)
        rmse = (squared / n).sqrt()
        # delta method: the error of a root is that of what is under it, over twice the root
        deviation = (fourth / n - (squared / n).square()).clamp(min=0).sqrt()
        spread = deviation / math.sqrt(n) / (2 * rmse).clamp(min=1e-300)
        value, error = float(rmse.mean()), float(spread.mean())
        return {"score": self.objective, "direction": self.direction, "value": value, "error": error, **answer}

    def constant(self, metric: Metric, train: Any, y: Any) -> Tensor:
        said = self.standardise(_mean(self, train))
        return torch.cat([self.gather(metric, said.expand(block.shape), block.cpu()) for block in blocks(y)])

    # --- what a report shows --------------------------------------------------------------------------------------------

    def _in_units(self, raw: Tensor) -> Tensor:
        values: Tensor = self.module()(raw)
        return values

    def each(self, raw: Tensor, y: Tensor) -> Tensor:
        """The squared error of each answer that counts."""
        values, y = self.flat(self._in_units(raw), y)
        return (values - y).double().square().mean(1)

    def picture(self, raw: Tensor, y: Tensor) -> dict[str, Any]:
        """{"residuals": {"actual": [...], "predicted": [...], "name": target}}."""
        values, y = self.flat(self._in_units(raw), y)
        step = max(1, len(values) // SHOWN)
        actual, predicted = (column[::step, 0].tolist() for column in (y, values))
        return {"residuals": {"actual": actual, "predicted": predicted, "name": self.names[0]}}

    def worst(self, raw: Tensor, y: Tensor) -> tuple[Tensor, int]:
        """Places in the flat row of answers, the largest errors first; of values none is wrong, so the count is that of all."""
        values, y = self._in_units(raw).reshape(-1, self.size), y.reshape(-1, self.size)
        known = ~y.isnan().any(1)
        spread = y[known].std(0, correction=0).clamp(min=1e-30)
        errors = torch.where(known, (values - y).div(spread).square().sum(1), -1.0)
        count = int(known.sum())
        return errors.argsort(descending=True, stable=True)[:count], count

    def said(self, raw: Tensor, y: Tensor, place: int) -> dict[str, Any]:
        """One answer as plain data: {"true", "answer"}."""
        values = self._in_units(raw).reshape(-1, self.size)
        return {"true": float(y.reshape(-1, self.size)[place, 0]), "answer": float(values[place, 0])}


class _Meter(ValueMeter):
    """Of what counts alone, in standardised units."""

    def __init__(self, outputs: ValueScores, also: Iterable[str] = ()) -> None:
        super().__init__(outputs.std)
        self.outputs = outputs
        metrics = [outputs.metric(name) for name in dict.fromkeys(also) if name not in self.TOLD]
        self.also = Gathered(one for one in metrics if one is not None)

    def update(self, pred: Tensor, target: Tensor) -> None:
        pred, y = self.outputs.flat(pred.float(), target)
        y = self.outputs.standardise(y.double())
        super().update(pred, y)
        self.also.update(pred.double(), y)

    def compute(self) -> dict[str, float]:
        return {**super().compute(), **self.also.compute()}


def _mean(outputs: ValueScores, y: Any) -> Tensor:
    """The mean of what counts."""
    total, n = torch.zeros(outputs.size).double(), 0
    for block in blocks(y):
        kept = outputs.flat(block, block)[1].double()
        total, n = total + kept.sum(0), n + len(kept)
    return total / max(1, n)
