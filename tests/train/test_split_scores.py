"""By how much one network is better than another at any goal, and how sure that is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nasmyth.domains import domain_for, read
from nasmyth.funnel.final_test import judged
from nasmyth.measure import find
from nasmyth.network import build
from nasmyth.train import fit, initialise, paired_difference, score_split
from nasmyth.train.split_scores import matched_error

GOALS = ["accuracy", "balanced_accuracy", "f1", "auroc", "average_precision", "log_loss", "loss", "ece", "brier",
         "recall:malignant", "precision:benign", "ece_scaled", "ece_adaptive", "ece_classwise"]  # fmt: skip


def networks(task, epochs):
    domain = domain_for(task)
    graph = domain.space(task).decode(domain.plain(task, 8))
    found = []
    for many in epochs:
        network = initialise(build(graph, 0, task.inputs, task.outputs), 0)
        fit(network, task, epochs=many, recipe=task.recipe, seed=0)
        found.append(network)
    return found


@pytest.fixture(scope="module")
def tumours():
    torch.set_num_threads(1)
    task = read("breast_cancer")
    return task, *networks(task, (12, 1))


@pytest.mark.parametrize("goal", GOALS)
def test_the_difference_is_that_of_the_scores(goal, tumours):
    task, good, bad = tumours
    ours, theirs = (judged(network, task, goal) for network in (good, bad))
    sign = 1 if find(goal).direction == "max" else -1
    told = paired_difference(ours, theirs, goal)
    assert told.value == pytest.approx(
        sign * (find(goal)(good, task, "test") - find(goal)(bad, task, "test")), abs=1e-6
    )
    assert told.low <= told.value <= told.high and 0 < told.error < 1
    assert told == paired_difference(ours, theirs, goal), "the same examples are drawn again"
    other = paired_difference(theirs, ours, goal)
    assert (other.value, other.low, other.high) == pytest.approx((-told.value, -told.high, -told.low))
    same = paired_difference(ours, ours, goal)
    assert same.value == same.low == same.high == 0


@pytest.mark.parametrize("goal", ["rmse", "mae", "median_error", "quantile_loss:0.9", "r2", "loss"])
def test_of_values_too(goal):
    task = read("diabetes")
    good, bad = networks(task, (10, 1))
    told = paired_difference(judged(good, task, goal), judged(bad, task, goal), goal)
    sign = 1 if find(goal).direction == "max" else -1
    assert told.value == pytest.approx(
        sign * (find(goal)(good, task, "test") - find(goal)(bad, task, "test")), rel=1e-3
    )
    assert told.low < told.value < told.high and told.error > 0


def test_the_interval_is_that_of_resampled_examples(tumours):
    """By scikit-learn on examples that are drawn one set after another."""
    metrics = pytest.importorskip("sklearn.metrics")
    task, good, bad = tumours
    task = task.judged_by("f1")
    ours, theirs = (score_split(network, task) for network in (good, bad))
    y, rng = task.test.y.numpy(), np.random.default_rng(0)
    answered = [one.raw.argmax(1).numpy() for one in (ours, theirs)]
    gains = []
    for _ in range(400):
        rows = rng.integers(0, len(y), len(y))
        mine, other = (metrics.f1_score(y[rows], one[rows], average="macro") for one in answered)
        gains.append(mine - other)
    told = paired_difference(ours, theirs, "f1")
    assert told.error == pytest.approx(np.std(gains), rel=0.15)
    assert (told.low, told.high) == pytest.approx(np.quantile(gains, [0.025, 0.975]), abs=0.3 * told.error)
    assert 0 < ours.error < 0.1


def test_shares_of_the_same_examples_have_the_error_of_matched_ones(tumours):
    task, good, bad = tumours
    for goal, rows in (("accuracy", task.test.y >= 0), ("recall:malignant", task.test.y == 0)):
        ours, theirs = (score_split(network, task.judged_by(goal)) for network in (good, bad))
        right = [(one.raw.argmax(1) == task.test.y)[rows].double() for one in (ours, theirs)]
        assert paired_difference(ours, theirs, goal).error == matched_error(torch.stack(right))


def test_what_is_not_made_of_examples_has_no_interval(tumours):
    task, good, bad = tumours
    ours, theirs = (judged(network, task, "params") for network in (good, bad))
    told = paired_difference(ours, theirs, "params")
    assert told.value == 0 and math.isnan(told.error) and math.isnan(told.low)
