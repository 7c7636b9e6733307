"""The walk over a template: every hole in its order, each decided by `pick(key, hole)`.

A picker that draws makes samples, one that looks up decodes, one that answers from two parents crosses them. The walk knows
no combinator: it takes what `parts` gives and hands what was filled to `with_parts` (see `graph/combine.py`).

A part is filled once for each way to decide it, in any walk: the same decisions lead to what was made before. And a part
that fills alike wherever it stands (all its holes are named) is decided once in a walk; so a network of many equal cells
costs as much as one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import is_unsettled, parts_of, with_parts
from nasmyth.record import Value, below, is_open
from nasmyth.space.hole import Genome, Hole

Pick = Callable[[str, Hole], Any]

REMEMBERED = 2_000
"""Parts are remembered by their decisions where there are no more ways than that to make them."""

MOST = 200_000
"""Parts with holes that one walk fills: far more than a network has, and less than a few words can ask for."""


def too_many() -> SpaceError:
    return SpaceError(f"a template with more than {MOST:,} parts to fill, copies counted; repeat less")


@lru_cache(maxsize=100_000)
def fully_named(template: Any) -> bool:
    """Whether all holes in it have names, so that it fills alike wherever it stands."""
    if isinstance(template, tuple):
        return all(map(fully_named, template))
    if not isinstance(template, Value):
        return True
    return not (isinstance(template, Hole) and template.name is None) and all(map(fully_named, template.field_values))


class Branch:
    """Fillings of a part that are remembered: the hole that is decided next, and what each decision leads to."""

    __slots__ = ("hole", "key", "then")

    def __init__(self, key: str, hole: Hole) -> None:
        self.key, self.hole = key, hole
        self.then: dict[Any, Any] = {}


class Part:
    """What is known of a part with holes whatever is decided, and what it has been filled with, by its decisions.

    named: it fills alike wherever it stands. open: the place, name and value of each of its parts that has holes.
    remembers: there are few ways to fill it, which are kept: which hole is next depends on those before it alone.
    relative: none of its holes has a name, so that their keys begin with the address at which it stands.
    """

    __slots__ = ("named", "open", "relative", "remembers", "root", "unsettled", "values")

    def __init__(self, part: Any) -> None:
        self.named, self.unsettled = fully_named(part), is_unsettled(part)
        parts = () if isinstance(part, Hole) else parts_of(part)
        self.values = [inner for _, inner in parts]
        self.open = [(i, name, inner) for i, (name, inner) in enumerate(parts) if is_open(inner)]
        names = {hole.name is not None for hole in _holes_in(part)}
        self.relative = names == {False}
        self.remembers = len(names) == 1 and ways(part) <= REMEMBERED
        self.root: Any = None

    def add(self, asked: list[tuple[str, Hole]], genome: Genome, address: str, filled: Any) -> None:
        """Remember what the part was filled with, and what was asked on the way."""
        start = len(address) if self.relative else 0
        last: dict[Any, Any] | None = None
        taken: Any = None
        for key, hole in asked:
            branch = self.root if last is None else last.get(taken)
            if branch is None:
                branch = Branch(key[start:], hole)
                if last is None:
                    self.root = branch
                else:
                    last[taken] = branch
            last, taken = branch.then, _frozen(genome[key])
        if last is not None:
            last[taken] = filled


part_of = lru_cache(maxsize=10_000)(Part)


def _holes_in(part: Any) -> Iterator[Hole]:
    if is_open(part):
        if isinstance(part, Hole):
            yield part
        for inner in part if isinstance(part, tuple) else part.field_values:
            yield from _holes_in(inner)


@lru_cache(maxsize=10_000)
def ways(part: Any) -> float:
    """At most so many ways to fill a part; infinite where that is not easily told."""
    if not is_open(part):
        return 1
    if isinstance(part, Hole):
        if part.count > REMEMBERED or not any(map(is_open, part.inner())):
            return part.count
        taken: list[list[Any]] = []
        for decision in map(part.nth, range(int(part.count))):
            taken.append([])
            part.result(decision, lambda inner, address: taken[-1].append(inner), "")
        return sum(math.prod(map(ways, inner)) for inner in taken)
    if is_unsettled(part):
        return math.inf
    return math.prod(ways(inner) for _, inner in parts_of(part))


def _frozen(decision: Any) -> Any:
    return tuple(decision) if type(decision) is list else decision


class Substitution:
    """One walk over a template. `genome` holds the decisions that it made."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.genome: Genome = {}
        self.asked: list[tuple[str, Hole]] = []
        self._named: dict[Any, tuple[Any, list[tuple[str, Hole]]]] = {}  # parts that fill alike wherever they stand
        self.filled = 0

    def __call__(self, template: Any, address: str) -> Any:
        if not is_open(template):
            return template
        if isinstance(template, tuple):
            return self.fill(template, address)
        known = self._named.get(template)
        if known is None:
            part, start = part_of(template), len(self.asked)
            filled = self.remembered(template, part, address)
            if part.named:
                self._named[template] = filled, self.asked[start:]
            return filled
        self.asked += known[1]
        return known[0]

    def remembered(self, template: Any, part: Part, address: str) -> Any:
        """A part with holes, looked up by their decisions if it was filled so before, in any walk."""
        if not part.remembers or (part.relative and not address):
            return self.fill(template, address)
        start, found = len(self.asked), part.root
        while type(found) is Branch:
            key = address + found.key if part.relative else found.key
            found = found.then.get(_frozen(self.decide(key, found.hole)))
        if found is None:
            del self.asked[start:]
            found = self.fill(template, address)
            part.add(self.asked[start:], self.genome, address, found)
        return found

    def decide(self, key: str, hole: Hole) -> Any:
        """The decision of a hole; holes of one name are decided once."""
        self.asked.append((key, hole))
        genome = self.genome
        if key in genome:
            return genome[key]
        decision = genome[key] = self.pick(key, hole)
        return decision

    def fill(self, template: Any, address: str) -> Any:
        """A part with holes, with all of them decided."""
        self.filled += 1
        if self.filled > MOST:
            raise too_many()
        if isinstance(template, Hole):
            key = template.name or address
            return self.fill_hole(template, self.decide(key, template), key)
        if isinstance(template, tuple):
            return tuple([self(item, below(address, i)) for i, item in enumerate(template)])
        part = part_of(template)
        parts = part.values.copy()
        for i, name, inner in part.open:
            parts[i] = self(inner, below(address, name))
        made = with_parts(template, parts)
        return self(made, address) if part.unsettled else made

    def fill_hole(self, hole: Hole, decision: Any, key: str) -> Any:
        """What stands in a hole's place."""
        return hole.result(decision, self, key)


def fill(template: Any, pick: Pick, address: str = "") -> tuple[Any, Genome]:
    """The template with every hole filled as `pick(key, hole)` decides, and the genome of the decisions made."""
    substitution = Substitution(pick)
    return substitution(template, address), substitution.genome
