"""Scores from the gradient of the outputs by the input, one row for each example (`jacobian` of `passes.py`).

    jacov    - sum of log(e + k) + 1 / (e + k),  e the eigenvalues of the correlation of rows, k = 1e-5
    epe      the same idea within each class: how alike the rows of one class are, compared with other classes

Jacobian covariance: Mellor et al. (2020, arXiv:2006.04647v1, equation 2). EPE-NAS: Lopes et al. (2021, arXiv:2102.08099,
equations 3 to 6); it needs labels. A row that is constant correlates with nothing: 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.measure.scores.passes import first, refuse_one

K = 1e-5
FEW_CLASSES = 100


def correlation(rows: Tensor) -> Tensor:
    """Of rows N D with each other: N N, in float64."""
    centred = rows.double() - rows.double().mean(1, keepdim=True)
    scaled = centred / centred.norm(dim=1, keepdim=True).clamp_min(1e-30)
    return scaled @ scaled.mT


@measure(unit="", direction="max", needs=("forward", "jacobian"))
def jacov(forward: Any, jacobian: Any) -> float:
    """How differently the outputs answer to changes of different examples (Mellor et al. 2020, arXiv:2006.04647v1)."""
    refuse_one(forward, "jacov")
    values = torch.linalg.eigvalsh(correlation(jacobian)) + K
    return -float((values.log() + 1 / values).sum())


@measure(unit="", direction="max", needs=("forward", "jacobian", "labels", "task"))
def epe(forward: Any, jacobian: Any, labels: Any, task: Any) -> float:
    """How the examples of each class are told apart by their Jacobians (EPE-NAS, Lopes et al. 2021, arXiv:2102.08099)."""
    refuse_one(forward, "epe")
    if not task.classes:
        raise CandidateError("epe compares classes, and this task has none: leave it out")
    told = first(labels, len(forward.inputs[0])).reshape(-1)[: forward.rows]
    each = []
    for label in told.unique():
        rows = jacobian[told == label]
        if len(rows) > 1:
            each.append((len(rows), float((correlation(rows).abs() + K).log().sum())))
    if not each:
        raise CandidateError("epe compares examples of one class, and no class has two in the batch")
    if len(each) == 1 or len(task.classes) > FEW_CLASSES:
        return sum(abs(score) / rows**2 for rows, score in each)
    scores = torch.tensor([score for _, score in each]).double()
    return float((scores[:, None] - scores[None]).abs().sum() / len(each))
