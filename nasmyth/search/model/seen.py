"""What is known when a proposal is chosen: all that was told, and what is expected of what is being tried."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from nasmyth.search.model.log import Log, Values, scores
from nasmyth.search.model.model import Model, Predictive


class Seen:
    """A log, the model of it, and the encodings of those that are out, M D."""

    def __init__(self, log: Log, model: Model, out: Any = ()) -> None:
        self.log, self.model, self.out = log, model, out

    @cached_property
    def posterior(self) -> Predictive:
        """What is expected of how good others are."""
        return self.of(scores)

    def of(self, values: Values) -> Predictive:
        """The model after these values of the log. Those that are out count as told, with what is expected of them."""
        fitted, x, y = self.log.since.fitted(self.model, values), self.log.x, values(self.log)
        told = fitted.given(x, y)
        return (
            fitted.given(np.vstack((x, self.out)), np.append(y, told.predict(self.out)[0])) if len(self.out) else told
        )
