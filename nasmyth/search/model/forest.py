"""Extremely randomised trees on encodings of genomes: steps and interactions, whatever the scale of a number.

    BayesianOptimization(model=Forest())
    BayesianOptimization(model=Forest(trees=200), acquire=UpperConfidence(1.0))

Each tree splits at random thresholds, the best of a few (Geurts, Ernst and Wehenkel 2006, "Extremely randomized trees"). The
mean is that of the trees; the deviation is how far they are apart, as in SMAC (Hutter, Hoos and Leyton-Brown 2011,
"Sequential model-based optimization for general algorithm configuration", section 4.1). Needs scikit-learn: `nasmyth[data]`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nasmyth.errors import SpaceError, require
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.model import Model
from nasmyth.search.strategy import part

LEAST = 1e-3
"""Of a deviation: where all trees agree, they may still be wrong."""


@part("forest")
class Forest(Model):
    """So many trees, which share the decisions at each split (see the top of this file).

    share: of the columns, that are looked at for a split. leaf: trials in a leaf at least.
    """

    trees: int = 50
    share: float = 0.8
    leaf: int = 1
    seed: int = 0

    def check(self) -> None:
        if self.trees < 2 or self.leaf < 1 or not 0 < self.share <= 1:
            raise SpaceError(f"{self!r}: needs trees >= 2, leaf >= 1 and share above 0 and up to 1")

    def fit(self, encoding: Encoding, x: Any, y: Any) -> Forest:
        return self

    def given(self, x: Any, y: Any) -> Grown:
        """The trees of these values: N D, N."""
        kind = require("sklearn.ensemble", extra="data").ExtraTreesRegressor
        options = {"max_features": self.share, "min_samples_leaf": self.leaf, "random_state": self.seed}
        return Grown([one.tree_ for one in kind(self.trees, **options).fit(x, y).estimators_])


class Grown(NamedTuple):
    """The trees of a forest."""

    trees: list[Any]

    def predict(self, new: Any) -> tuple[Any, Any]:
        """Mean and deviation of the trees at new encodings."""
        rows = np.ascontiguousarray(new, dtype=np.float32)
        found = np.array([tree.predict(rows)[:, 0] for tree in self.trees])
        return found.mean(0), np.maximum(LEAST, found.std(0))
