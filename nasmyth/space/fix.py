"""Some decisions made for good: what is left is a smaller space, whose genomes are genomes of the whole one.

Addresses, names and encodings stay those of the whole space: what is fixed is decided in every genome, the same way. So
a predictor that was fitted on the whole space reads genomes of the smaller one, and a genome found there is at home in both.

What remains is also a template by itself (`remaining`): each fixed hole is replaced by one that has a single option.
That is what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nasmyth.errors import GenomeError
from nasmyth.graph.combine import Composite, Parts, is_unsettled, parts_of, with_parts
from nasmyth.kinds import shown
from nasmyth.record import Value, below, is_open
from nasmyth.space.decisions import Decisions
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice, Subset
from nasmyth.space.parts import fully_named
from nasmyth.space.reach import largest


def fix(decisions: Decisions, partial: Any) -> Decisions:
    """The same with these decisions made for good. Raises GenomeError for what cannot be decided, or not any more."""
    if not isinstance(partial, Mapping):
        raise GenomeError(f"fix({shown(partial)}): give a dict from addresses or names of holes to decisions")
    made = {str(key): decisions.hole(key).validate(decision, key) for key, decision in partial.items()}
    for key, decision in made.items():
        if key in decisions.fixed and decision != decisions.fixed[key]:
            raise GenomeError(f"{key}: {shown(decision)}, but this space has fixed it to {shown(decisions.fixed[key])}")
    fixed = {**decisions.fixed, **made}
    _, met = remaining(decisions.template, decisions.recipe, fixed)
    lost = [key for key in fixed if key not in met]
    if lost:
        raise GenomeError(
            f"fix(): {lost[0]!r} is decided, which no genome with the other decisions can have; leave it out"
        )
    return decisions.with_fixed(fixed)


def remaining(template: Any, recipe: Any, fixed: Genome) -> tuple[Any, frozenset[str]]:
    """Template and recipe with single options in the place of what is fixed, and every decision that they can still lead to."""
    restrict = _Restriction(fixed)
    return (restrict(template, ""), restrict(recipe, "recipe")), frozenset(restrict.met)


class _Options(Choice, abstract=True):
    """A choice for counting: once some of their decisions are fixed, two of its options may be equal, and still are two."""

    def check(self) -> None:
        pass


class _Unsettled(Composite, abstract=True):
    """A part whose numbers are open, such as a count of copies, for counting: once they are told, so is what it consists of."""

    whole: Value
    numbers: tuple[Any, ...]
    address: str
    fixed: tuple[tuple[str, Any], ...]

    @property
    def unsettled(self) -> bool:
        return True

    def parts(self) -> Parts:
        return tuple(enumerate(self.numbers))

    def with_parts(self, parts: Sequence[Any]) -> Any:
        return _Restriction(dict(self.fixed))(with_parts(self.whole, parts), self.address)


class _Restriction:
    """One walk over a template, which puts single options in the place of what is fixed."""

    def __init__(self, fixed: Genome) -> None:
        self.fixed = fixed
        self.met: set[str] = set()
        self._known: dict[Any, Any] = {}  # parts that are restricted alike wherever they stand

    def __call__(self, part: Any, at: str) -> Any:
        if not is_open(part):
            return part
        if not fully_named(part):
            return self.put(part, at)
        if part not in self._known:
            self._known[part] = self.put(part, at)
        return self._known[part]

    def put(self, part: Any, at: str) -> Any:
        if isinstance(part, Hole):
            return self.hole(part, part.name or at)
        parts = [self(inner, below(at, name)) for name, inner in parts_of(part)]
        if is_unsettled(part):
            made = _Unsettled(part, tuple(parts), at, tuple(self.fixed.items()))
            self(largest(with_parts(part, parts)), at)  # as far as it can go, to see what is met there
            return made
        return with_parts(part, parts)

    def hole(self, hole: Hole, key: str) -> Hole:
        self.met.add(key)
        decided = [self.fixed[key]] if key in self.fixed else None
        if isinstance(hole, Subset):
            numbers = range(len(hole.options)) if decided is None else decided[0]
            return Subset(hole.k, tuple([self(hole.options[i], f"{key}:{i}") for i in numbers]), hole.name)
        if isinstance(hole, Choice) and not hole.scalar:
            numbers = range(len(hole.options)) if decided is None else decided
            return _Options(tuple([self(hole.options[i], f"{key}:{i}") for i in numbers]), hole.name)
        if decided is None:
            return hole
        scalar = isinstance(decided[0], (int, float, str))
        return _Options((decided[0] if scalar else 0,), hole.name)
