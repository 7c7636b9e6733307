"""Gradient boosting beside a design: what scikit-learn reaches on the same split."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from nasmyth.domains import read
from nasmyth.funnel.boosting import boosted


def frame(rows=600):
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    x[::7] = np.nan
    colour = rng.choice(["red", "green", "blue"], rows)
    y = np.where(np.nan_to_num(x, nan=2.0) + (colour == "red") > 0.5, "yes", "no")
    return pd.DataFrame({"x": x, "noise": rng.normal(size=rows), "colour": colour, "y": y,
                         "z": 3 * np.nan_to_num(x) + 100})  # fmt: skip


def test_classes_by_boosting_as_scikit_learn_has_them():
    from sklearn.ensemble import HistGradientBoostingClassifier

    task = read(frame().drop(columns="z"), "y")
    told = boosted(task, "accuracy", seconds=60)
    model = HistGradientBoostingClassifier(
        early_stopping=False, random_state=0, categorical_features=[False, False, True]
    )
    model.fit(task.train.x.numpy(), task.train.y.numpy())
    alone = float((model.predict(task.test.x.numpy()) == task.test.y.numpy()).mean())
    assert told["test"]["accuracy"] == pytest.approx(alone) and alone > 0.95
    assert told["size"] > 1000 and 0 < told["latency"] < 1 and told["goal"] == "accuracy"
    json.dumps(told)


def test_values_are_scored_in_their_units():
    task = read(frame().drop(columns="y"), "z")
    told = boosted(task, "rmse", seconds=60)
    assert told["test"]["rmse"] < 1.0 and told["test"]["r2"] > 0.9


def test_what_would_take_too_long_is_left_out():
    told = boosted(read(frame(), "y"), "accuracy", seconds=1e-6)
    assert "it would take about" in told["skipped"] and "test" not in told


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert boosted(read(frame(), "y"), "accuracy", seconds=60) == {"skipped": "scikit-learn is not installed"}


def test_the_answers_of_the_test_split_are_not_learned_from():
    data = frame().assign(split=["train"] * 400 + ["test"] * 200)
    task = read(data, "y")
    flipped = read(data.assign(y=[*data.y[:400], *np.where(data.y[400:] == "yes", "no", "yes")]), "y")
    told, other = (boosted(one, "accuracy", seconds=60) for one in (task, flipped))
    assert told["test"]["accuracy"] == pytest.approx(1 - other["test"]["accuracy"])
    assert told["valid"] == other["valid"] and told["size"] == other["size"]
