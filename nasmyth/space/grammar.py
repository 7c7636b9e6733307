"""A grammar is a hole that recursive rules fill: what it may become has no fixed form, only bounds.

    block = symbol("block")
    body = grammar(
        {"block": [chain(block, block), residual(block), Conv(16), BatchNorm(), Activation()]},
        input=(16, 32, 32),
        depth=6,
        size=20,
        params=50e3,
    )
    Space(chain(Conv(16), body, Mean("h w"), Linear(10)), input=(3, 32, 32))

Every derivation fits: shapes that flow in and out are followed, and an alternative is offered only where it can still be
finished within what is left of every bound (`draws.py`). None is made and thrown away.

A decision is a derivation, written as the number of the alternative of every symbol in the order in which they are derived,
leftmost first: `[0, 2, 1, 4]` is chain(Conv(16), residual(Activation())) above. Mutation derives one symbol anew, and
leaves all else as it is; crossover puts what a symbol has become in one parent in the place of an equal symbol in the
other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from random import Random
from typing import Any

from nasmyth.errors import GenomeError, SpaceError, nearest
from nasmyth.graph.signature import Shape
from nasmyth.kinds import shown
from nasmyth.record import Value
from nasmyth.space.arithmetic import Fill
from nasmyth.space.derivation_counts import TooMany
from nasmyth.space.draws import Slack
from nasmyth.space.hole import Hole, Symbol
from nasmyth.space.language import Decision, Language, by_weight, written
from nasmyth.space.rules import Production, productions
from nasmyth.space.unmet_bounds import nothing_fits

_COSTS = ("size", "params", "macs")
_DEEPEST = 100  # what is derived is walked by functions that call themselves
_WORDS = 256  # numbers of an encoding that follow the derivation; a longer one is told by its counts alone


class Grammar(Hole):
    """One derivation of a start symbol. Made by `grammar`."""

    rules: tuple[tuple[str, tuple[tuple[Any, float], ...]], ...]
    start: str
    depth: Any
    size: Any = None
    params: Any = None
    macs: Any = None
    numbers: Any = None
    lengths: tuple[tuple[str, tuple[tuple[int, ...], ...]], ...] | None = None
    input: tuple[int, ...] | None = None
    output: tuple[int, ...] | None = None
    name: Any = None

    def check(self) -> None:
        given = {field: getattr(self, field) for field in ("depth", *_COSTS, "numbers")}
        wrong = [f for f, value in given.items() if value is not None and (type(value) is not int or value < 1)]
        if wrong:
            raise SpaceError(f"grammar({wrong[0]}={shown(given[wrong[0]])}): a bound is a whole number of at least 1")
        if self.depth > _DEEPEST:
            raise SpaceError(
                f"grammar(depth={shown(self.depth)}): at most {_DEEPEST} rules within each other are followed"
            )
        shaped = [f for f in ("params", "macs", "numbers", "lengths", "output") if getattr(self, f) is not None]
        if shaped and self.input is None:
            raise SpaceError(
                f"grammar({shaped[0]}=...): needs the shape that flows into the grammar, such as input=(16, 32, 32)"
            )
        if not self.language.root.costs:
            raise nothing_fits(self.language)

    @cached_property
    def language(self) -> Language:
        """What can be derived."""
        return Language(
            productions(self.rules, self.start),
            self.start,
            self.depth,
            {thing: getattr(self, thing) for thing in _COSTS if getattr(self, thing) is not None},
            self.numbers,
            {name: tuple(map(frozenset, axes)) for name, axes in self.lengths or ()},
            None if self.input is None else tuple(self.input),
            None if self.output is None else tuple(self.output),
        )

    @property
    def productions(self) -> dict[str, tuple[Production, ...]]:
        """The alternatives of every symbol."""
        return self.language.rules

    # --- as a hole ------------------------------------------------------------------------------------------------

    @property
    def numeric(self) -> bool:
        return False

    @cached_property
    def count(self) -> int | float:
        """Exact; infinite where there are too many derivations for counting, or `params` and `macs` tell too many apart."""
        try:
            return sum(n for *_, n in self.language.classes())
        except TooMany:
            return math.inf

    @property
    def quickly_counted(self) -> bool:
        return False

    @cached_property
    def free(self) -> bool:
        return next(self.neighbours(self.first()), None) is not None or self.count > 1  # counting all takes longer

    def nth(self, i: int) -> Decision:
        if self.count == math.inf:
            raise SpaceError(
                "these derivations cannot be numbered: they are too many, or their costs differ too much; give a smaller "
                "depth= or size=, or leave out params= and macs=, and narrow the space instead"
            )
        return written(self.language.nth(i))

    def first(self) -> Decision:
        """A derivation that ends as soon as can be."""
        return written(self.language.drawn(self.language.derivations.shallow))

    def sample(self, rng: Random) -> Decision:
        """A derivation drawn by the weights of the alternatives, among those that can be finished."""
        return written(self.language.drawn(by_weight(rng)))

    def validate(self, decision: Any, key: str) -> Decision:
        if not isinstance(decision, (list, tuple)) or not all(type(i) is int for i in decision):
            raise GenomeError(f"{key}: {shown(decision)} is no derivation, a list of numbers of alternatives")
        rest = iter(enumerate(decision))

        def choose(offered: list[Production], weights: list[float], slack: Slack, state: Any) -> Production:
            at, i = next(rest, (len(decision), -1))
            for one in offered:
                if one.number == i:
                    return one
            if at == len(decision):
                raise GenomeError(f"{key}: the derivation {shown(decision)} ends before {state[0]!r} is derived")
            known = 0 <= i < len(self.productions[state[0]])
            why = "does not fit here or cannot be finished within the bounds" if known else "is not among them"
            raise GenomeError(
                f"{key}: number {at} of the derivation is {shown(i)}, an alternative of {state[0]!r} that {why}; "
                f"offered are {[one.number for one in offered]}"
            )

        self.language.drawn(choose)
        if next(rest, None) is not None:
            raise GenomeError(f"{key}: the derivation {shown(decision)} goes on after everything is derived")
        return list(decision)

    def result(self, decision: Any, fill: Fill, key: str) -> Any:
        return self.language.built(self.language.read(decision), self.start, fill, key)

    # --- moves ----------------------------------------------------------------------------------------------------

    def neighbours(self, decision: Any) -> Iterator[Decision]:
        """Every derivation with another alternative in one place, what it needs derived as shortly as can be."""
        return map(written, self.language.neighbours(self.language.read(decision)))

    def mutate(self, decision: Any, rng: Random) -> Decision | None:
        """One symbol derived anew, with another alternative; None if none of them has another."""
        found = self.language.mutant(self.language.read(decision), rng)
        return None if found is None else written(found)

    def crossover(self, parents: list[Any], rng: Random) -> Decision:
        """A derivation with a part of another in the place of an equal symbol; one of them as it is if nothing fits."""
        a, b = rng.sample(parents, 2) if len(parents) == 2 else (parents[0], parents[0])
        found = self.language.child(self.language.read(a), self.language.read(b), rng)
        return list(rng.choice([a, b])) if found is None else written(found)

    def inherits(self, decision: Any, parents: list[Any]) -> bool:
        """Whether every alternative in a derivation stands in one of its parents, for the same symbol."""
        mine, *theirs = (set(self._used(one)) for one in (decision, *parents))
        return mine <= set().union(*theirs)

    # --- as numbers -----------------------------------------------------------------------------------------------

    def encode(self, decision: Any) -> list[float]:
        """How often each alternative is used; then the derivation itself, number by number, scaled to 0..1."""
        numbers = {(one.symbol, one.number): 0.0 for every in self.productions.values() for one in every}
        words = [0.0] * self._longest
        if decision is not None:
            for i, used in enumerate(self._used(decision)):
                numbers[used] += 1
                if i < len(words):
                    words[i] = (used[1] + 1) / len(self.productions[used[0]])
        return [*numbers.values(), *words]

    @cached_property
    def _longest(self) -> int:
        return self.language.longest(_WORDS)

    def _used(self, decision: Any) -> Iterator[tuple[str, int]]:
        return self.language.used(self.language.read(decision), self.start)


# --- what users write -------------------------------------------------------------------------------------------------


def symbol(rule: str, name: str | None = None, *, keep: bool = False) -> Any:
    """Stands in a rule for what the rule of that name derives.

    name: symbols of one name in one alternative derive alike. keep: only what gives the shape that it takes.
    """
    return Symbol(rule, name, keep)


def grammar(
    rules: Mapping[str, Any],
    start: str | None = None,
    *,
    depth: int,
    size: int | None = None,
    params: float | None = None,
    macs: float | None = None,
    numbers: float | None = None,
    lengths: Mapping[str, Any] | None = None,
    input: Shape | None = None,
    output: Shape | None = None,
    name: str | None = None,
) -> Any:
    """What recursive rules derive from `start` (the first rule, if not given).

    rules: for each symbol its alternatives: a list of templates in which `symbol("name")` stands for what is still to be
        derived, or a dict from templates to weights. The more weight, the more often it is drawn.
    depth: at most so many rules within each other. size: at most so many layers (a block is one, an identity none).
    params, macs: what a derivation may cost at most. numbers: the most in one tensor.
    lengths: for some symbols the lengths that each axis of what they give may have: {"rows": [(16, 64), (32, 48)]}. Few of
        them keep tables small, and are needed where shapes could grow without end.
    input, output: the shape that flows in, and the one that must come out. Without `input` shapes are not followed: for
        rules whose parts take any shape and keep it.
    Raises SpaceError for rules that never end or are never used, and for bounds that nothing meets.
    """
    if not isinstance(rules, Mapping) or not rules:
        raise SpaceError(f"grammar({rules!r:.80}): rules are a dict from symbols to lists of alternatives")
    listed = tuple((str(name), tuple(_weighted(name, every))) for name, every in rules.items())
    whole = {"params": params, "macs": macs, "numbers": numbers}
    bounds = {thing: int(most) if most is not None else None for thing, most in whole.items()}
    allowed = None
    if lengths is not None:
        unknown = [symbol for symbol in lengths if symbol not in rules]
        if unknown:
            raise SpaceError(f"grammar(lengths=...): there is no rule {unknown[0]!r}{nearest(unknown[0], rules)}")
        allowed = tuple((symbol, tuple(tuple(sorted(set(axis))) for axis in axes)) for symbol, axes in lengths.items())
    first = listed[0][0] if start is None else start
    return Grammar(listed, first, depth, size, lengths=allowed, input=input, output=output, name=name, **bounds)


def _weighted(name: str, every: Any) -> Iterator[tuple[Any, float]]:
    if isinstance(every, Mapping):
        return iter(every.items())
    if isinstance(every, Value):
        every = (every,)
    if not isinstance(every, (list, tuple)):
        raise SpaceError(
            f"grammar(): the rule {name!r} is a list of alternatives, or a dict from them to weights, not {every!r:.80}"
        )
    return iter([(template, 1.0) for template in every])
