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
finished within what is left of every bound (`derive.py`). None is made and thrown away.

A decision is a derivation, written as the number of the alternative of every symbol in the order in which they are derived,
leftmost first: `[0, 2, 1, 4]` is chain(Conv(16), residual(Activation())) above. Mutation derives one symbol anew, and
leaves all else as it is; crossover puts what a symbol has become in one parent in the place of an equal symbol in the
other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from nasmyth.errors import GenomeError, SpaceError, nearest
from nasmyth.graph.signature import Shape
from nasmyth.kinds import shown
from nasmyth.record import Value
from nasmyth.space.arithmetic import Fill
from nasmyth.space.derive import Derivations, Place, Room, put
from nasmyth.space.holes import Hole, Symbol
from nasmyth.space.rules import Production, productions
from nasmyth.space.tables import Bounds
from nasmyth.space.ways import TooMany, Tree

_COSTS = ("size", "params", "macs")
_DEEPER = 12  # levels more than allowed that are tried, to say what would be enough
_DEEPEST = 100  # what is derived is walked by functions that call themselves
_WORDS = 256  # numbers of an encoding that follow the derivation; a longer one is told by its counts alone

Decision = list[int]


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
        if not self.root.costs:
            raise self._nothing_fits()

    # --- what it can derive ---------------------------------------------------------------------------------------

    @property
    def productions(self) -> dict[str, tuple[Production, ...]]:
        """The alternatives of every symbol."""
        if "_productions" not in self.__dict__:
            self.__dict__["_productions"] = productions(self.rules, self.start)
        found: dict[str, tuple[Production, ...]] = self.__dict__["_productions"]
        return found

    @property
    def derivations(self) -> Derivations:
        """Tables of what can be derived."""
        if "_derivations" not in self.__dict__:
            self.__dict__["_derivations"] = self._within(_COSTS)
        found: Derivations = self.__dict__["_derivations"]
        return found

    def _within(self, things: tuple[str, ...]) -> Derivations:
        kept = tuple(thing for thing in things if getattr(self, thing) is not None)
        bounds = Bounds(kept, tuple(getattr(self, thing) for thing in kept), self.numbers, self._lengths)
        return Derivations(self.productions, bounds, self.input is not None)

    @property
    def _lengths(self) -> dict[str, tuple[frozenset[int], ...]]:
        return {name: tuple(map(frozenset, axes)) for name, axes in self.lengths or ()}

    @property
    def root(self) -> Room:
        """The room for the start symbol."""
        if "_start_room" not in self.__dict__:
            self.__dict__["_start_room"] = self._root(self.derivations, self.depth)
        found: Room = self.__dict__["_start_room"]
        return found

    def _root(self, derivations: Derivations, depth: int) -> Room:
        outs = derivations.least(self.start, self._shape, depth)
        wanted = [out for out in outs if self.output is None or out == tuple(self.output)]
        return derivations.room({out: [derivations.most] for out in wanted})

    @property
    def _shape(self) -> Shape:
        return () if self.input is None else tuple(self.input)

    # --- as a hole ------------------------------------------------------------------------------------------------

    @property
    def numeric(self) -> bool:
        return False

    @property
    def count(self) -> int | float:
        """Exact; infinite where `params` or `macs` tell too many derivations apart for counting."""
        if "_count" not in self.__dict__:
            try:
                self.__dict__["_count"] = sum(n for *_, n in self._classes())
            except TooMany:
                self.__dict__["_count"] = math.inf
        found: int | float = self.__dict__["_count"]
        return found

    @property
    def free(self) -> bool:
        if "_free" not in self.__dict__:  # counting them all takes longer
            self.__dict__["_free"] = next(self.near(self.first()), None) is not None or self.count > 1
        found: bool = self.__dict__["_free"]
        return found

    def _classes(self) -> Iterator[tuple[Shape, int, int, int]]:
        derive = self.derivations
        ways = derive.ways(self.start, self._shape, self.depth)
        for out in self.root.costs:
            for size, cost, n in derive.classes(ways[out]):
                yield out, size, cost, n

    def nth(self, i: int) -> Decision:
        if self.count == math.inf:
            raise SpaceError(
                "these derivations cannot be numbered, since their costs differ too much; leave out params= and macs=, and "
                "narrow the space instead"
            )
        for out, size, cost, n in self._classes():
            if i < n:
                return _written(self.derivations.nth(self.start, self._shape, self.depth, out, size, cost, i))
            i -= n
        raise IndexError(f"this grammar has {self.count} derivations")

    def first(self) -> Decision:
        """A derivation that ends as soon as can be."""
        return _written(self._drawn(self.derivations.shallow))

    def sample(self, rng: Random) -> Decision:
        """A derivation drawn by the weights of the alternatives, among those that can be finished."""
        return _written(self._drawn(lambda offered, weights, *_: rng.choices(offered, cum_weights=weights)[0]))

    def _drawn(self, choose: Any) -> Tree:
        return self.derivations.draw(self.start, self._shape, self.depth, self.root, choose)[0]

    def checked(self, decision: Any, key: str) -> Decision:
        if not isinstance(decision, (list, tuple)) or not all(type(i) is int for i in decision):
            raise GenomeError(f"{key}: {shown(decision)} is no derivation, a list of numbers of alternatives")
        rest = iter(enumerate(decision))

        def choose(offered: list[Production], weights: list[float], room: Room, state: Any) -> Production:
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

        self._drawn(choose)
        if next(rest, None) is not None:
            raise GenomeError(f"{key}: the derivation {shown(decision)} goes on after everything is derived")
        return list(decision)

    def result(self, decision: Any, fill: Fill, key: str) -> Any:
        return self._built(self._read(decision), self.start, fill, key)

    def _built(self, tree: Tree, symbol: str, fill: Fill, key: str) -> Any:
        """What a symbol has become; what it derives has addresses as if it was a hole with options, and so have its leaves."""
        one, at = self.productions[symbol][tree[0]], f"{key}:{tree[0]}"
        leaves = enumerate(zip(tree[1:], one.leaves, strict=True))
        return fill(one.filled([self._built(child, leaf, fill, f"{at}[{i}]") for i, (child, leaf) in leaves]), at)

    def _read(self, decision: Any) -> Tree:
        rest = iter(decision)

        def read(symbol: str) -> Tree:
            i = next(rest)
            return (i, *[read(leaf) for leaf in self.productions[symbol][i].leaves])

        return read(self.start)

    # --- moves ----------------------------------------------------------------------------------------------------

    def _whole(self, decision: Any) -> Place:
        return Place((), self._read(decision), self.start, self._shape, self.depth)

    def _places(self, whole: Place) -> list[Place]:
        return list(self.derivations.places(whole.tree, whole.symbol, whole.shape, whole.depth))

    def near(self, decision: Any) -> Iterator[Decision]:
        """Every derivation with another alternative in one place, what it needs derived as shortly as can be."""
        whole, derive = self._whole(decision), self.derivations
        for place in self._places(whole):
            room = derive.room_at(place, whole, self.root.costs)
            for one in derive.offered(place.symbol, place.shape, place.depth, room)[0]:
                if one.number != place.tree[0]:
                    tree = derive.draw_with(one, place.shape, place.depth, room, derive.shallow)[0]
                    yield _written(put(whole.tree, place.at, tree))

    def regrown(self, decision: Any, rng: Random) -> Decision | None:
        """One symbol derived anew, with another alternative; None if none of them has another."""
        whole, derive = self._whole(decision), self.derivations
        places = self._places(whole)
        for place in rng.sample(places, len(places)):
            room = derive.room_at(place, whole, self.root.costs)
            offered = derive.offered(place.symbol, place.shape, place.depth, room)[0]
            others = [one for one in offered if one.number != place.tree[0]]
            if others:
                (one,) = rng.choices(others, [one.weight for one in others])
                tree = derive.draw_with(
                    one, place.shape, place.depth, room, lambda o, weights, *_: rng.choices(o, cum_weights=weights)[0]
                )[0]
                return _written(put(whole.tree, place.at, tree))
        return None

    def crossed(self, parents: list[Any], rng: Random) -> Decision:
        """A derivation with a part of another in the place of an equal symbol; one of them as it is if nothing fits."""
        a, b = rng.sample(parents, 2) if len(parents) == 2 else (parents[0], parents[0])
        whole, derive = self._whole(a), self.derivations
        places, others = self._places(whole), self._places(self._whole(b))
        for place in rng.sample(places[1:], len(places) - 1):
            parts = [o.tree for o in others[1:] if o.symbol == place.symbol and o.tree != place.tree]
            room = derive.room_at(place, whole, self.root.costs) if parts else None
            for tree in rng.sample(parts, len(parts)):
                assert room is not None
                found = derive.follow(tree, place.symbol, place.shape, place.depth)
                if found and any(derive.fits(found[1], most) for most in room.costs.get(found[0], ())):
                    return _written(put(whole.tree, place.at, tree))
        return list(rng.choice([a, b]))

    def inherits(self, decision: Any, parents: list[Any]) -> bool:
        """Whether every alternative in a derivation stands in one of its parents, for the same symbol."""
        mine, *theirs = (set(self._used(self._read(one), self.start)) for one in (decision, *parents))
        return mine <= set().union(*theirs)

    def _used(self, tree: Tree, symbol: str) -> Iterator[tuple[str, int]]:
        yield symbol, tree[0]
        for child, leaf in zip(tree[1:], self.productions[symbol][tree[0]].leaves, strict=True):
            yield from self._used(child, leaf)

    # --- as numbers -----------------------------------------------------------------------------------------------

    def encode(self, decision: Any) -> list[float]:
        """How often each alternative is used; then the derivation itself, number by number, scaled to 0..1."""
        numbers = {(one.symbol, one.number): 0.0 for every in self.productions.values() for one in every}
        words = [0.0] * self._longest
        if decision is not None:
            for i, used in enumerate(self._used(self._read(decision), self.start)):
                numbers[used] += 1
                if i < len(words):
                    words[i] = (used[1] + 1) / len(self.productions[used[0]])
        return [*numbers.values(), *words]

    @property
    def _longest(self) -> int:
        """How many alternatives a derivation can have at most."""
        if "_words" not in self.__dict__:
            longest = dict.fromkeys(self.productions, 0)
            for _ in range(self.depth):
                longest = {
                    name: min(_WORDS, max(1 + sum(longest[leaf] for leaf in one.leaves) for one in every))
                    for name, every in self.productions.items()
                }
            self.__dict__["_words"] = longest[self.start]
        found: int = self.__dict__["_words"]
        return found

    # --- what is wrong --------------------------------------------------------------------------------------------

    def _nothing_fits(self) -> SpaceError:
        for depth in range(self.depth + 1, self.depth + _DEEPER):
            if self._root(self.derivations, depth).costs:
                return SpaceError(
                    f"grammar(depth={self.depth}): too small for any derivation; the least is depth={depth}"
                )
        for thing in _COSTS:
            others = tuple(other for other in _COSTS if other != thing)
            if getattr(self, thing) is not None and self._root(self._within(others), self.depth).costs:
                return SpaceError(
                    f"grammar({thing}={getattr(self, thing)}): too small for any derivation"
                    f"; the least is {thing}={self._least(thing, others)}"
                )
        free = self._within(())
        if self._root(free, self.depth).costs:
            return SpaceError("grammar(): no derivation meets all bounds together; raise one of them")
        flows = f" that takes {self._shape}" + (f" and gives {tuple(self.output)}" if self.output else "")
        return SpaceError(
            f"grammar(): {self.start!r} has no derivation{flows} with depth={self.depth}; give it an alternative "
            f"whose shapes fit"
        )

    def _least(self, thing: str, others: tuple[str, ...]) -> int:
        """The least that a derivation within the other bounds can cost."""
        kept = tuple(other for other in others if getattr(self, other) is not None)
        most = (2**62, *(getattr(self, other) for other in kept))
        derive = Derivations(
            self.productions, Bounds((thing, *kept), most, self.numbers, self._lengths), self.input is not None
        )
        outs = self._root(derive, self.depth).costs
        table = derive.least(self.start, self._shape, self.depth)
        return min(derive.unpack(cost)[0] for out in outs for cost in table[out])


def _written(tree: Tree) -> Decision:
    """A derivation as numbers, leftmost first."""
    return [tree[0], *[i for child in tree[1:] for i in _written(child)]]


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
