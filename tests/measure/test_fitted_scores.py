"""Scores and some labels together."""

from __future__ import annotations

import numpy as np
import pytest

from nasmyth.errors import DataError
from nasmyth.measure.scores.aggregate import aggregated
from nasmyth.measure.scores.fitted import fitted

UP = {"a": "max", "b": "max"}


def data(n=120, seed=0):
    """Two scores that say something of the truth, and an encoding that says the rest."""
    rng = np.random.default_rng(seed)
    hidden, shown = rng.normal(size=(n, 2)), rng.normal(size=n)
    truth = shown + np.sin(2 * hidden[:, 0])
    return {"a": shown + 0.3 * rng.normal(size=n), "b": shown + 0.3 * rng.normal(size=n)}, truth, hidden


def order(x, y):
    return np.corrcoef(np.argsort(np.argsort(x)), np.argsort(np.argsort(y)))[0, 1]


def some(truth, k, seed=0):
    labels = np.full(len(truth), np.nan)
    rows = np.random.default_rng(seed).permutation(len(truth))[:k]
    labels[rows] = truth[rows]
    return labels, np.isnan(labels)


def test_labels_and_encodings_add_to_what_scores_say():
    columns, truth, hidden = data()
    labels, unknown = some(truth, 40)
    alone = order(aggregated(columns, UP)[unknown], truth[unknown])
    assert order(fitted(columns, labels, hidden, UP)[unknown], truth[unknown]) > alone + 0.05


def test_few_labels_do_not_spoil_what_scores_say():
    for seed in range(5):
        columns, truth, _ = data(seed=seed)
        labels, unknown = some(truth, 4, seed)
        alone = order(aggregated(columns, UP)[unknown], truth[unknown])
        assert order(fitted(columns, labels, None, UP)[unknown], truth[unknown]) > alone - 0.1


def test_only_the_order_of_labels_and_scores_counts():
    columns, truth, hidden = data(60)
    labels, _ = some(truth, 20)
    bent = {name: np.exp(values) for name, values in columns.items()}
    np.testing.assert_allclose(fitted(columns, labels, hidden, UP), fitted(bent, 5 * labels**3, hidden, UP))


def test_a_score_that_did_not_tell_is_no_obstacle():
    columns, truth, _ = data(60)
    columns["a"][:5] = np.nan
    labels, _ = some(truth, 20)
    assert np.isfinite(fitted(columns, labels, None, UP)).all()


@pytest.mark.parametrize(
    ("labels", "said"), [([1.0, 2.0], "2 labels"), ([np.nan] * 58 + [1.0, 2.0], "2 labels are too few")]
)
def test_too_few_are_refused(labels, said):
    columns, _, _ = data(60)
    with pytest.raises(DataError, match=said):
        fitted(columns, labels, None, UP)
