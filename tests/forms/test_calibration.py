"""Calibration on classifiers whose error is known: those that tell the truth, and those that boast by a known amount."""

from __future__ import annotations

import math

import pytest
import torch
import torchmetrics
from torch import Tensor

from nasmyth.forms.calibration import Bins, adaptive_ece, brier, classwise_ece, ece, temperature


def said(confidence: float, count: int, right: int, classes: int = 4) -> tuple[Tensor, Tensor]:
    """`count` answers of class 0 at this confidence, the rest shared by the others; `right` of them are right."""
    p = torch.full((count, classes), (1 - confidence) / (classes - 1), dtype=torch.float64)
    p[:, 0] = confidence
    y = torch.ones(count, dtype=torch.int64)
    y[:right] = 0
    return p.log(), y


def joined(*parts: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.cat([z for z, _ in parts]), torch.cat([y for _, y in parts])


def simulated(count: int, sharpness: float = 1.0, classes: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits whose softmax is the truth, times `sharpness`; labels drawn from that truth."""
    generator = torch.Generator().manual_seed(seed)
    z = 2 * torch.randn(count, classes, generator=generator, dtype=torch.float64)
    y = torch.multinomial(z.softmax(1), 1, generator=generator)[:, 0]
    return z * sharpness, y


def test_who_tells_the_truth_has_no_error():
    exact = joined(said(0.5, 40, 20), said(0.7, 100, 70), said(0.9, 50, 45))
    assert ece(*exact) == pytest.approx(0, abs=1e-12) and adaptive_ece(*said(0.7, 100, 70), bins=1) == pytest.approx(0)
    z, y = simulated(100_000)
    for measure in (ece, adaptive_ece, classwise_ece):
        assert 0 <= measure(z, y) < 0.006


@pytest.mark.parametrize("measure", [ece, lambda z, y: adaptive_ece(z, y, bins=1)])
def test_who_boasts_is_off_by_the_boast(measure):
    assert measure(*said(0.9, 50, 30)) == pytest.approx(0.9 - 0.6)
    assert measure(*said(0.4, 50, 50)) == pytest.approx(1 - 0.4), "modesty is an error, too"


def test_errors_of_both_signs_do_not_cancel():
    both = joined(said(0.9, 50, 30), said(0.5, 150, 120))
    assert ece(*both) == pytest.approx(0.25 * 0.3 + 0.75 * 0.3)


def test_brier_is_the_squared_distance():
    z, y = said(0.7, 10, 4, classes=4)
    right, wrong = 0.3**2 + 3 * 0.1**2, 0.7**2 + 0.9**2 + 2 * 0.1**2
    assert brier(z, y) == pytest.approx(0.4 * right + 0.6 * wrong)
    sure = torch.tensor([[200.0, 0.0], [200.0, 0.0]])
    assert brier(sure, torch.tensor([0, 1])) == pytest.approx((0 + 2) / 2)


def test_classwise_by_its_definition():
    z, y = simulated(3000, sharpness=2.0)
    p, total = z.softmax(1), 0.0
    for c in range(5):
        for m in range(15):
            inside = (p[:, c] > m / 15) & (p[:, c] <= (m + 1) / 15)
            if inside.any():
                total += float((p[inside, c].mean() - (y[inside] == c).double().mean()).abs() * inside.double().mean())
    assert classwise_ece(z, y) == pytest.approx(total / 5)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_another_library_counts_alike(bins):
    z, y = simulated(2000, sharpness=1.7)
    theirs = torchmetrics.functional.classification.multiclass_calibration_error(z.softmax(1), y, 5, n_bins=bins)
    assert ece(z, y, bins) == pytest.approx(float(theirs), abs=1e-6)


def test_batches_give_what_the_whole_gives():
    z, y = simulated(1000, sharpness=3.0)
    bins = Bins()
    for rows in torch.arange(1000).split(77):
        bins.update(z[rows], y[rows])
    assert bins.compute() == pytest.approx({"ece": ece(z, y), "brier": brier(z, y)})


@pytest.mark.parametrize("planted", [0.5, 1.0, 3.0])
def test_a_planted_temperature_is_found(planted):
    z, y = simulated(20_000, sharpness=planted)
    found = temperature(z, y)
    assert found == pytest.approx(planted, rel=0.04)
    assert ece(z / found, y) < 0.012 and (planted == 1.0 or ece(z, y) > 0.05)
    loss = [float(torch.nn.functional.cross_entropy(z / t, y)) for t in (0.98 * found, found, 1.02 * found)]
    assert loss[1] == min(loss)


def test_scaling_does_not_change_what_is_answered():
    z, y = simulated(500, sharpness=4.0)
    assert torch.equal((z / temperature(z, y)).argmax(1), z.argmax(1))


def test_the_temperature_stays_finite_where_the_best_one_is_not():
    y = torch.tensor([0, 1, 1])
    right, wrong = torch.eye(2)[y], 1 - torch.eye(2)[y]
    assert temperature(right, y) == pytest.approx(0.01) and temperature(wrong, y) == pytest.approx(100)


def test_what_is_not_finite_is_not_a_number():
    z, y = simulated(20)
    z[3] = math.nan
    assert math.isnan(ece(z, y)) and math.isnan(brier(z, y)) and math.isnan(temperature(z, y))
