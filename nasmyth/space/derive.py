"""Derivations drawn from the top so that they fit, and what can be told of one that is given.

What flows down is the *room* of a symbol: for each shape that may come out of it, how much it may cost so that all that is
still open can be finished with the least that it takes. An alternative whose least cost finds no room is not offered; so
whatever is drawn fits, and nothing is drawn twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from nasmyth.graph.signature import Shape
from nasmyth.space.holes import Symbol
from nasmyth.space.rules import Production
from nasmyth.space.tables import Bounds, Cost, Front, State
from nasmyth.space.ways import Tree, Ways

_REMEMBERED = 200_000  # rooms, and answers about them


class Room:
    """For each shape that may come out, the costs that there is room for. Equal rooms are one object."""

    __slots__ = ("costs",)

    def __init__(self, costs: dict[Shape, Front]) -> None:
        self.costs = costs


class Derivations(Ways):
    """All that can be known of a grammar's derivations."""

    def __init__(self, rules: dict[str, tuple[Production, ...]], bounds: Bounds, shaped: bool) -> None:
        super().__init__(rules, bounds, shaped)
        self._rooms: dict[Any, Room] = {}
        self._known: dict[Any, Any] = {}
        self._starts: dict[Any, list[Any]] = {}
        self._ceilings = [dict.fromkeys(rules, 0)]

    # --- drawing --------------------------------------------------------------------------------------------------

    def room(self, costs: dict[Shape, list[Cost]]) -> Room:
        """The room for any of these costs."""
        kept = {out: self._most_among(every) for out, every in costs.items() if every}
        token = tuple(kept.items())
        found = self._rooms.get(token)
        if found is None:
            if len(self._rooms) > _REMEMBERED:
                self._rooms.clear()
                self._known.clear()
            found = self._rooms[token] = Room(kept)
        return found

    def ceiling(self, symbol: str, depth: int) -> int | None:
        """The most layers that a symbol can have, whether shapes fit or not; None where other things are bounded, too."""
        if self.bounds.things != ("size",):
            return None
        known = self._ceilings
        while len(known) <= depth:
            before = known[-1]
            known.append({name: max(self._largest(one, before) for one in every) for name, every in self.rules.items()})
        return known[depth][symbol]

    def _largest(self, one: Production, before: dict[str, int]) -> int:
        leaves = [(step.copies, step.part) for step in one.steps if isinstance(step.part, Symbol)]
        return min(self._layers(one) + sum(copies * before[part.rule] for copies, part in leaves), self.most)

    def offered(self, symbol: str, shape: Shape, depth: int, room: Room) -> tuple[list[Production], list[float]]:
        """The productions that can be finished within the room, and their weights added up."""
        key = (symbol, shape, depth, room)
        found: tuple[list[Production], list[float]] | None = self._known.get(key)
        if found is None:
            fits = [one for one, table in self._tables(symbol, shape, depth) if self._finds_room(table, room)]
            found = self._known[key] = fits, list(itertools.accumulate(one.weight for one in fits))
        return found

    def _tables(self, symbol: str, shape: Shape, depth: int) -> list[tuple[Production, dict[Shape, Front]]]:
        """Every production that can be derived here, with what it takes at least."""
        key = (symbol, shape, depth)
        found = self._starts.get(key)
        if found is None:
            every = [(one, self.least_of(one, 0, (shape,), depth)) for one in self.rules[symbol]] if depth > 0 else []
            found = self._starts[key] = [(one, table) for one, table in every if table]
        return found

    def _finds_room(self, table: dict[Shape, Front], room: Room) -> bool:
        spare = self.spare
        for out, front in table.items():
            for most in room.costs.get(out, ()):
                for cost in front:
                    if ((most | spare) - cost) & spare == spare:
                        return True
        return False

    def draw(
        self, symbol: str, shape: Shape, depth: int, room: Room, choose: Callable[..., Production]
    ) -> tuple[Tree, Shape, Cost]:
        """A derivation that finds room: with `choose(offered, weights, room, state)` at each symbol."""
        offered, weights = self.offered(symbol, shape, depth, room)
        one = choose(offered, weights, room, (symbol, shape, depth))
        return self.draw_with(one, shape, depth, room, choose)

    def draw_with(
        self, one: Production, shape: Shape, depth: int, room: Room, choose: Callable[..., Production]
    ) -> tuple[Tree, Shape, Cost]:
        """The same, with the first production decided."""
        state: State = (shape,)
        total, tree = 0, [one.number]
        for i, step in enumerate(one.steps):
            if isinstance(step.part, Symbol):
                inner = self._inner(one, i, state, depth, room)
                child, given, cost = self.draw(step.part.rule, state[one.reads[i][0]], depth - 1, inner, choose)
                tree.append(child)  # type: ignore[arg-type]
                state = self.after(one, i, state, given)
                cost *= step.copies
            else:
                done = self.step(one, i, state)
                assert done is not None
                state, cost = done
            if cost:
                total += cost
                room = self._spent(room, cost)
        return tuple(tree), state[0], total

    def _inner(self, one: Production, i: int, state: State, depth: int, room: Room) -> Room:
        """The room for the leaf at step i: what is left once all after it has taken its least."""
        key = (one, i, state, depth, room)
        found: Room | None = self._known.get(key)
        if found is None:
            copies, spare = one.steps[i].copies, self.spare
            # more than can be filled is no more: fewer rooms differ
            cap = self.ceiling(one.steps[i].part.rule, depth - 1)
            costs: dict[Shape, list[Cost]] = {}
            for shape, rest in self._rests(one, i, state, depth):
                some = []
                for out, front in rest.items():
                    for most in room.costs.get(out, ()):
                        some += [most - cost for cost in front if ((most | spare) - cost) & spare == spare]
                if some:
                    if copies > 1:
                        some = [self.shared(left, copies) for left in some]
                    costs[shape] = some if cap is None else [min(max(some), cap)]
            found = self.room(costs)
            self._known[key] = found
        return found

    def _rests(self, one: Production, i: int, state: State, depth: int) -> list[tuple[Shape, dict[Shape, Front]]]:
        """What the symbol at step i may give, each with what all after it takes at least."""
        key = (one, i, state, depth)
        found = self._starts.get(key)
        if found is None:
            rule, taken, _ = self.leaf(one, i, state)
            every = self.useful(one, i, state, self.least(rule, taken, depth - 1))
            found = self._starts[key] = [
                (shape, self.least_of(one, i + 1, self.after(one, i, state, shape), depth)) for shape in every
            ]
        return found

    def _spent(self, room: Room, cost: Cost) -> Room:
        key = (room, cost)
        found: Room | None = self._known.get(key)
        if found is None:
            costs = {out: [self.less(most, cost) for most in every] for out, every in room.costs.items()}
            found = self.room({out: [left for left in every if left is not None] for out, every in costs.items()})
            self._known[key] = found
        return found

    def shallow(self, offered: list[Production], weights: list[float], room: Room, state: Any) -> Production:
        """A way to choose: the first production with which it is over as soon as can be."""
        symbol, shape, depth = state
        for less in range(1, depth):
            found = self.offered(symbol, shape, less, room)[0]
            if found:
                return found[0]
        return offered[0]

    # --- what is given --------------------------------------------------------------------------------------------

    def follow(
        self, tree: Tree, symbol: str, shape: Shape, depth: int, given: dict[Any, Shape] | None = None, at: Any = ()
    ) -> tuple[Shape, Cost] | None:
        """Shape and cost of a derivation; None if it does not fit. What stands at a place in `given` gives that shape, and
        costs nothing."""
        if given and at in given:
            return given[at], 0
        if depth < 1:
            return None
        one = self.rules[symbol][tree[0]]
        state: State = (shape,)
        total, leaf = 0, 0
        for i, step in enumerate(one.steps):
            if isinstance(step.part, Symbol):
                leaf += 1
                inner = state[one.reads[i][0]]
                found = self.follow(tree[leaf], step.part.rule, inner, depth - 1, given, (*at, leaf))
                if found is None or (step.part.keep and found[0] != inner):
                    return None
                state, cost = self.after(one, i, state, found[0]), found[1]
            else:
                done = self.step(one, i, state)
                if done is None:
                    return None
                state, cost = done
            total += step.copies * cost
            if not self.fits(total, self.most):
                return None
        return (state[0], total) if self.passes(symbol, state[0]) else None

    def places(
        self, tree: Tree, symbol: str, shape: Shape, depth: int, at: Any = (), times: int = 1
    ) -> Iterator[Place]:
        """Every symbol of a derivation that fits, with what flows into it."""
        yield Place(at, tree, symbol, shape, depth, times)
        one = self.rules[symbol][tree[0]]
        state: State = (shape,)
        leaf = 0
        for i, step in enumerate(one.steps):
            if isinstance(step.part, Symbol):
                leaf += 1
                inner = state[one.reads[i][0]]
                yield from self.places(
                    tree[leaf], step.part.rule, inner, depth - 1, (*at, leaf), times * step.copies
                )  # fmt: skip
                found = self.follow(tree[leaf], step.part.rule, inner, depth - 1)
                assert found is not None
                state = self.after(one, i, state, found[0])
            else:
                done = self.step(one, i, state)
                assert done is not None
                state = done[0]

    def room_at(self, place: Place, whole: Place, outs: Any) -> Room:
        """The room for another derivation in this place, with all others left as they are."""
        costs: dict[Shape, list[Cost]] = {}
        for shape in self.least(place.symbol, place.shape, place.depth):
            found = self.follow(whole.tree, whole.symbol, whole.shape, whole.depth, {place.at: shape})
            if found is not None and (outs is None or found[0] in outs):
                left = self.less(self.most, found[1])
                if left is not None:
                    costs[shape] = [self.shared(left, place.times)]
        return self.room(costs)


class Place(NamedTuple):
    """A symbol somewhere in a derivation. `times`: how many derive alike there."""

    at: tuple[int, ...]
    tree: Tree
    symbol: str
    shape: Shape
    depth: int
    times: int = 1


def put(tree: Tree, at: tuple[int, ...], other: Tree) -> Tree:
    """The derivation with another one at a place."""
    if not at:
        return other
    return (*tree[: at[0]], put(tree[at[0]], at[1:], other), *tree[at[0] + 1 :])
