"""The parts of a template that is a chain, in order, and every way to fill each of them.

Chains within chains are taken apart, and a repeat is its number of copies and then one part for each copy. All else is one
part, listed whole: an op, a block, a residual, a choice among templates. See `chain_table.py`, which puts them together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.graph import Identity
from nasmyth.graph.chain import Chain, Repeat
from nasmyth.graph.combine import parts_of
from nasmyth.kinds import shown
from nasmyth.record import below, is_open
from nasmyth.space.fill import fill
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.parts import holes_in
from nasmyth.space.space import Space

WAYS = 5_000
"""Ways to fill one part that are listed."""


class Stage(NamedTuple):
    """A part of the chain, or the number of copies of a repeat."""

    part: Any
    address: str
    within: tuple[tuple[str, int], ...]
    """It is there where each of these repeats has more copies than that."""
    counts: str | None = None
    """The address of the repeat whose copies it counts."""
    closes: tuple[str, ...] = ()
    """The repeats that are over behind it."""
    border: bool = False


def stages_of(template: Any) -> list[Stage]:
    found = [*_taken_apart(template, "", (), True)]
    return found or [Stage(Identity(), "", (), border=True)]


def _taken_apart(part: Any, address: str, within: tuple[tuple[str, int], ...], outermost: bool) -> Iterator[Stage]:
    """The stages of a part, in order."""
    if isinstance(part, Chain) and _distinct(part):
        for name, inner in parts_of(part):
            row = [*_taken_apart(inner, below(address, name), within, False)]
            yield from ([*row[:-1], row[-1]._replace(border=True)] if row and outermost else row)
    elif isinstance(part, Repeat) and part.tied is False and type(part.count) is int:
        for i in range(part.count):
            yield from _taken_apart(part.body, below(address, i), within, False)
    elif isinstance(part, Repeat) and part.tied is False and _listed(part.count):
        yield Stage(part.count, below(address, "count"), within, counts=address)
        most = max(_numbers(part.count).values())
        row = [
            s for i in range(most) for s in _taken_apart(part.body, below(address, i), (*within, (address, i)), False)
        ]
        end = row.pop() if row else Stage(Identity(), address, within)
        yield from (*row, end._replace(closes=(*end.closes, address)))
    else:
        yield Stage(part, address, within, border=outermost)


def _distinct(row: Chain) -> bool:
    names = [name for name, _ in parts_of(row)]
    return isinstance(row.items, tuple) and len(set(names)) == len(names)


def _listed(count: Any) -> bool:
    """Whether a number of copies is a hole with numbers of its own to choose from."""
    return isinstance(count, Hole) and count.name is None and not any(map(is_open, count.inner())) and count.numeric


def _numbers(count: Hole) -> dict[Any, int]:
    """The number of copies that each decision means."""
    decisions = map(count.nth, range(int(count.count)))
    return {one: count.result(one, lambda part, address: part, "") for one in decisions}


def ways(space: Space, stage: Stage) -> list[tuple[Any, Genome]]:
    """Every way to fill a stage, with its decisions; of a count the number of copies. What is fixed is not varied."""
    if stage.counts is not None:
        fixed = space.fixed.get(stage.address)
        numbers = _numbers(stage.part).items()
        return [(n, {stage.address: one}) for one, n in numbers if fixed is None or one == fixed]
    found: list[tuple[Any, Genome]] = []
    path: list[list[int]] = []  # of each hole on the way: which decision, and how many there are
    while True:
        step = itertools.count()

        def pick(key: str, hole: Hole, step: Iterator[int] = step) -> Any:
            if key in space.fixed:
                return space.fixed[key]
            at = next(step)
            if at == len(path):
                hole.nth(0)  # says so where it cannot be listed
                if hole.count > WAYS:
                    raise _too_many(stage)
                path.append([0, int(hole.count)])
            return hole.nth(path[at][0])

        found.append(fill(stage.part, pick, stage.address))
        if len(found) > WAYS:
            raise _too_many(stage)
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return found
        path[-1][0] += 1


def _too_many(stage: Stage) -> SpaceError:
    where = f"the part at {stage.address}" if stage.address else "the template"
    return SpaceError(
        f"{where} has more than {WAYS:,} ways to fill it, and is no chain of smaller parts: {shown(stage.part, 80)}; write "
        "chain(...) of parts that depend on nothing but what flows in, or search by another strategy"
    )


def met_again(stages: Sequence[Stage]) -> list[set[str]]:
    """For each stage the names of holes that stand behind it."""
    found: list[set[str]] = []
    names: set[str] = set()
    for stage in reversed(stages):
        found.append(set(names))
        names |= {hole.name for hole in holes_in(stage.part) if hole.name is not None}
    return found[::-1]
