"""What can be known of a template without deciding: the holes that some genome could reach, and the values that a number can
take."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import Composite, is_unsettled, parts_of, with_parts
from nasmyth.kinds import shown
from nasmyth.record import below, is_open
from nasmyth.space.hole import Genome, Hole, Symbol
from nasmyth.space.parts import MOST, fully_named, too_many


class Reach:
    """Every hole that some genome could reach, by its key, in the order of the walk; and those that *steer*, on whose
    decisions it depends what else there is to decide: options with holes inside, numbers of copies.
    """

    def __init__(self) -> None:
        self.holes: dict[str, Hole] = {}
        self.steering: set[str] = set()


def reach(template: Any, recipe: Any = None) -> Reach:
    """What a template leaves open, and then a recipe. Raises SpaceError if two holes of one name differ."""
    found = Reach()
    _visit(found, template, "")
    _visit(found, recipe, "recipe")
    return found


def _visit(found: Reach, template: Any, address: str) -> None:
    seen: set[Any] = set()
    visited = itertools.count()

    def visit(part: Any, at: str, steers: bool = False) -> None:
        if not is_open(part) or (part in seen and not steers):
            return
        if next(visited) > MOST:
            raise too_many()
        if fully_named(part):
            seen.add(part)
        if isinstance(part, Symbol):
            raise SpaceError(f"{part!r} stands in no rule; symbols are for the alternatives of grammar({{...}})")
        if isinstance(part, Hole):
            visit_hole(part, part.name or at, steers)
            return
        unsettled = is_unsettled(part)
        for name, inner in parts_of(part):
            visit(inner, below(at, name), steers or unsettled)
        if unsettled:
            visit(largest(part), at)

    def visit_hole(hole: Hole, key: str, steers: bool) -> None:
        if hole.name is not None and not (isinstance(hole.name, str) and hole.name):
            raise SpaceError(f"{shown(hole)}: a hole's name is a word, such as name='width'")
        if found.holes.setdefault(key, hole) is not hole:
            raise SpaceError(
                f"two holes named {key!r} differ: {found.holes[key]!r} and {hole!r}; one name is one decision"
            )
        if steers or any(map(is_open, hole.inner())):
            found.steering.add(key)
        for i, option in enumerate(hole.inner()):
            visit(option, f"{key}:{i}", steers)

    visit(template, address)


def largest(part: Any) -> Any:
    """What an unsettled part is with the largest numbers that it can have: it has all the parts that it ever has."""
    return with_parts(part, max(numbers for numbers, _, _ in settled(part)))


def settled(part: Any, decided: Genome | None = None) -> Iterator[tuple[tuple[Any, ...], Any, Genome]]:
    """Every way to settle an unsettled part: its numbers, what it then is, and the decisions on names that lead to it.

    Raises SpaceError for numbers that it cannot have, and where there are too many ways for listing.
    """
    numbers = tuple(inner for _, inner in parts_of(part))
    for i, (one, after) in enumerate(values(numbers, decided or {})):
        if i > MOST:
            raise SpaceError(
                f"{shown(part)} can take more than {MOST:,} values, and how often something repeats must be listed"
            )
        yield one, with_parts(part, one), after


def values(part: Any, decided: Genome) -> Iterator[tuple[Any, Genome]]:
    """Every value that a numeric part can take, with the decisions on names that lead to it; of a tuple, of each of them."""
    if isinstance(part, Hole):
        yield from _values_of_hole(part, decided)
    elif isinstance(part, Composite):
        for numbers, after in values(tuple(inner for _, inner in part.parts()), decided):
            yield part.with_parts(numbers), after
    elif isinstance(part, tuple) and part:
        for first, once in values(part[0], decided):
            for rest, after in values(part[1:], once):
                yield (first, *rest), after
    else:
        yield part, decided


def _values_of_hole(hole: Hole, decided: Genome) -> Iterator[tuple[Any, Genome]]:
    hole.nth(0)  # says so where it cannot be listed
    every = iter([decided[hole.name]]) if hole.name in decided else map(hole.nth, range(int(hole.count)))
    for decision in every:
        after = decided if hole.name is None else {**decided, hole.name: decision}
        yield from values(hole.result(decision, lambda part, address: part, ""), after)
