"""How far the probabilities that a classifier tells can be believed: of all answers said to be 90 % sure, 90 % should
be right.

    ece(logits, y)               expected calibration error: the mean gap between confidence and accuracy, bin by bin
    temperature(logits, y)       the T by which to divide the logits so that they lie least
    brier(logits, y)             mean squared error of the probabilities

Naeini et al. (2015, AAAI) for the expected calibration error, Guo et al. (2017, arXiv:1706.04599) for it and for
temperature scaling, Nixon et al. (2019, arXiv:1904.01685) for the adaptive and the classwise kind, Brier (1950) for the
score. Logits are N C and y are class indices, N; everything is computed in float64. What is not finite gives NaN.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BINS = 15
"""Of confidence, equally wide: as Guo et al. count."""
COLDEST, HOTTEST = 0.01, 100.0
"""Temperatures that scaling may choose: a network that is always right would be scaled without end."""


class Bins:
    """Confidences gathered into equally wide bins, batch by batch: three sums a bin, however many examples there are."""

    def __init__(self, bins: int = BINS) -> None:
        self.bins = bins
        self.sums: Tensor | None = None
        self.squares: Tensor | float = 0.0

    def update(self, logits: Tensor, y: Tensor) -> None:
        """Add a batch."""
        probabilities = logits.double().softmax(1)
        confidence, predicted = probabilities.max(1)
        bins = bin_of(confidence, self.bins)
        rows = torch.stack((torch.ones_like(confidence), confidence, (predicted == y).double()))
        added = rows @ F.one_hot(bins, self.bins).double()  # a product, since adding by index is not repeatable on GPUs
        self.sums = added if self.sums is None else self.sums + added
        self.squares = self.squares + squared_errors(probabilities, y).sum()

    def compute(self) -> dict[str, float]:
        """{"ece", "brier"} of all batches so far."""
        assert self.sums is not None
        count, confidence, right = self.sums
        total = count.sum()
        return {"ece": float((confidence - right).abs().sum() / total), "brier": float(self.squares / total)}


def ece(logits: Tensor, y: Tensor, bins: int = BINS) -> float:
    """Expected calibration error: over bins of equal width, the gap between mean confidence and accuracy, weighted by
    size."""
    gathered = Bins(bins)
    gathered.update(logits, y)
    return gathered.compute()["ece"]


def brier(logits: Tensor, y: Tensor) -> float:
    """Squared distance between the probabilities and the truth, summed over classes, from 0 to 2; the mean over
    examples."""
    return float(squared_errors(logits.double().softmax(1), y).mean())


def adaptive_ece(logits: Tensor, y: Tensor, bins: int = BINS) -> float:
    """The same with bins of equally many examples, so that sparse ones do not add noise."""
    confidence, predicted = logits.double().softmax(1).max(1)
    order = confidence.argsort(stable=True)
    gaps = (confidence - (predicted == y).double())[order]
    return sum(float(part.sum().abs()) for part in gaps.tensor_split(min(bins, len(gaps)))) / len(gaps)


def classwise_ece(logits: Tensor, y: Tensor, bins: int = BINS) -> float:
    """The mean over classes of the calibration error of that class's probability, whether it is the largest or not."""
    probabilities = logits.double().softmax(1)
    gaps = (probabilities - F.one_hot(y, probabilities.shape[1])).flatten()
    classes = probabilities.shape[1]
    place = bin_of(probabilities, bins) * classes + torch.arange(classes, device=y.device)
    sums = gaps.new_zeros(bins * classes).index_add(0, place.flatten(), gaps)
    return float(sums.abs().sum() / len(y) / classes)


def temperature(logits: Tensor, y: Tensor) -> float:
    """The T for which logits / T have the least cross-entropy: above 1 for a network that is too sure of itself.

    Cross-entropy is convex in 1 / T, so its slope has one zero, found by halving; kept within 0.01 to 100. NaN for logits
    that are not finite.
    """
    z = logits.double()
    if not bool(z.isfinite().all()):
        return float("nan")
    own = z.gather(1, y[:, None])[:, 0]

    def slope(inverse: Tensor) -> Tensor:
        return (((inverse * z).softmax(1) * z).sum(1) - own).mean()

    low, high = (z.new_tensor(1 / t).log() for t in (HOTTEST, COLDEST))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if float(slope(middle.exp())) > 0 else (middle, high)
    return 1.0 / float(((low + high) / 2).exp())


def bin_of(confidence: Tensor, bins: int) -> Tensor:
    """The number of the bin ((m-1)/M, m/M] that a probability falls into."""
    return (confidence * bins).ceil().nan_to_num(bins).long().sub(1).clamp(0, bins - 1)


def squared_errors(probabilities: Tensor, y: Tensor) -> Tensor:
    return (probabilities - F.one_hot(y, probabilities.shape[1])).square().sum(1)
