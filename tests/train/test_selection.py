"""Which of the weights that validation saw a training ends with."""

import math

import pytest
import torch
from torch import nn

from nasmyth.domains import read
from nasmyth.train.selection import Selection


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=600)


def ended(task, looks):
    """The number of the look whose weights are kept, and the looks since the best."""
    network = nn.Linear(1, 1)
    selection = Selection(network, task)
    for number, (score, loss) in enumerate(looks):
        with torch.no_grad():
            network.weight.fill_(number)
        selection.see({task.objective: score, "loss": loss}, within_epoch=False)
    selection.put_best()
    return int(network.weight), selection.since_best


def test_of_scores_that_cannot_be_told_from_the_highest_a_later_one_of_less_loss_is_kept(digits):
    one = 1 / len(digits.valid)
    assert digits.unsure({"accuracy": 0.9}) > one, "an example more or less is luck"
    assert ended(digits, [(0.9, 0.5), (0.9 + one, 0.4), (0.9, 0.3)]) == (2, 1)
    assert ended(digits, [(0.9, 0.3), (0.9 + one, 0.4), (0.9, 0.5)]) == (1, 1)


def test_a_score_that_is_surely_higher_is_kept_whatever_its_loss(digits):
    assert ended(digits, [(0.7, 0.3), (0.95, 0.9), (0.7, 0.1)]) == (1, 1)


def test_many_small_losses_of_score_do_not_add_up(digits):
    """All are held against the highest, not against the one before."""
    step = 0.6 * digits.unsure({"accuracy": 0.9})
    kept, _ = ended(digits, [(0.9 - i * step, 0.5 - i / 100) for i in range(6)])
    assert kept == 1


def test_an_objective_without_a_standard_error_is_taken_as_it_is(digits):
    assert ended(digits.judged_by("f1"), [(0.9, 0.5), (0.901, 0.6), (0.9, 0.1)]) == (1, 1)
    assert ended(digits.judged_by("f1"), [(math.nan, 0.5), (math.nan, 0.4)]) == (1, 0)


def test_the_standard_error_is_that_of_a_share():
    task = read("digits", limit=600)
    n = len(task.valid)
    assert task.unsure({"accuracy": 0.8}) == pytest.approx(math.sqrt(0.8 * 0.2 / n), rel=0.1)
    assert 0.5 / n < task.unsure({"accuracy": 1.0}) < 2 / n, "about one example where all are right"
