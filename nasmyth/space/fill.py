"""The walk over a template: every hole in its order, each decided by `pick(key, hole)`.

A picker that draws makes samples, one that looks up decodes, one that answers from two parents crosses them. Besides,
there is what can be known of a template without deciding: the holes that some genome could reach, and the values that a
number can take.

Parts that fill alike wherever they stand (all their holes are named) are filled once for each way to decide them, and
remembered on the template itself; so a network of many equal cells costs as much as one of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import Cell, Chain, Parallel, Repeat
from nasmyth.kinds import shown
from nasmyth.record import Value, below, is_open
from nasmyth.space.arithmetic import Expression
from nasmyth.space.hole import Genome, Hole, Symbol
from nasmyth.space.holes import Choice, Real

Pick = Callable[[str, Hole], Any]

_REMEMBERED = 4096  # fillings of one part

MOST = 200_000
"""Parts with holes that one walk fills: far more than a network has, and less than a few words can ask for."""


def _too_many() -> SpaceError:
    return SpaceError(f"a template with more than {MOST:,} parts to fill, copies counted; repeat less")


def tied(template: Any) -> bool:
    """Whether all holes in it have names, so that it fills alike wherever it stands."""
    if not isinstance(template, Value):
        return all(map(tied, template)) if isinstance(template, tuple) else True
    known: bool | None = template.__dict__.get("_tied")
    if known is None:
        nameless = isinstance(template, Hole) and template.name is None
        known = template.__dict__["_tied"] = not nameless and all(map(tied, template._values))
    return known


def decisions(template: Value) -> tuple[Hole, ...] | None:
    """The holes that every filling of a tied template decides, in the order of the walk; None if that can vary."""
    if "_decisions" not in template.__dict__:
        template.__dict__["_decisions"] = _decisions(template)
    known: tuple[Hole, ...] | None = template.__dict__["_decisions"]
    return known


def _decisions(part: Any) -> tuple[Hole, ...] | None:
    if not is_open(part):
        return ()
    if isinstance(part, Hole):
        return None if isinstance(part, Real) or any(map(is_open, part.inner())) else (part,)
    if isinstance(part, Repeat):
        return _decisions(part.body) if type(part.count) is int and part.count else None
    if hasattr(part, "refill") and not isinstance(part, (Chain, Parallel, Cell, Expression)):
        return None
    found: dict[Hole, None] = {}
    for item in part if isinstance(part, tuple) else part._values:
        inside = _decisions(item)
        if inside is None:
            return None
        found.update(dict.fromkeys(inside))
    return tuple(found)


def _frozen(decision: Any) -> Any:
    return tuple(decision) if type(decision) is list else decision


class Filling:
    """One walk over a template. `genome` holds the decisions that it made."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.genome: Genome = {}
        self._tied: dict[Any, Any] = {}  # parts that fill alike wherever they stand
        self.filled = 0

    def __call__(self, template: Any, address: str) -> Any:
        if not is_open(template):
            return template
        if isinstance(template, tuple):
            return tuple(self(item, below(address, i)) for i, item in enumerate(template))
        if not tied(template):
            return self._fill(template, address)
        filled = self._tied.get(template)
        if filled is None:
            filled = self._tied[template] = self._fill_tied(template, address)
        return filled

    def _fill_tied(self, template: Any, address: str) -> Any:
        """A part that always makes the same named decisions is filled once for each way to make them, in any walk."""
        named = decisions(template)
        if named is None:
            return self._fill(template, address)
        made = tuple([_frozen(self._decide(hole.name, hole)) for hole in named])
        known: dict[Any, Any] = template.__dict__.setdefault("_filled", {})
        filled = known.get(made)
        if filled is None:
            filled = self._fill(template, address)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[made] = filled
        return filled

    def _decide(self, key: str, hole: Hole) -> Any:
        if key not in self.genome:
            self.genome[key] = self.pick(key, hole)
        return self.genome[key]

    def _fill(self, template: Any, address: str) -> Any:
        self.filled += 1
        if self.filled > MOST:
            raise _too_many()
        if isinstance(template, Hole):
            key = template.name or address
            return template.result(self._decide(key, template), self, key)
        if hasattr(template, "refill"):
            return template.refill(self, address)
        pairs = zip(template.fields, template._values, strict=True)
        return type(template).of(tuple(self(value, below(address, field)) for field, value in pairs))


def fill(template: Any, pick: Pick, address: str = "") -> tuple[Any, Genome]:
    """The template with every hole filled as `pick(key, hole)` decides, and the genome of the decisions made."""
    filling = Filling(pick)
    return filling(template, address), filling.genome


def holes(template: Any, address: str = "", known: dict[str, Hole] | None = None) -> dict[str, Hole]:
    """Every hole that some genome could reach, by its key, in the order of the walk, after those `known` before.

    Raises SpaceError if two holes of one name differ.
    """
    found: dict[str, Hole] = dict(known or {})
    seen: set[Any] = set()
    visited = itertools.count()

    def visit(part: Any, at: str) -> Any:
        if not is_open(part) or part in seen:
            return part
        if next(visited) > MOST:
            raise _too_many()
        if tied(part):
            seen.add(part)
        if isinstance(part, tuple):
            return tuple(visit(item, below(at, i)) for i, item in enumerate(part))
        if isinstance(part, Symbol):
            raise SpaceError(f"{part!r} stands in no rule; symbols are for the alternatives of grammar({{...}})")
        if isinstance(part, Hole):
            if part.name is not None and not (isinstance(part.name, str) and part.name):
                raise SpaceError(f"{shown(part)}: a hole's name is a word, such as name='width'")
            key = part.name or at
            if found.setdefault(key, part) is not part:
                raise SpaceError(
                    f"two holes named {key!r} differ: {found[key]!r} and {part!r}; one name is one decision"
                )
            for i, option in enumerate(part.inner()):
                visit(option, f"{key}:{i}")
        elif isinstance(part, Repeat):  # as often as it can repeat
            visit(part.count, below(at, "count"))
            most = max(part.checked(count) for count, _ in listed(part.count))
            for i in range(min(most, 1) if part.tied else most):
                visit(part.body, below(at, "tied" if part.tied else i))
        elif isinstance(part, Expression):
            visit(part.left, at), visit(part.right, at)
        elif hasattr(part, "refill"):
            part.refill(visit, at)
        else:
            for field, value in zip(part.fields, part._values, strict=True):
                visit(value, below(at, field))
        return part

    visit(template, address)
    return found


def listed(part: Any, decided: Genome | None = None) -> Iterator[tuple[Any, Genome]]:
    """`values`, as long as there are not so many that listing them is no use. Raises SpaceError."""
    for i, one in enumerate(values(part, decided or {})):
        if i > MOST:
            raise SpaceError(
                f"{shown(part)} can take more than {MOST:,} values, and how often something repeats must be listed"
            )
        yield one


def values(part: Any, decided: Genome) -> Iterator[tuple[Any, Genome]]:
    """Every value that a numeric part can take, with the decisions on names that lead to it."""
    if isinstance(part, Expression):
        for left, once in values(part.left, decided):
            for right, twice in values(part.right, once):
                yield part.of_values(left, right), twice
    elif isinstance(part, Hole):
        if isinstance(part, Real):
            part.nth(0)  # says that it cannot be listed
        every = iter([decided[part.name]]) if part.name in decided else map(part.nth, range(int(part.count)))
        for decision in every:
            after = decided if part.name is None else {**decided, part.name: decision}
            yield from values(part.options[part.index(decision)] if isinstance(part, Choice) else decision, after)
    else:
        yield part, decided
