"""What a model learns from: what was told, as numbers, and ranks of how good it was as normal scores."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np

from nasmyth.search.evolution import places, ranked
from nasmyth.search.model.columns import Encode
from nasmyth.search.model.encoding import DECISIONS, Encoding, Known, encoding_of
from nasmyth.search.model.model import Fitted, Model
from nasmyth.search.strategy import FinishedTrial, Fitness, fitness, hashable
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

GROWTH = 1.2
"""How many times as many trials there are when the settings of a model are fitted anew."""
NORMAL = NormalDist()


class Log:
    """What was told. Never changed, so that what follows from it is made once."""

    def __init__(
        self,
        space: Space,
        told: tuple[tuple[Genome, Fitness], ...] = (),
        since: Log | None = None,
        seconds: tuple[float, ...] = (),
        encode: Encode = DECISIONS,
    ) -> None:
        self.space, self.told, self.seconds, self.encode = space, told, seconds, encode
        self.since = self if since is None or len(told) >= GROWTH * len(since.told) else since
        """The log whose weights the model has: this one, or one that is not much shorter."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Log) and (self.space, self.told) == (other.space, other.told)

    __hash__ = None  # type: ignore[assignment]

    def then(self, trial: FinishedTrial) -> Log:
        """With one more."""
        told = (*self.told, (trial.genome, fitness(trial)))
        return Log(self.space, told, self.since, (*self.seconds, trial.seconds), self.encode)

    @property
    def encoding(self) -> Encoding:
        """Of the space, with the columns that were asked for."""
        return encoding_of(self.space, self.encode)

    @cached_property
    def known(self) -> dict[Hashable, Known]:
        """What was told, as `hashable` genomes."""
        return {token: self.encoding.known(token, one) for one, _ in self.told for token in (hashable(one),)}

    @cached_property
    def x(self) -> Any:
        """The encodings, in the order in which they were told."""
        return self.encoding([genome for genome, _ in self.told])

    @cached_property
    def keys(self) -> list[Any]:
        """What is larger for the better, of each."""
        return [key for _, key in ranked(self.told)]

    @cached_property
    def y(self) -> Any:
        """The normal scores of the ranks of all."""
        return normal_scores(self.keys)

    @cached_property
    def best(self) -> list[Genome]:
        """The best first, of equals the newest."""
        order = sorted(range(len(self.told)), key=lambda i: (self.keys[i], i), reverse=True)
        return [self.told[i][0] for i in order]

    def fitted(self, model: Model, values: Values) -> Fitted:
        """The model by the values of this log."""
        found: dict[tuple[Model, Values], Fitted] = self.__dict__.setdefault("_fitted", {})
        if (model, values) not in found:
            found[model, values] = model.fit(self.encoding, self.x, values(self))
        return found[model, values]


Values = Callable[[Log], Any]
"""N numbers of a log, of mean 0 and deviation 1. The same function each time, or an equal one."""


def normal_scores(keys: Sequence[Any]) -> Any:
    """Of the ranks of keys, equal ones sharing theirs, with deviation 1."""
    y = np.array([NORMAL.inv_cdf((place + 0.5) / len(keys)) for place in places(keys)])
    return y / (y.std() or 1.0)


def scores(log: Log) -> Any:
    """How good each of a log was."""
    return log.y
