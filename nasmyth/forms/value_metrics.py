"""What answers that are numbers are scored by, each as a metric.

Predictions and targets are standardised, M k, of what counts alone: sums of squares of others would lose digits. Figures are in
the target's own units, and the mean over outputs where there are several.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from nasmyth.forms.metric import Metric, mean, mean_defined
from nasmyth.forms.scores import QUANTILE, SCORES, VALUES, parted, quantile


def value_metric(name: str, std: tuple[float, ...]) -> Metric | None:
    """The metric of that name; None if it is none of values. `std`: what a standardised 1 is in units of each target."""
    family, of = parted(name)
    if family not in SCORES or VALUES not in SCORES[family].kinds or bool(of) != (SCORES[family].of == QUANTILE):
        return None
    columns, value = _METRICS[family]
    if of:
        columns = partial(_pinball, quantile(of))
    scale = torch.tensor(std, dtype=torch.float64)
    takes = "targets that differ" if family == "r2" else ""
    return Metric(name, SCORES[family].direction, columns, partial(value, scale), width=len(std), takes=takes)


# --- what is known of each example: M k ---------------------------------------------------------------------------


def _squared(pred: Tensor, y: Tensor) -> Tensor:
    return (pred - y).square()


def _absolute(pred: Tensor, y: Tensor) -> Tensor:
    return (pred - y).abs()


def _with_target(pred: Tensor, y: Tensor) -> Tensor:
    """(squared errors, targets): M 2k."""
    return torch.cat(((pred - y).square(), y), 1)


def _pinball(share: float, pred: Tensor, y: Tensor) -> Tensor:
    """What is too low costs `share`, what is too high the rest (Koenker and Bassett 1978)."""
    short = y - pred
    return torch.maximum(share * short, (share - 1) * short)


# --- the score of rows of weights: R ------------------------------------------------------------------------------


def _mean(std: Tensor, columns: Tensor, weights: Tensor) -> Tensor:
    return (mean(columns, weights) * std).mean(1)


def _root(std: Tensor, columns: Tensor, weights: Tensor) -> Tensor:
    return (mean(columns, weights).sqrt() * std).mean(1)


def _plain(std: Tensor, columns: Tensor, weights: Tensor) -> Tensor:
    return mean(columns, weights).mean(1)


def _explained(std: Tensor, columns: Tensor, weights: Tensor) -> Tensor:
    """NaN for outputs that do not vary, and of one example."""
    errors, y = columns.double().split(len(std), 1)
    around = mean(y.square(), weights) - mean(y, weights).square()
    varied = torch.stack([(column != column[:1]).any() for column in y.unbind(1)]) if len(y) else around > 0
    explained = 1 - mean(errors, weights) / torch.where(varied & (around > 1e-14), around, torch.nan)
    return mean_defined(explained)


def _median(std: Tensor, columns: Tensor, weights: Tensor) -> Tensor:
    """Weights are counts: the middle of the examples, or between the two in the middle."""
    total = weights.sum(1, keepdim=True)
    middle = torch.cat((((total - 1) / 2).floor(), (total / 2).floor()), 1) + 1
    found = []
    for column in columns.double().unbind(1):
        ranked, order = column.sort()
        places = torch.searchsorted(weights[:, order].cumsum(1), middle)
        found.append(ranked[places.clamp(max=len(ranked) - 1)].mean(1))
    return (torch.stack(found, 1) * std).mean(1)


_METRICS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    "rmse": (_squared, _root),
    "mae": (_absolute, _mean),
    "median_error": (_absolute, _median),
    "quantile_loss": (_absolute, _mean),
    "r2": (_with_target, _explained),
    "loss": (_squared, _plain),
}
