"""The level of chance is what scikit-learn's dummies score, and its error is the spread over samples."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from nasmyth.domains import read
from nasmyth.study.chance import near_chance
from nasmyth.train.chance import chance


@pytest.mark.parametrize("split", ["valid", "test"])
def test_it_is_what_the_most_frequent_class_scores(split):
    from sklearn.dummy import DummyClassifier

    rng = np.random.default_rng(0)
    task = read((rng.normal(size=(600, 3)), rng.choice(["a", "b", "c"], 600, p=[0.2, 0.7, 0.1])))
    dummy = DummyClassifier().fit(task.train.x, task.train.y)
    part = getattr(task, split)
    level = chance(task, split)
    assert level["score"] == task.objective == "accuracy" and level["answer"] == "b"
    assert level["value"] == pytest.approx(dummy.score(part.x, part.y))
    assert level["share"] == pytest.approx(float((task.train.y == 1).float().mean()))
    drawn = rng.binomial(len(part), level["value"], 5000) / len(part)
    assert level["error"] == pytest.approx(drawn.std(), rel=0.1)
    assert json.loads(json.dumps(level, allow_nan=False)) == level


@pytest.mark.parametrize("goal", ["balanced_accuracy", "f1", "auroc", "recall:a", "recall:b", "log_loss", "brier"])
def test_of_another_goal_it_is_what_the_shares_of_training_score(goal):
    from sklearn import metrics
    from sklearn.dummy import DummyClassifier

    rng = np.random.default_rng(0)
    task = read((rng.normal(size=(600, 3)), rng.choice(["a", "b", "c"], 600, p=[0.2, 0.7, 0.1]))).judged_by(goal)
    y, p = task.valid.y.numpy(), DummyClassifier().fit(task.train.x, task.train.y).predict_proba(task.valid.x)
    shares = np.bincount(task.train.y) / len(task.train.y)
    said = np.full(len(y), shares.argmax())
    expected = {
        "balanced_accuracy": metrics.balanced_accuracy_score(y, said),
        "f1": metrics.f1_score(y, said, average="macro"),
        "auroc": 0.5,
        "recall:a": 0.0,
        "recall:b": 1.0,
        "log_loss": metrics.log_loss(y, np.broadcast_to(shares, p.shape)),
        "brier": ((shares - np.eye(3)[y]) ** 2).sum(1).mean(),
    }
    level = chance(task)
    assert level["score"] == goal and level["answer"] == "b"
    assert level["value"] == pytest.approx(expected[goal]) and 0 <= level["error"] < 0.2
    assert json.loads(json.dumps(level, allow_nan=False)) == level


@pytest.mark.parametrize("goal", ["mae", "median_error", "r2", "quantile_loss:0.9"])
def test_of_values_it_is_what_the_mean_scores_at_any_goal(goal):
    rng = np.random.default_rng(1)
    task = read((rng.normal(size=(300, 2)), rng.gamma(2.0, 30.0, 300)), kind="regression").judged_by(goal)
    errors = (task.valid.y.double() - task.train.y.double().mean()).abs()
    expected = {"mae": errors.mean(), "median_error": errors.median(), "r2": 0.0}
    level = chance(task)
    assert level["score"] == goal and level["error"] > 0
    if goal in expected:
        assert level["value"] == pytest.approx(float(expected[goal]), rel=0.05, abs=0.1)


def test_of_calibration_it_is_told_by_accuracy():
    """Constant shares are calibrated, and know nothing."""
    task = read((np.random.default_rng(2).normal(size=(200, 2)), np.arange(200) % 2))
    assert chance(task.judged_by("ece"))["score"] == "accuracy"


def test_of_values_it_is_what_the_mean_scores():
    from sklearn.dummy import DummyRegressor
    from sklearn.metrics import root_mean_squared_error

    rng = np.random.default_rng(1)
    task = read((rng.normal(size=(900, 2)), rng.gamma(2.0, 30.0, 900)), kind="regression")
    dummy = DummyRegressor().fit(task.train.x, task.train.y)
    level = chance(task, "test")
    truth = task.test.y.numpy()
    assert level["value"] == pytest.approx(root_mean_squared_error(truth, dummy.predict(task.test.x)), rel=1e-5)
    resampled = [truth[rng.integers(0, len(truth), len(truth))] for _ in range(2000)]
    spread = np.std([root_mean_squared_error(y, np.full_like(y, truth.mean())) for y in resampled])
    assert level["error"] == pytest.approx(spread, rel=0.25)
    assert "share" not in level and level["answer"] == pytest.approx(float(task.train.y.mean()), rel=1e-5)


def test_a_split_without_the_most_frequent_class_has_an_error_all_the_same():
    task = read((np.random.default_rng(2).normal(size=(200, 2)), np.arange(200) % 2))
    none = dataclasses.replace(task.valid, y=torch.ones_like(task.valid.y))
    level = chance(dataclasses.replace(task, valid=none))
    assert level["value"] in (0.0, 1.0) and level["error"] > 0


@pytest.mark.parametrize(
    ("measures", "level", "near"),
    [
        ({"accuracy": 0.11}, {"score": "accuracy", "value": 0.1, "error": 0.02}, True),
        ({"accuracy": 0.05}, {"score": "accuracy", "value": 0.1, "error": 0.02}, True),
        ({"accuracy": 0.13}, {"score": "accuracy", "value": 0.1, "error": 0.02}, False),
        ({"rmse": 76.0}, {"score": "rmse", "value": 75.0, "error": 3.0}, True),
        ({"rmse": 71.0}, {"score": "rmse", "value": 75.0, "error": 3.0}, False),
        ({"auroc": 0.6}, {"score": "auroc", "direction": "max", "value": 0.5, "error": 0.03}, False),
        ({"auroc": 0.4}, {"score": "auroc", "direction": "max", "value": 0.5, "error": 0.03}, True),
        ({"rmse": float("nan")}, {"score": "rmse", "value": 75.0, "error": 3.0}, False),
        ({"loss": 2.0}, {"score": "accuracy", "value": 0.1, "error": 0.02}, False),
        ({"accuracy": 0.1}, None, False),
        ({"accuracy": 0.1}, {"score": "accuracy", "value": "0.1", "error": None}, False),
    ],
)
def test_near_is_within_one_standard_error(measures, level, near):
    assert near_chance(measures, level) is near
