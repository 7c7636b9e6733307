"""The scikit-learn estimators: scikit-learn's own checks, and what people do with estimators."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import nasmyth
from nasmyth import NasmythClassifier, NasmythRegressor
from nasmyth.measure import params
from nasmyth.train import SGD, AdamW

QUICK = nasmyth.Recipe(optimizer=AdamW(lr=1e-2, weight_decay=1e-3), batch=32, epochs=15)
"""For checks that fit hundreds of times."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


EXCEPTIONS = {
    "NasmythRegressor": {
        "check_methods_subset_invariance": "networks compute in single precision, where a batch of another size may "
        "differ in "
        "the last digit; the check allows 1e-7",
    }
}


@parametrize_with_checks(
    [NasmythClassifier(spend="1 trial", recipe=QUICK), NasmythRegressor(spend="1 trial", recipe=QUICK)],
    expected_failed_checks=lambda estimator: EXCEPTIONS.get(type(estimator).__name__, {}),
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def small(**more):
    return NasmythClassifier(**{"spend": "2 trials", "under": "params<=2k", "recipe": QUICK, "random_state": 0, **more})


def test_labels_come_back_in_their_type_and_the_budget_is_kept():
    X, y = load_wine(return_X_y=True)
    names = np.array(["barolo", "grignolino", "barbera"], dtype=object)[y]
    train, test, known, held_out = train_test_split(X, names, random_state=0, stratify=names)
    model = small().fit(train, known)
    assert model.score(test, held_out) > 0.8
    assert set(model.predict(test)) <= set(model.classes_) and list(model.classes_) == sorted(set(names))
    assert isinstance(model.predict(test)[0], str)
    assert params(model.network_.graph) <= 2000 and model.network_.outputs.names == tuple(model.classes_)
    shares = model.predict_proba(test)
    assert shares.shape == (len(test), 3) and np.allclose(shares.sum(1), 1, atol=1e-5)


def test_tables_of_mixed_columns_with_gaps_are_taken_as_they_are():
    rng = np.random.default_rng(0)
    kind = rng.choice(["red", "green", "blue"], 200)
    frame = pd.DataFrame({"kind": kind, "width": rng.normal(size=200), "noise": rng.normal(size=200)})
    frame.loc[rng.random(200) < 0.1, "width"] = np.nan
    y = np.where(kind == "red", 2, 7)
    model = small(spend="1 trial").fit(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns) and model.n_features_in_ == 3
    assert model.score(frame, y) > 0.95 and model.predict(frame).dtype == y.dtype
    shuffled = frame[["noise", "kind", "width"]]
    with pytest.raises(ValueError, match="same order"):
        model.predict(shuffled)


@pytest.mark.parametrize("labels", [np.array([0.0, 1.0, 2.0]), np.array(["a", "b", "c"])])
def test_any_score_is_a_goal(labels):
    X, y = load_wine(return_X_y=True)
    model = small(maximize=f"recall:{labels[1]}").fit(X, labels[y])
    assert model.summary_["objectives"][0] == [f"recall:{labels[1]}", "max"]
    found = (model.predict(X) == labels[y])[y == 1].mean()
    assert found > 0.7 and 0.7 < model.summary_["best"]["measures"][f"recall:{labels[1]}"] <= 1
    with pytest.raises(ValueError, match="no class is called 'd'"):
        small(maximize="recall:d").fit(X, labels[y])


def test_images_are_taken_as_images():
    digits = load_digits()
    recipe = nasmyth.Recipe(optimizer=SGD(lr=0.05), epochs=12, batch=32)
    model = small(spend="1 trial", recipe=recipe).fit(digits.images[:600], digits.target[:600])
    assert model.network_.graph.input == (1, 8, 8)
    assert model.score(digits.images[600:800], digits.target[600:800]) > 0.5


def test_regressors_follow_the_shape_of_y():
    X, y = load_diabetes(return_X_y=True)
    model = NasmythRegressor(spend="1 trial", recipe=QUICK, random_state=1).fit(X[:300], y[:300])
    assert model.predict(X[300:]).shape == (142,) and model.score(X[300:], y[300:]) > 0.2
    both = NasmythRegressor(spend="1 trial", recipe=QUICK, random_state=1).fit(X[:300], np.stack([y, -2 * y], 1)[:300])
    assert both.predict(X[300:]).shape == (142, 2)


def test_cross_validation_pipelines_and_grids():
    X, y = load_iris(return_X_y=True)
    line = make_pipeline(StandardScaler(), small(spend="1 trial"))
    assert cross_val_score(line, X, y, cv=3).mean() > 0.8
    grid = GridSearchCV(
        small(), {"under": ["params<=300", ["params<=3k", "macs<=1M"]], "spend": ["1 trial", "2 trials"]}, cv=2
    )
    best = grid.fit(X, y).best_estimator_
    assert len(grid.cv_results_["params"]) == 4 and best.summary_["under"]


def test_ctrl_c_keeps_the_best_so_far_and_says_so(monkeypatch):
    from nasmyth.funnel.designer import Designer

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Designer, "judge", interrupted)
    X, y = load_iris(return_X_y=True)
    with pytest.warns(UserWarning, match="best network so far is kept"):
        model = small().fit(X, y)
    assert model.score(X, y) > 0.6


def test_a_fit_is_repeatable_and_leaves_no_study_in_the_pickle():
    X, y = load_iris(return_X_y=True)
    model = small().fit(X, y)
    again = clone(model).fit(X, y)
    assert (model.predict_proba(X) == again.predict_proba(X)).all()
    data = pickle.dumps(model)
    assert len(data) < 200_000
    back = pickle.loads(data)
    assert (back.predict_proba(X) == model.predict_proba(X)).all() and back.summary_["best"]["measures"][
        "params"
    ] <= 2000
    assert "Pareto" in nasmyth.report.text(back.summary_)
    assert 'class="network"' in nasmyth.report.html(back.summary_), "the page draws the network"


@pytest.mark.parametrize(
    ("options", "X", "y", "said"),
    [
        ({}, np.zeros((4, 2)), [1, 1, 1, 1], "one class"),
        ({}, np.zeros((4, 2)), [1, 2, 1], "inconsistent numbers"),
        ({}, np.eye(4), None, "requires y"),
        ({"validation_fraction": 15}, np.eye(4), [0, 1, 0, 1], "between 0 and 1"),
        ({"under": "parms<=1k"}, np.eye(4), [0, 1, 0, 1], "params"),
        ({"spend": "2 parsecs"}, np.eye(4), [0, 1, 0, 1], "unit"),
    ],
)
def test_what_cannot_be_fitted_is_refused(options, X, y, said):
    with pytest.raises((ValueError, nasmyth.NasmythError), match=said):
        small(**options).fit(X, y)


def test_asking_before_fitting():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        small().predict(np.eye(4))
