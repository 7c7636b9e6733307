"""Designs as scikit-learn estimators: `fit` designs a network, `predict` asks it.

    from nasmyth import NasmythClassifier

    model = NasmythClassifier(under="params<=10k", spend="2m").fit(X, y)
    model.predict(X_new), model.network_, cross_val_score(NasmythClassifier(spend="20s"), X, y, cv=3)

They go wherever scikit-learn's own go: into pipelines, cross-validation, grids over `under` and `spend`. X is a table (an
array N F, or a DataFrame with categories, dates and gaps) or images (N H W or N H W C).

Whoever calls `fit` holds out rows of their own to judge by, so no test split is set apart here: a share of the rows chooses
between networks, the rest trains them, and what the study reports "on test" is told of the choosing rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmyth.design import design
from nasmyth.errors import DataError, require
from nasmyth.measure import constraints

require("sklearn", extra="data")

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_consistent_length, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

if TYPE_CHECKING:
    from nasmyth.domains.sources import Raw
    from nasmyth.measure import Constraint
    from nasmyth.network import Network
    from nasmyth.network.pipeline import Prediction
    from nasmyth.search import Strategy
    from nasmyth.train import Recipe

CHOOSING = "the rows that choose between networks also stand for a test split: judge by rows that fit() did not see"


class _Designed(BaseEstimator):
    """What the classifier and the regressor share: parameters, data in, the network found.

    Parameters are those of `nasmyth.design`. `spend` counts for each fit: cross-validation in five folds takes five
    times as long.
    """

    network_: Network
    """The best network found, with its weights: a torch.nn.Module to measure, save and export."""
    summary_: dict[str, Any]
    """All that is known of the design, as plain data: `nasmyth.report.html(model.summary_, "report.html")`."""
    n_features_in_: int

    _kind: str

    def __init__(
        self,
        *,
        under: str | Constraint | Iterable[str | Constraint] = (),
        spend: str | float = "1m",
        maximize: Any = None,
        minimize: Any = None,
        strategy: Strategy | None = None,
        recipe: Recipe | None = None,
        validation_fraction: float = 0.15,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.under = under
        self.spend = spend
        self.maximize = maximize
        self.minimize = minimize
        self.strategy = strategy
        self.recipe = recipe
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose

    def _design(self, X: Any, y: np.ndarray, classes: tuple[str, ...] = ()) -> None:
        """Find a network for examples that are checked, with class numbers or values for targets."""
        from nasmyth.domains.domain import domain_of
        from nasmyth.domains.sources import Options
        from nasmyth.report import summary_of

        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        raw = _shared_out(X, y, classes, self.validation_fraction, seed)
        domain = domain_of(raw)
        task = domain.task(raw, Options(kind=self._kind, seed=seed))
        task = replace(task, recipe=self.recipe or domain.recipe(task))
        found = design(
            task, maximize=self.maximize, minimize=self.minimize, under=constraints(self.under), spend=self.spend,
            seed=seed,
            strategy=self.strategy, progress=self.verbose,
        )  # fmt: skip
        try:
            self.network_, self.summary_ = found.best, summary_of(found.study)
        finally:
            found.study.close()
        if found.interrupted:
            warnings.warn("fit() was interrupted: the best network so far is kept", stacklevel=3)

    def _examples(self, X: Any, reset: bool) -> Any:
        """X checked as scikit-learn does it. A DataFrame stays one, since its columns have types of their own."""
        if not hasattr(X, "iloc"):
            return validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False, allow_nd=True)
        if not len(X) or not len(X.columns):
            check_array(X, dtype=None)  # says which of the two is missing
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _answers(self, X: Any) -> Prediction:
        """What the network says, its columns under the names that they had in `fit`."""
        check_is_fitted(self, "network_")
        X = self._examples(X, reset=False)
        return self.network_.predict(_frame(X, getattr(self, "feature_names_in_", None)) if X.ndim == 2 else X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inputs = tags.input_tags
        inputs.allow_nan = inputs.string = inputs.categorical = inputs.three_d_array = True
        return tags


class NasmythClassifier(ClassifierMixin, _Designed):
    """A classifier whose network is designed for the data under a budget. Labels may be of any type that sorts."""

    _kind = "classification"
    classes_: np.ndarray

    def fit(self, X: Any, y: Any) -> NasmythClassifier:
        """Design a network for the examples X and the labels y. Raises ValueError (DataError) for a single class."""
        X, y = self._examples(X, reset=True), _targets(y, X, one=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"all {len(y)} labels are of one class, {y[0]!r}: give at least two classes")
        names = tuple(str(label) for label in self.classes_)
        self._design(X, codes, names if len(set(names)) == len(names) else tuple(map(str, range(len(names)))))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, in the order of `classes_`: float32, N C."""
        return np.asarray(self._answers(X).probabilities)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each example, of the type that it had in `fit`."""
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]


class NasmythRegressor(RegressorMixin, _Designed):
    """A regressor whose network is designed for the data under a budget; y may have several columns."""

    _kind = "regression"

    def fit(self, X: Any, y: Any) -> NasmythRegressor:
        """Design a network for the examples X and the numbers y. Raises ValueError (DataError) where all y are equal."""
        X, y = self._examples(X, reset=True), _targets(y, X, one=False)
        self._one_axis = y.ndim == 1
        self._design(X, y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Values in the units of y: N or N k, as y was."""
        values = np.asarray(self._answers(X).values, dtype=np.float64)
        return values[:, 0] if self._one_axis else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _targets(y: Any, X: Any, one: bool) -> np.ndarray:
    """y as an array, as long as X; one label an example, or finite numbers."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None: call fit(X, y)")
    y = column_or_1d(y, warn=True) if one else check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
    assert_all_finite(y, input_name="y")
    check_consistent_length(X, y)
    if len(y) < 2:
        raise DataError("n_samples=1: one example is not enough to train on one and choose by another")
    return np.asarray(y)


def _shared_out(X: Any, y: np.ndarray, classes: tuple[str, ...], share: float, seed: int) -> Raw:
    """Rows to train on, every class among them, and rows to choose by.

    They are shuffled, so that a column which counts the rows is an input like any other: the caller has chosen X.
    """
    import torch

    from nasmyth.domains.sources import Part, Raw
    from nasmyth.train.split import random_split, stratified_split

    if not 0 < share < 1:
        raise DataError(f"validation_fraction={share!r}: give a share of the rows between 0 and 1, such as 0.15")
    share = max(share, 1 / len(y))
    parts = (1 - share, share)
    rows = stratified_split(torch.from_numpy(y), parts, seed) if classes else random_split(len(y), parts, seed)
    train, valid = (np.random.default_rng(seed).permutation(part.numpy()) for part in rows)
    whole = Part(X, y)
    choosing = whole.take(valid if len(valid) else train)  # two classes of one example leave none to choose by
    return Raw("data", whole.take(train), choosing, choosing, classes=classes, notes=(CHOOSING,))


def _frame(X: Any, names: Any) -> Any:
    """The rows of a table as a DataFrame, the columns of an array under these names, or else x0, x1, ..."""
    import pandas as pd

    from nasmyth.domains.tabular import as_frame

    return as_frame(X if hasattr(X, "iloc") or names is None else pd.DataFrame(X, columns=names))
