"""The steps of a grammar's productions, followed with shapes and costs.

Costs are vectors of whole numbers, one for each thing that is bounded, packed into one: each has bits of its own, with one
to spare at its top, so that vectors are added, subtracted and compared like numbers. The least of several vectors are those
of which no other is below in everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.costs import summarise
from nasmyth.graph.joins import Add, Identity, Multiply
from nasmyth.graph.signature import Shape
from nasmyth.space.hole import Symbol
from nasmyth.space.rules import Production

Cost = int
State = tuple[Shape, ...]
Front = tuple[Cost, ...]


class Bounds(NamedTuple):
    """What a derivation may be: `most` is how much of each of `things` it may cost."""

    things: tuple[str, ...]
    most: tuple[int, ...]
    numbers: int | None = None
    """In one tensor, at most."""
    lengths: dict[str, tuple[frozenset[int], ...]] = {}  # noqa: RUF012  never changed
    """For some symbols, the lengths that each axis of what they give may have."""


class Steps:
    """What the steps of productions give and cost. `shaped`: whether shapes are followed."""

    def __init__(self, rules: dict[str, tuple[Production, ...]], bounds: Bounds, shaped: bool) -> None:
        self.rules, self.bounds, self.shaped = rules, bounds, shaped
        copies = max((step.copies for every in rules.values() for one in every for step in one.steps), default=1)
        self._bits = [most.bit_length() + copies.bit_length() + 2 for most in bounds.most]
        self.spare = self._pack([1 << (bits - 1) for bits in self._bits])
        self.most: Cost = self._pack(bounds.most)
        self.single = len(self._bits) < 2
        self._applied: dict[Any, tuple[Shape, Cost] | None] = {}
        self._ran: dict[Any, tuple[int, State, Cost] | None] = {}

    # --- costs ----------------------------------------------------------------------------------------------------

    def _pack(self, numbers: Sequence[int]) -> Cost:
        packed = 0
        for number, bits in zip(numbers, self._bits, strict=True):
            packed = packed << bits | number
        return packed

    def unpack(self, cost: Cost) -> list[int]:
        """How much of each thing that is bounded."""
        numbers = []
        for bits in reversed(self._bits):
            numbers.append(cost & ((1 << bits) - 1))
            cost >>= bits
        return numbers[::-1]

    def fits(self, cost: Cost, most: Cost) -> bool:
        """Whether one vector is at most the other, in everything: then no subtraction borrows a spare bit."""
        return ((most | self.spare) - cost) & self.spare == self.spare

    def less(self, most: Cost, cost: Cost) -> Cost | None:
        """What is left; None if it is not enough."""
        return most - cost if self.fits(cost, most) else None

    def shared(self, cost: Cost, copies: int) -> Cost:
        """What each of so many may cost."""
        return cost if copies == 1 else self._pack([n // copies for n in self.unpack(cost)])

    def _least_among(self, costs: list[Cost]) -> Front:
        if self.single:
            return (min(costs),)
        kept: list[Cost] = []
        for cost in sorted(set(costs)):  # what is below in everything comes before
            if not any(self.fits(other, cost) for other in kept):
                kept.append(cost)
        return tuple(kept)

    def _most_among(self, costs: list[Cost]) -> Front:
        if self.single:
            return (max(costs),)
        kept: list[Cost] = []
        for cost in sorted(set(costs), reverse=True):
            if not any(self.fits(cost, other) for other in kept):
                kept.append(cost)
        return tuple(kept)

    # --- one step -------------------------------------------------------------------------------------------------

    def apply(self, part: Any, shapes: State) -> tuple[Shape, Cost] | None:
        """Shape and cost of an op or a block on these shapes; None if they do not fit."""
        key = (part, shapes)
        if key not in self._applied:
            self._applied[key] = self._apply(part, shapes)
        return self._applied[key]

    def _apply(self, part: Any, shapes: State) -> tuple[Shape, Cost] | None:
        layers = 0 if isinstance(part, Identity) else 1
        if not self.shaped:
            return (), self._pack([layers for _ in self.bounds.most])
        if isinstance(part, (Add, Multiply)) and len(set(shapes)) > 1:
            return None
        try:
            summary = summarise(part, shapes)
        except ShapeError:
            return None
        if self.bounds.numbers is not None and math.prod(summary.shape) > self.bounds.numbers:
            return None
        costs = [layers if thing == "size" else getattr(summary, thing) for thing in self.bounds.things]
        if summary.unknown and set(self.bounds.things) - {"size"}:
            raise SpaceError(
                f"{summary.unknown[0].op!r} has no rule for its costs, so no bound on {self.bounds.things[-1]} can be kept "
                "here; register param_count and mac_count for it, or narrow the space instead"
            )
        if any(cost > most for cost, most in zip(costs, self.bounds.most, strict=True)):
            return None
        return summary.shape, self._pack(costs)

    def step(self, one: Production, i: int, state: State) -> tuple[State, Cost] | None:
        """The state after a step that derives nothing."""
        step = one.steps[i]
        inputs = tuple([state[k] for k in one.reads[i]])
        if step.part is None:
            return (self.after(one, i, state, inputs[0]), 0) if inputs[1] == inputs[2] else None
        found = self.apply(step.part, inputs)
        return None if found is None else (self.after(one, i, state, found[0]), found[1])

    def run(self, one: Production, i: int, state: State) -> tuple[int, State, Cost] | None:
        """The next step that derives something, with the state before it, and what all steps up to it cost."""
        key = (one, i, state)
        if key in self._ran:
            return self._ran[key]
        spent = 0
        while i < len(one.steps) and not isinstance(one.steps[i].part, Symbol):
            done = self.step(one, i, state)
            if done is None or not self.fits(spent + done[1], self.most):
                self._ran[key] = None
                return None
            i, state, spent = i + 1, done[0], spent + done[1]
        self._ran[key] = i, state, spent
        return i, state, spent

    @staticmethod
    def after(one: Production, i: int, state: State, shape: Shape) -> State:
        """The state once step i has given this shape."""
        return tuple([shape if k < 0 else state[k] for k in one.keeps[i]])

    def leaf(self, one: Production, i: int, state: State) -> tuple[str, Shape, bool]:
        """The symbol that step i derives, the shape that it takes, and whether it must give that."""
        part = one.steps[i].part
        return part.rule, state[one.reads[i][0]], bool(part.keep and self.shaped)

    def useful(self, one: Production, i: int, state: State, table: dict[Shape, Any]) -> Iterable[Shape]:
        """The shapes in a table that the symbol at step i may give: the one that it took, or those that the next op
        takes."""
        _, taken, keep = self.leaf(one, i, state)
        if keep:
            return (taken,) if taken in table else ()
        after = one.steps[i + 1].part if i + 1 < len(one.steps) and self.shaped else None
        if after is None or isinstance(after, Symbol):
            return table
        places = [one.keeps[i][k] for k in one.reads[i + 1]]
        others = {state[k] for k in places if k >= 0}
        if isinstance(after, (Add, Multiply)) and others and -1 in places:
            return others & table.keys() if len(others) == 1 else ()
        return [s for s in table if self.apply(after, tuple([s if k < 0 else state[k] for k in places])) is not None]

    def passes(self, symbol: str, shape: Shape) -> bool:
        """Whether a symbol may give this shape."""
        axes = self.bounds.lengths.get(symbol)
        return axes is None or (len(axes) == len(shape) and all(n in axis for n, axis in zip(shape, axes, strict=True)))
