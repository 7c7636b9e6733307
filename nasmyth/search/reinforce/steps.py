"""A genome as a sequence of steps, each a choice between a few actions: what a policy decides, and an episode consists of.

    plan = plan_of(space)
    genome = plan.made(choose, rng)         # choose(slot, allowed): one of the actions allowed
    plan.read(genome)                       # [Step(slot, action, allowed), ...], the same again

A choice is one step. So is a number, between ranges of it if it has many values; where it lies within the range is drawn. A
subset takes as many steps as it has members, in ascending order; a derivation of a grammar one for each symbol. A decision
that is not active takes none.

A slot is a step that may come: its prior, the logarithms of how often a random genome takes each of its actions, makes a
policy that has learned nothing draw as the space does (a real, an integer, a choice, a subset: each value as often).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from random import Random
from typing import Any, NamedTuple, Protocol

from nasmyth.space.grammar import Grammar
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice, Integer, Real, Subset
from nasmyth.space.language import written
from nasmyth.space.space import Space

RANGES = 10
"""Into how many ranges a number is split."""
FEW = 4096
"""Decisions of a kind of hole that is not known here, which are listed."""

NOTHING: Mapping[str, Any] = {}

Choose = Callable[[int, Sequence[int]], int]
"""From the number of a slot and the actions that are allowed to one of them."""


class Step(NamedTuple):
    """One action in a slot."""

    slot: int
    action: int
    allowed: Sequence[int]


class Slot(NamedTuple):
    """A step that may come. key: the hole that it belongs to. prior: of each action, a logarithm."""

    key: str
    prior: tuple[float, ...]


class Kind(Protocol):
    """How the decisions of a hole are made in steps. Slots are numbered from 0 within the hole."""

    @property
    def priors(self) -> Sequence[tuple[float, ...]]: ...
    def made(self, choose: Choose, rng: Random) -> Any: ...
    def read(self, decision: Any) -> Iterator[Step]: ...


class Listed:
    """One of several decisions, or one of several ranges of many."""

    def __init__(self, count: int, nth: Callable[[int], Any], index: Callable[[Any], int], ranges: int) -> None:
        self.nth, self.index = nth, index
        self.bounds = [i * count // ranges for i in range(ranges + 1)]
        self.priors = (tuple(math.log(b - a) for a, b in zip(self.bounds, self.bounds[1:], strict=False)),)

    def made(self, choose: Choose, rng: Random) -> Any:
        at = choose(0, range(len(self.bounds) - 1))
        low, high = self.bounds[at], self.bounds[at + 1]
        return self.nth(low if high == low + 1 else rng.randrange(low, high))

    def read(self, decision: Any) -> Iterator[Step]:
        try:
            at = self.index(decision)
        except ValueError:  # ruled out since, or told by somebody else
            return
        yield Step(0, sum(bound <= at for bound in self.bounds) - 1, range(len(self.bounds) - 1))


class Ranges:
    """A real number: a range of it, and anything within."""

    def __init__(self, hole: Real) -> None:
        self.hole, self.priors = hole, ((0.0,) * RANGES,)

    def made(self, choose: Choose, rng: Random) -> Any:
        return self.hole.at((choose(0, range(RANGES)) + rng.random()) / RANGES)

    def read(self, decision: Any) -> Iterator[Step]:
        yield Step(0, min(RANGES - 1, int(RANGES * self.hole.fraction(decision))), range(RANGES))


class Members:
    """A subset, member by member in ascending order."""

    def __init__(self, hole: Subset) -> None:
        self.k, self.n = hole.k, len(hole.options)
        self.priors = tuple(tuple(self._ways(i, action) for action in range(self.n)) for i in range(self.k))

    def _ways(self, i: int, action: int) -> float:
        """How many subsets go on from there, as a logarithm."""
        return math.log(max(1, math.comb(self.n - action - 1, self.k - i - 1)))

    def _allowed(self, taken: Sequence[int]) -> Sequence[int]:
        return range(taken[-1] + 1 if taken else 0, self.n - self.k + len(taken) + 1)

    def made(self, choose: Choose, rng: Random) -> Any:
        taken: list[int] = []
        for i in range(self.k):
            taken.append(choose(i, self._allowed(taken)))
        return taken

    def read(self, decision: Any) -> Iterator[Step]:
        for i, action in enumerate(decision):
            yield Step(i, action, self._allowed(decision[:i]))


class Derivation:
    """A derivation of a grammar: for each symbol one of the alternatives that can be finished within the bounds."""

    def __init__(self, hole: Grammar) -> None:
        self.language = hole.language
        self.symbols = list(hole.productions)
        self.priors = tuple(tuple(math.log(one.weight) for one in every) for every in hole.productions.values())

    def made(self, choose: Choose, rng: Random) -> Any:
        def alternative(offered: list[Any], weights: list[float], slack: Any, state: Any) -> Any:
            number = choose(self.symbols.index(state[0]), [one.number for one in offered])
            return next(one for one in offered if one.number == number)

        return written(self.language.drawn(alternative))

    def read(self, decision: Any) -> Iterator[Step]:
        steps: list[Step] = []

        def known(slot: int, allowed: Sequence[int]) -> int:
            steps.append(Step(slot, decision[len(steps)], allowed))
            return steps[-1].action

        self.made(known, Random(0))
        return iter(steps)


class Drawn:
    """A decision that is left to chance: there is no list of them."""

    priors: tuple[tuple[float, ...], ...] = ()

    def __init__(self, hole: Hole) -> None:
        self.hole = hole

    def made(self, choose: Choose, rng: Random) -> Any:
        return self.hole.sample(rng)

    def read(self, decision: Any) -> Iterator[Step]:
        return iter(())


def kind_of(hole: Hole, left: list[Any] | None) -> Kind:
    """How the decisions of a hole are made. left: those that are not ruled out; None for all."""
    if left is not None:
        return Listed(len(left), left.__getitem__, left.index, min(RANGES, len(left)) if hole.numeric else len(left))
    if isinstance(hole, Choice):
        return Listed(len(hole.options), hole.nth, hole.index, len(hole.options))
    if isinstance(hole, Integer):
        count = int(hole.count)
        return Listed(count, hole.nth, lambda decision: (decision - hole.lo) // hole.step, min(RANGES, count))
    if isinstance(hole, Real):
        return Ranges(hole)
    if isinstance(hole, Subset):
        return Members(hole)
    if isinstance(hole, Grammar):
        return Derivation(hole)
    if not hole.quickly_counted or hole.count > FEW:
        return Drawn(hole)
    every = [hole.nth(i) for i in range(int(hole.count))]
    return Listed(len(every), every.__getitem__, every.index, min(RANGES, len(every)) if hole.numeric else len(every))


class Plan:
    """The steps that make a genome of a space."""

    def __init__(self, space: Space) -> None:
        self.space = space
        holes = {key: hole for key, hole in space.holes.items() if key not in space.fixed}
        self.kinds = {key: kind_of(hole, space.domains.get(key)) for key, hole in holes.items()}
        self.first: dict[str, int] = {}
        self.slots: list[Slot] = []
        for key, kind in self.kinds.items():
            self.first[key] = len(self.slots)
            self.slots += [Slot(key, prior) for prior in kind.priors]
        self.groups: dict[str, tuple[int, ...]] = {}
        """Of each slot, the number of its group, by kind of group: see `groups.py`."""
        self.widest = max((len(slot.prior) for slot in self.slots), default=0)
        self.offsets = [0, *accumulate(len(slot.prior) for slot in self.slots)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and self.space == other.space

    __hash__ = None  # type: ignore[assignment]

    def made(self, choose: Choose, rng: Random, kept: Mapping[str, Any] = NOTHING) -> Genome:
        """The genome of what is chosen, whether it meets the constraints of the space or not.

        kept: decisions that are made already; for the steps of these `choose` is asked, too, for what it would do next.
        """

        def pick(key: str, hole: Hole) -> Any:
            first = self.first[key]
            decision = self.kinds[key].made(lambda slot, allowed: choose(first + slot, allowed), rng)
            return kept.get(key, decision)

        return self.space.walk(pick)

    def read(self, genome: Genome) -> list[Step]:
        """The steps that make a genome, in their order."""
        order = [key for key in self.space.walk(lambda key, hole: genome[key]) if key in self.kinds]
        return list(chain.from_iterable(self.steps(key, genome[key]) for key in order))

    def steps(self, key: str, decision: Any) -> Iterator[Step]:
        """The steps that make a decision."""
        return (one._replace(slot=self.first[key] + one.slot) for one in self.kinds[key].read(decision))


@lru_cache(maxsize=8)
def plan_of(space: Space) -> Plan:
    """Made once for each space."""
    return Plan(space)
