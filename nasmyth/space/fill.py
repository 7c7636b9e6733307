"""The walk over a template: every hole in its order, each decided by `pick(key, hole)`.

A picker that draws makes samples, one that looks up decodes, one that answers from two parents crosses them. The walk knows
no combinator: it takes what `parts` gives and hands what was filled to `with_parts` (see `graph/combine.py`).

What a template has whatever is decided is laid out once, as a `Plan`; a walk goes through its steps. A part with few ways to
fill it is filled once for each of them, in any walk: the same decisions lead to what was made before. And a part that fills
alike wherever it stands (all its holes are named) is one step; so a network of many equal cells costs as much as one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from nasmyth.graph.combine import is_unsettled, parts_of, with_parts
from nasmyth.record import below, is_open
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.parts import MOST, REMEMBERED, fully_named, holes_in, too_many, ways

Pick = Callable[[str, Hole], Any]


class Substitution:
    """One walk over a template. `genome` holds the decisions that are made, those that it made among them."""

    def __init__(self, pick: Pick, genome: Genome | None = None) -> None:
        self.pick = pick
        self.genome: Genome = {} if genome is None else genome
        self.filled = 0

    def __call__(self, template: Any, address: str) -> Any:
        return plan_of(template, address == "").fill(self, address) if is_open(template) else template

    def count(self, parts: int) -> None:
        """So many more parts are filled. Raises SpaceError."""
        self.filled += parts
        if self.filled > MOST:
            raise too_many()

    def decide(self, key: str, hole: Hole) -> Any:
        """The decision of a hole; holes of one name are decided once."""
        genome = self.genome
        if key in genome:
            return genome[key]
        decision = genome[key] = self.pick(key, hole)
        return decision

    def fill(self, template: Any, address: str) -> Any:
        """A part with holes, with all of them decided: the hole itself, or what its parts become."""
        self.count(1)
        if isinstance(template, Hole):
            key = template.name or address
            return self.fill_hole(template, self.decide(key, template), key)
        parts = [self(inner, below(address, name)) for name, inner in parts_of(template)]
        made = with_parts(template, parts)
        return self(made, address) if is_unsettled(template) else made

    def fill_hole(self, hole: Hole, decision: Any, key: str) -> Any:
        """What stands in a hole's place."""
        return hole.result(decision, self, key)


def fill(template: Any, pick: Pick, address: str = "", genome: Genome | None = None) -> tuple[Any, Genome]:
    """The template with every hole filled as `pick(key, hole)` decides, and the genome of the decisions made.

    genome: decisions that are made already, which are not asked for; the others are added to it.
    """
    substitution = Substitution(pick, genome)
    return substitution(template, address), substitution.genome


# --- what a template has whatever is decided ----------------------------------------------------------------------


class Branch:
    """Fillings of a part that are remembered: the hole that is decided next, and what each decision leads to."""

    __slots__ = ("hole", "key", "then")

    def __init__(self, key: str, hole: Hole) -> None:
        self.key, self.hole = key, hole
        self.then: dict[Any, Any] = {}


class Fillings:
    """What a part has been filled with, by its decisions: which hole is next depends on those before it alone.

    relative: none of its holes has a name, so that their keys begin with the address at which it stands.
    """

    __slots__ = ("part", "relative", "then")

    def __init__(self, part: Any) -> None:
        self.part, self.relative = part, not fully_named(part)
        self.then: dict[Any, Any] = {}

    def find(self, walk: Substitution, address: str) -> Any:
        """What the decisions of a walk make of the part."""
        genome, pick = walk.genome, walk.pick
        start = address if self.relative else ""
        found = self.then.get(None)
        while type(found) is Branch:
            key = start + found.key
            if key in genome:
                decision = genome[key]
            else:
                decision = genome[key] = pick(key, found.hole)
            found = found.then.get(tuple(decision) if type(decision) is list else decision)
        return self.add(walk, address) if found is None else found

    def add(self, walk: Substitution, address: str) -> Any:
        """The same where it has not been made: it is filled, and known from now on by what was asked on the way."""
        start, asked = len(address) if self.relative else 0, list[tuple[str, Hole, Any]]()

        def pick(key: str, hole: Hole) -> Any:
            decision = walk.decide(key, hole)
            asked.append((key[start:], hole, tuple(decision) if type(decision) is list else decision))
            return decision

        filled = _Learning(pick, ways(self.part)).fill(self.part, address)
        then, taken = self.then, None
        for key, hole, decision in asked:
            then, taken = then.setdefault(taken, Branch(key, hole)).then, decision
        then[taken] = filled
        return filled


class _Learning(Substitution):
    """A walk over a part that is remembered: what is in it is remembered too where there are fewer ways to fill that."""

    def __init__(self, pick: Pick, ways: float) -> None:
        super().__init__(pick)
        self.ways = ways

    def __call__(self, template: Any, address: str) -> Any:
        if is_open(template) and ways(template) == self.ways:
            return self.fill(template, address)
        return super().__call__(template, address)


@lru_cache(maxsize=10_000)
def fillings_of(part: Any) -> Fillings | None:
    """What is remembered of a part; None where it could be too much, or is not told by one kind of keys."""
    names = {hole.name is not None for hole in holes_in(part)}
    return Fillings(part) if len(names) == 1 and ways(part) <= REMEMBERED else None


class Plan:
    """The parts with holes that a template has whatever is decided, each after those in it.

    Each is a step: its address within the template, the part, and how it is filled: by what is remembered of it, or from its
    `values` and the steps that fill the open ones, or, where it depends on decisions what parts there are, by another walk.
    """

    __slots__ = ("_known", "steps")

    def __init__(self, template: Any, at_root: bool) -> None:
        self.steps: list[tuple[str, Any, Fillings | None, list[Any], list[tuple[int, int]] | None]] = []
        self._known: dict[Any, int] = {}
        self._lay(template, "" if at_root else _ELSEWHERE)

    def _lay(self, part: Any, address: str) -> int:
        """The number of the step that fills a part."""
        named = fully_named(part)
        if named and part in self._known:
            return self._known[part]
        remembered, values, inner = None if isinstance(part, tuple) else fillings_of(part), [], None
        if remembered is not None and remembered.relative and not address:
            remembered = None
        elif remembered is None and not isinstance(part, Hole) and not is_unsettled(part):
            parts = parts_of(part)
            values = [value for _, value in parts]
            inner = [(i, self._lay(v, below(address, name))) for i, (name, v) in enumerate(parts) if is_open(v)]
        if len(self.steps) > MOST:
            raise too_many()
        self.steps.append((address.removeprefix(_ELSEWHERE), part, remembered, values, inner))
        if named:
            self._known[part] = len(self.steps) - 1
        return len(self.steps) - 1

    def fill(self, walk: Substitution, address: str) -> Any:
        """The template as it stands at an address, filled."""
        walk.count(len(self.steps))
        made: list[Any] = []
        for at, part, remembered, values, inner in self.steps:
            if remembered is not None:
                made.append(remembered.find(walk, address + at))
            elif inner is None:
                made.append(walk.fill(part, address + at))
            else:
                parts = values.copy()
                for i, step in inner:
                    parts[i] = made[step]
                made.append(with_parts(part, parts))
        return made[-1]


_ELSEWHERE = "*"
"""Stands for the address of a template that is not at the root, where addresses begin with no dot."""

plan_of = lru_cache(maxsize=10_000)(Plan)
