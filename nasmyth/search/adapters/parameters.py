"""Decisions of a space as parameters of Optuna, and back.

A choice is categorical, a whole number an integer with its step, a real a float (in its logarithm where the hole says so). A
subset is categorical while there are few of them; else each option has a parameter that says whether it is in, and what is
suggested is brought to its size by chance. A grammar with few derivations is categorical; what a larger one derives is drawn,
since no parameter of fixed form can tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from random import Random
from typing import Any, NamedTuple

from nasmyth.errors import require
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice, Integer, Real, Subset
from nasmyth.space.space import Space

require("optuna", extra="optuna")

from optuna.distributions import (  # noqa: E402
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial  # noqa: E402

FEW = 64
"""Subsets and derivations that are told one by one."""


class Parameter(NamedTuple):
    """A parameter of Optuna: its name, its distribution, and its value."""

    name: str
    distribution: BaseDistribution
    value: Any


class Options:
    """One of a list of decisions: the decision itself where that is plain, else its place. Ordered: always its place, as a
    whole number."""

    def __init__(self, key: str, decisions: Sequence[Any], ordered: bool = False) -> None:
        self.key, self.ordered = key, ordered
        self.decisions = sorted(decisions) if ordered else list(decisions)
        self.plain = not ordered and all(isinstance(one, (bool, int, float, str)) for one in decisions)

    @cached_property
    def distribution(self) -> BaseDistribution:
        places = range(len(self.decisions))
        if self.ordered:
            return IntDistribution(0, places[-1])
        return CategoricalDistribution(self.decisions if self.plain else list(places))

    def suggest(self, trial: Trial, rng: Random) -> Any:
        if self.ordered:
            return self.decisions[trial.suggest_int(self.key, 0, len(self.decisions) - 1)]
        chosen = trial.suggest_categorical(self.key, self.distribution.choices)  # type: ignore[attr-defined]
        return chosen if self.plain else self.decisions[int(chosen or 0)]

    def parameters(self, decision: Any) -> list[Parameter]:
        place = self.decisions.index(decision)
        return [Parameter(self.key, self.distribution, self.decisions[place] if self.plain else place)]


class Whole:
    """A whole number."""

    def __init__(self, key: str, hole: Integer) -> None:
        self.key, self.step = key, hole.step
        self.lo, self.hi = hole.lo, hole.nth(int(hole.count) - 1)
        self.distribution = IntDistribution(self.lo, self.hi, step=self.step)

    def suggest(self, trial: Trial, rng: Random) -> Any:
        return trial.suggest_int(self.key, self.lo, self.hi, step=self.step)

    def parameters(self, decision: Any) -> list[Parameter]:
        return [Parameter(self.key, self.distribution, decision)]


class Number:
    """A real number."""

    def __init__(self, key: str, hole: Real) -> None:
        self.key, self.hole = key, hole
        self.distribution = FloatDistribution(hole.lo, hole.hi, log=hole.log)

    def suggest(self, trial: Trial, rng: Random) -> Any:
        return trial.suggest_float(self.key, self.hole.lo, self.hole.hi, log=self.hole.log)

    def parameters(self, decision: Any) -> list[Parameter]:
        return [Parameter(self.key, self.distribution, decision)]


class Members:
    """A subset of many: for each option, whether it is in."""

    def __init__(self, key: str, hole: Subset) -> None:
        self.hole, self.distribution = hole, CategoricalDistribution([False, True])
        self.names = [f"{key}:{i}" for i in range(len(hole.options))]

    def suggest(self, trial: Trial, rng: Random) -> Any:
        inside = [bool(trial.suggest_categorical(name, [False, True])) for name in self.names]
        order = sorted(rng.sample(range(len(inside)), len(inside)), key=lambda i: not inside[i])
        return sorted(order[: self.hole.k])

    def parameters(self, decision: Any) -> list[Parameter]:
        return [Parameter(name, self.distribution, i in decision) for i, name in enumerate(self.names)]


Coding = Options | Whole | Number | Members


class Codings:
    """How each decision of a space is told to Optuna; one that is not there is made by the space itself.

    ordered: choices between numbers as whole numbers, in their order, for samplers that know no categories. whole: with what
    the space has ruled out.
    """

    def __init__(self, space: Space, ordered: bool = False, whole: bool = False) -> None:
        self.space = space
        domains = {} if whole else space.domains
        found = {key: _coding(key, hole, domains.get(key), ordered) for key, hole in space.holes.items()}
        self.by_key: dict[str, Coding] = {key: one for key, one in found.items() if one is not None}

    def suggest(self, trial: Trial, rng: Random) -> Genome:
        """The genome that a trial suggests, hole by hole: only what is active is asked for."""

        def pick(key: str, hole: Hole) -> Any:
            coding = self.by_key.get(key)
            if coding is None:
                return self.space.decisions.draw(key, hole, rng)
            return hole.validate(coding.suggest(trial, rng), key)

        return self.space.walk(pick)

    def parameters(self, genome: Genome) -> list[Parameter]:
        """What a genome is told as. Raises ValueError for a decision that the space has ruled out."""
        found = [(self.by_key.get(key), decision) for key, decision in genome.items()]
        return [one for coding, decision in found if coding is not None for one in coding.parameters(decision)]


def _coding(key: str, hole: Hole, left: list[Any] | None, ordered: bool) -> Coding | None:
    if left is not None or isinstance(hole, Choice):
        decisions = [hole.nth(i) for i in range(int(hole.count))] if left is None else left
        numbers = ordered and isinstance(hole, (Choice, Integer, Real)) and hole.numeric
        return Options(key, decisions, numbers) if len(decisions) > 1 else None
    if not hole.free:
        return None
    if isinstance(hole, Integer):
        return Whole(key, hole)
    if isinstance(hole, Real):
        return Number(key, hole)
    if hole.quickly_counted and hole.count <= FEW:
        return Options(key, [hole.nth(i) for i in range(int(hole.count))])
    return Members(key, hole) if isinstance(hole, Subset) else None


@lru_cache(maxsize=8)
def codings_of(space: Space, ordered: bool = False) -> Codings:
    """Made once for each space."""
    return Codings(space, ordered)
