"""The walk over a template: every hole in its order, each decided by `pick(key, hole)`.

A picker that draws makes samples, one that looks up decodes, one that answers from two parents crosses them. The walk knows
no combinator: it takes what `parts` gives and hands what was filled to `with_parts` (see `graph/combine.py`).

Parts that fill alike wherever they stand (all their holes are named) are filled once for each way to decide them, and
remembered on the template itself; so a network of many equal cells costs as much as one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import is_unsettled, parts_of, with_parts
from nasmyth.record import Value, below, is_open
from nasmyth.space.holes import Genome, Hole, Real

Pick = Callable[[str, Hole], Any]

_REMEMBERED = 4096  # fillings of one part

MOST = 200_000
"""Parts with holes that one walk fills: far more than a network has, and less than a few words can ask for."""


def too_many() -> SpaceError:
    return SpaceError(f"a template with more than {MOST:,} parts to fill, copies counted; repeat less")


def fully_named(template: Any) -> bool:
    """Whether all holes in it have names, so that it fills alike wherever it stands."""
    if not isinstance(template, Value):
        return all(map(fully_named, template)) if isinstance(template, tuple) else True
    known: bool | None = template.__dict__.get("_fully_named")
    if known is None:
        nameless = isinstance(template, Hole) and template.name is None
        known = template.__dict__["_fully_named"] = not nameless and all(map(fully_named, template._values))
    return known


def decisions(template: Value) -> tuple[Hole, ...] | None:
    """The holes that every filling of a fully named template decides, in the order of the walk; None if that can vary."""
    if "_decisions" not in template.__dict__:
        template.__dict__["_decisions"] = _decisions(template)
    known: tuple[Hole, ...] | None = template.__dict__["_decisions"]
    return known


def _decisions(part: Any) -> tuple[Hole, ...] | None:
    if not is_open(part):
        return ()
    if isinstance(part, Hole):
        return None if isinstance(part, Real) or any(map(is_open, part.inner())) else (part,)
    if is_unsettled(part):
        return None
    found: dict[Hole, None] = {}
    for _, item in parts_of(part):
        inside = _decisions(item)
        if inside is None:
            return None
        found.update(dict.fromkeys(inside))
    return tuple(found)


def _frozen(decision: Any) -> Any:
    return tuple(decision) if type(decision) is list else decision


class Substitution:
    """One walk over a template. `genome` holds the decisions that it made."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.genome: Genome = {}
        self._named: dict[Any, Any] = {}  # parts that fill alike wherever they stand
        self.filled = 0

    def __call__(self, template: Any, address: str) -> Any:
        if not is_open(template):
            return template
        if isinstance(template, tuple) or not fully_named(template):
            return self.fill(template, address)
        filled = self._named.get(template)
        if filled is None:
            filled = self._named[template] = self.fill_named(template, address)
        return filled

    def fill_named(self, template: Any, address: str) -> Any:
        """A part that always makes the same named decisions is filled once for each way to make them, in any walk."""
        named = decisions(template)
        if named is None:
            return self.fill(template, address)
        made = tuple([_frozen(self.decide(hole.name, hole)) for hole in named])
        known: dict[Any, Any] = template.__dict__.setdefault("_filled", {})
        filled = known.get(made)
        if filled is None:
            filled = self.fill(template, address)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[made] = filled
        return filled

    def decide(self, key: str, hole: Hole) -> Any:
        """The decision of a hole; holes of one name are decided once."""
        if key not in self.genome:
            self.genome[key] = self.pick(key, hole)
        return self.genome[key]

    def fill(self, template: Any, address: str) -> Any:
        """A part with holes, with all of them decided."""
        self.filled += 1
        if self.filled > MOST:
            raise too_many()
        if isinstance(template, Hole):
            key = template.name or address
            return self.fill_hole(template, self.decide(key, template), key)
        parts = [self(part, below(address, name)) if is_open(part) else part for name, part in parts_of(template)]
        made = with_parts(template, parts)
        return self(made, address) if is_unsettled(template) else made

    def fill_hole(self, hole: Hole, decision: Any, key: str) -> Any:
        """What stands in a hole's place."""
        return hole.result(decision, self, key)


def fill(template: Any, pick: Pick, address: str = "") -> tuple[Any, Genome]:
    """The template with every hole filled as `pick(key, hole)` decides, and the genome of the decisions made."""
    substitution = Substitution(pick)
    return substitution(template, address), substitution.genome
