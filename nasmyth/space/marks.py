"""Filling a template with marks: what stands where a hole was decided says which option of which hole it is.

And a hole may be left open. Then all its options stand in its place, mixed (see `graph/origins.py`): the whole space as one
template, or as much of it as is not decided.

An open hole for a number or a word, such as the kernel of a convolution or the kind of an operation, makes as many options of
the layer or block that it stands in; one for a count makes as many lengths of one row. `subset`, and a choice among several
branches or edges at once, leave all members there, each with a weight of its own. What only says how a cell is wired (where an
edge comes from, what a vertex is, what leaves the cell) has to be decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import Combine, Composite, is_unsettled, parts_of, with_parts
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import Block, Op
from nasmyth.graph.origins import NestedOptions, Option, OptionMix, TakenOption
from nasmyth.record import Value, below, is_open
from nasmyth.space.fill import Pick, Substitution
from nasmyth.space.hole import Hole

OPEN: Any = type("Open", (), {"__repr__": lambda self: "OPEN"})()
"""What a `pick` answers that leaves a hole open."""
MOST_OPTIONS = 1_000
_LAST = re.compile(r"(\[\d+\]|:[^.\[\]:]*|[^.\[\]:]+)$")


def marked(template: Any, pick: Pick) -> Any:
    """The template filled as `pick(key, hole)` decides, or left open where it answers OPEN, with marks."""
    try:
        return _Marking(pick)(template, "")
    except _OpenNumber as found:
        raise SpaceError(
            f"{found.key!r} ({found.hole!r}) says how parts are wired, and all its options cannot stand side by side: decide it"
        ) from None


class _OpenNumber(Exception):
    """An open hole decides no template: what it is a part of has to stand there once for each of its values."""

    def __init__(self, key: str, hole: Hole) -> None:
        super().__init__(key)
        self.key, self.hole = key, hole

    def decisions(self, times: int = 1) -> tuple[Any, ...]:
        """Every value, where there are not too many of them, `times` over. Raises SpaceError."""
        if not self.hole.count * times <= MOST_OPTIONS:
            raise SpaceError(
                f"{self.key!r} ({self.hole!r:.200}) cannot be left open: with what is open beside it there would be more than "
                f"{MOST_OPTIONS:,} options; decide it"
            )
        return tuple(map(self.hole.nth, range(int(self.hole.count))))


class _Marking(Substitution):
    """One walk that marks. `told` are the numbers and words decided since the last part that is a template."""

    def __init__(self, pick: Pick) -> None:
        super().__init__(pick)
        self.told: list[tuple[str, Hole, Any]] = []
        self.times = 1  # how often what is filled now is filled, for open numbers in it

    def __call__(self, template: Any, address: str) -> Any:
        """Nothing is remembered: equal parts have other marks elsewhere."""
        return self.fill(template, address) if is_open(template) else template

    def fill(self, template: Any, address: str) -> Any:
        if isinstance(template, (Hole, tuple)):
            return super().fill(template, address)
        if is_unsettled(template):
            return self._unsettled(template, address)
        outer, self.told = self.told, []
        try:
            made = super().fill(template, address)
            told = self.told
        except _OpenNumber as found:
            if not isinstance(template, (Op, Block)):
                raise
            every = self._each(found, template, address)
            return OptionMix(found.key, found.decisions(), tuple(every))
        finally:
            self.told = outer
        if not isinstance(made, Value):
            self.told = outer + told  # a number, told by what it is a part of
            return made
        return made if isinstance(template, Composite) or not told else _told(made, told, address)

    # --- decided --------------------------------------------------------------------------------------------------

    def fill_hole(self, hole: Hole, decision: Any, key: str) -> Any:
        if decision is OPEN:
            return self._left_open(hole, key)
        made = hole.result(decision, lambda part, at: self._option(hole, part, at), key)
        if not _holds_values(made):
            self.told.append((key, hole, decision))
        return made

    def _option(self, hole: Hole, part: Any, at: str) -> Any:
        key, _, text = at.rpartition(":")
        option = int(text) if text.isdecimal() else text
        return _marked(self(part, at), ((key, option),), f":{text}", hole.plural, isinstance(part, tuple))

    # --- left open ------------------------------------------------------------------------------------------------

    def _left_open(self, hole: Hole, key: str) -> Any:
        if not hole.inner():
            if not isinstance(hole.result(hole.first(), lambda part, at: part, key), Value):
                raise _OpenNumber(key, hole)
            decisions = _OpenNumber(key, hole).decisions()  # whole templates, such as all derivations
            return OptionMix(key, decisions, tuple([self.fill_hole(hole, one, key) for one in decisions]))
        every = [self._option(hole, part, f"{key}:{i}") for i, part in enumerate(hole.inner())]
        if hole.plural and all(map(_holds_values, every)):
            return tuple([member for i, made in enumerate(every) for member in _gates(made, key, i)])
        if not all(isinstance(one, (Op, Block, Combine)) for one in every):
            raise _OpenNumber(key, hole)
        options = [
            one if isinstance(one, TakenOption) else TakenOption(one, ((key, i),), f":{i}")
            for i, one in enumerate(every)
        ]
        return OptionMix(key, tuple(range(len(options))), tuple(options))

    def _each(self, found: _OpenNumber, template: Any, address: str) -> tuple[Any, ...]:
        """What a part becomes for each value of an open number in it."""
        decisions = found.decisions(self.times)
        every: list[Any] = []
        self.times *= len(decisions)
        for one in decisions:
            self.genome[found.key] = one
            every.append(self.fill(template, address))
        self.times //= len(decisions)
        self.genome[found.key] = OPEN
        return tuple(every)

    def _unsettled(self, template: Any, address: str) -> Any:
        outer, self.told = self.told, []  # how many there are is no matter of any one of them
        try:
            numbers = [self(part, below(address, name)) for name, part in parts_of(template)]
        except _OpenNumber as found:
            every = self._each(found, template, address)
            return NestedOptions(found.key, found.decisions(), tuple(every))
        finally:
            self.told = outer
        return self(with_parts(template, numbers), address)


# --- marks --------------------------------------------------------------------------------------------------------


def _marked(made: Any, options: tuple[Option, ...], step: str, instead: bool, listed: bool = False) -> Any:
    """What an option has become, with its mark on every template in it. listed: it is a tuple, whose items are told apart."""
    if isinstance(made, tuple):
        return tuple(_marked(m, options, f"{step}[{i}]" if listed else step, instead) for i, m in enumerate(made))
    if isinstance(made, (Op, Block, Combine)):
        return made if isinstance(made, Identity) else TakenOption(made, options, step, instead)
    if isinstance(made, Value):  # the edge of a cell, or a state
        return with_parts(made, [_marked(part, options, step, instead) for _, part in parts_of(made)])
    return made


def _gates(made: Any, key: str, i: int) -> Iterator[Any]:
    """The members that an option brings, each with its own weight."""
    for member in made if isinstance(made, tuple) else (made,):
        yield _gated(member, key, i)


def _gated(made: Any, key: str, i: int) -> Any:
    if isinstance(made, (Op, Block, Combine)):
        inside = made if isinstance(made, TakenOption) else TakenOption(made, ((key, i),), f":{i}", True)
        return TakenOption(
            OptionMix(key, (i,), (inside.replace(options=(), step="", instead=False),)),
            inside.options,
            inside.step,
            True,
        )
    return with_parts(made, [_gated(p, key, i) if isinstance(p, Value) else p for _, p in parts_of(made)])


def _told(made: Any, told: list[tuple[str, Hole, Any]], address: str) -> Any:
    """A layer, a block or an edge with the numbers and words that were decided in it."""
    options = tuple((key, decision) for key, _, decision in told)
    step = "".join(f":{_short(hole, decision)}" for _, hole, decision in told)
    if isinstance(made, (Op, Block)):
        return TakenOption(made, options, step)
    last = _LAST.search(address)
    return _marked(made, options, (last[0] if last else "") + step, True)


def _short(hole: Hole, decision: Any) -> str:
    """A decision as a place tells it: a number, or those of a list."""
    if isinstance(decision, (list, tuple)):
        return "-".join(map(str, decision))
    if isinstance(decision, int):
        return str(decision)
    every = getattr(hole, "options", ())
    return str(every.index(decision)) if decision in every else ""


def _holds_values(made: Any) -> bool:
    return any(map(_holds_values, made)) if isinstance(made, (tuple, list)) else isinstance(made, Value)
