"""A genome of one space as a genome of another: what both decide stays, and what was lost is said.

    project(genome, old, new)       # Projected(genome, (Loss("stem.out", "moved"), Loss("head.width", "new")))

Holes are matched by their addresses or names, options by value: choice(3, 5) and choice(5, 7) share the 5, and an attention
that was option 2 and is option 0 stays an attention, with all that was decided inside it. A template that is not offered as it
was gives way to the one of its class that is new there; a number to the nearest. All else takes the first decision of its
hole, as `Space.changed` has it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from nasmyth.errors import GenomeError
from nasmyth.record import Value
from nasmyth.space.grammar import Grammar
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice, Integer, Real, Subset
from nasmyth.space.space import Space

GONE, NEW, MOVED, REPLACED, ALIKE = "gone", "new", "moved", "replaced", "alike"
MEANING = {
    GONE: "is not decided any more",
    NEW: "was not decided before, takes its first decision",
    MOVED: "takes the nearest number",
    REPLACED: "has not that option any more, takes its first one",
    ALIKE: "takes the option of the same class",
}


class Loss(NamedTuple):
    """What became of a decision: its address or name, and one of the words of MEANING."""

    key: str
    what: str


class Projected(NamedTuple):
    """A genome of the new space, whether it meets the constraints there or not."""

    genome: Genome
    losses: tuple[Loss, ...] = ()


def project(genome: Genome, old: Space, new: Space) -> Projected:
    """The genome of `new` that is nearest to a genome of `old` (see the top of this file)."""
    walk = _Projection(genome, old, new)
    made = new.walk(walk.pick)
    kept = {key for key, decision in new.fixed.items() if genome.get(key) == decision}
    gone = [Loss(key, GONE) for key in genome if key not in walk.used and key not in kept]
    return Projected(made, (*walk.losses, *gone))


class _Projection:
    """A walk over the new space that looks decisions up in the old genome."""

    def __init__(self, genome: Genome, old: Space, new: Space) -> None:
        self.genome, self.old, self.new = genome, old, new
        self.losses: list[Loss] = []
        self.used: set[str] = set()
        self.places: dict[str, str] = {}
        """Where the inside of an option is in the new space: where it was in the old one."""

    def pick(self, key: str, hole: Hole) -> Any:
        before = self._place(key)
        if before not in self.genome or before not in self.old.holes:
            return self._lost(key, hole, NEW)
        self.used.add(before)
        decision, what = self._carried(hole, key, self.old.holes[before], before)
        left = self.new.domains.get(key)
        if what != REPLACED and left is not None and decision not in left:
            decision, what = (_nearest(decision, left), MOVED) if _is_number(decision) else (None, REPLACED)
        if what == REPLACED:
            return self._lost(key, hole, REPLACED)
        if what:
            self.losses.append(Loss(key, what))
        return decision

    def _lost(self, key: str, hole: Hole, what: str) -> Any:
        self.losses.append(Loss(key, what))
        return self.new.domains[key][0] if key in self.new.domains else hole.first()

    def _place(self, key: str) -> str:
        """The key that a hole had: only what lies inside an option may have moved."""
        inside = [new for new in self.places if key.startswith(new) and not key[len(new) : len(new) + 1].isdigit()]
        longest = max(inside, key=len, default="")
        return self.places[longest] + key[len(longest) :] if inside else key

    def _carried(self, hole: Hole, key: str, was: Hole, before: str) -> tuple[Any, str]:
        """The decision of a hole that stands for the old one, and what became of it; empty if nothing did."""
        decision = self.genome[before]
        if isinstance(hole, Subset) and isinstance(was, Subset):
            return self._subset(hole, key, was, before)
        if isinstance(hole, Choice) and isinstance(was, Choice) and not (hole.scalar and was.scalar):
            return self._option(hole.options, key, was.options, was.index(decision), before)
        if isinstance(hole, Choice) and (not isinstance(was, Choice) or was.scalar):
            if decision in hole.options:
                return hole.options[hole.options.index(decision)], ""
            numbers = hole.scalar and hole.numeric and _is_number(decision)
            return (_nearest(decision, hole.options), MOVED) if numbers else (None, REPLACED)
        if isinstance(hole, (Integer, Real)):
            return _in_range(hole, decision) if _is_number(decision) else (None, REPLACED)
        return _as_it_is(hole, key, was, decision)

    def _option(
        self, offered: tuple[Any, ...], key: str, options: tuple[Any, ...], i: int, before: str
    ) -> tuple[Any, str]:
        """The number of an option, by value or by class, and the place that its inside has now."""
        option, what = options[i], ""
        if option in offered:
            j = offered.index(option)
        else:
            alike = [j for j, one in enumerate(offered) if type(one) is type(option) and one not in options]
            if not isinstance(option, Value) or not (i in alike or len(alike) == 1):
                return None, REPLACED
            j, what = i if i in alike else alike[0], ALIKE
        self.places[f"{key}:{j}"] = f"{before}:{i}"
        return j, what

    def _subset(self, hole: Subset, key: str, was: Subset, before: str) -> tuple[Any, str]:
        """Those that are still offered, and the first of the others in the places left."""
        found = [self._option(hole.options, key, was.options, i, before) for i in self.genome[before]]
        kept = list(dict.fromkeys(j for j, what in found if what != REPLACED))[: hole.k]
        others = [j for j in range(len(hole.options)) if j not in kept]
        same = len(kept) == len(found) == hole.k
        what = (ALIKE if any(what for _, what in found) else "") if same else MOVED if kept else REPLACED
        return sorted([*kept, *others[: hole.k - len(kept)]]), what


def _in_range(hole: Integer | Real, decision: Any) -> tuple[Any, str]:
    nearest: float = min(max(decision, hole.lo), hole.hi)
    if isinstance(hole, Integer):
        last = hole.lo + (int(hole.count) - 1) * hole.step
        nearest = min(last, hole.lo + round((nearest - hole.lo) / hole.step) * hole.step)
    else:
        nearest = float(nearest)
    return nearest, "" if nearest == decision else MOVED


def _as_it_is(hole: Hole, key: str, was: Hole, decision: Any) -> tuple[Any, str]:
    """A decision that is no number and no option: of a hole that understands it in the same way."""
    if type(hole) is not type(was) or (
        isinstance(hole, Grammar) and isinstance(was, Grammar) and hole.rules != was.rules
    ):
        return None, REPLACED
    try:
        return hole.validate(decision, key), ""
    except GenomeError:
        return None, REPLACED


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _nearest(value: Any, options: Any) -> Any:
    return min(options, key=lambda one: abs(one - value))
