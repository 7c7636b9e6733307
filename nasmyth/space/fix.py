"""Some decisions made for good: what is left is a smaller space, whose genomes are genomes of the whole one.

Addresses, names and encodings stay those of the whole space: what is fixed is decided in every genome, the same way. So
a predictor that was fitted on the whole space reads genomes of the smaller one, and a genome found there is at home in both.

What remains is also a template by itself (`remaining`): each fixed hole is replaced by one that has a single option.
That is what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasmyth.errors import GenomeError
from nasmyth.graph.combine import Chain, Repeat
from nasmyth.kinds import shown
from nasmyth.record import below, is_open
from nasmyth.space.arithmetic import Expression
from nasmyth.space.count import Copies
from nasmyth.space.decisions import Decisions
from nasmyth.space.fill import listed, tied
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice, Subset


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


class _Restriction:
    """One walk over a template, which puts single options in the place of what is fixed."""

    def __init__(self, fixed: Genome) -> None:
        self.fixed = fixed
        self.met: set[str] = set()
        self._known: dict[Any, Any] = {}  # parts that are restricted alike wherever they stand

    def __call__(self, part: Any, at: str) -> Any:
        if not is_open(part):
            return part
        if not tied(part):
            return self.put(part, at)
        if part not in self._known:
            self._known[part] = self.put(part, at)
        return self._known[part]

    def put(self, part: Any, at: str) -> Any:
        if isinstance(part, tuple):
            return tuple([self(item, below(at, i)) for i, item in enumerate(part)])
        if isinstance(part, Hole):
            return self.hole(part, part.name or at)
        if isinstance(part, Repeat):
            return self.repeat(part, at)
        if hasattr(part, "refill") and not isinstance(part, Expression):
            return part.refill(self, at)
        pairs = zip(part.fields, part._values, strict=True)
        return type(part).of(tuple([self(value, below(at, field)) for field, value in pairs]))

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

    def repeat(self, part: Repeat, at: str) -> Any:
        """Copies may differ in what is fixed in them; where their number is open, as many as there can be are looked at."""
        count = self(part.count, below(at, "count"))
        most = max(part.checked(n) for n, _ in listed(count))
        if part.tied:
            return Repeat(self(part.body, below(at, "tied")) if most else part.body, count, True)
        copies = tuple([self(part.body, below(at, i)) for i in range(most)])
        if len(set(copies)) <= 1:
            return Repeat(copies[0] if copies else part.body, count)
        return Copies(copies, count) if is_open(count) else Chain(copies)
