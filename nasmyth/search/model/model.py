"""What a model of what was tried is: fitted now and then, given all values each time, and asked for means and deviations.

    class Mine(Model):
        def fit(self, encoding, x, y): ...      # what takes time: N D numbers, N values -> something with
                                                #     given(x, y) -> something with predict(new) -> mean, deviation

`fit` hears a log that is not much shorter than the one that `given` hears, so that what is slow is done seldom. Both are
functions of what they are given and nothing else (chance comes from a seed among the fields): a search that was resumed goes
on as one that never stopped.
"""

from __future__ import annotations

from typing import Any, Protocol

from nasmyth.record import Value
from nasmyth.search.model.encoding import Encoding


class Predictive(Protocol):
    """A model that was given values."""

    def predict(self, new: Any) -> tuple[Any, Any]:
        """Mean and deviation, M and M, at new encodings, M D. Deviations are above 0."""


class Fitted(Protocol):
    """A model whose settings are known."""

    def given(self, x: Any, y: Any) -> Predictive:
        """The same after these values: N D encodings, N values."""


class Model(Value, abstract=True):
    """Base of models (see the top of this file)."""

    def fit(self, encoding: Encoding, x: Any, y: Any) -> Fitted:
        raise NotImplementedError
