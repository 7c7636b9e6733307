"""What can be told of a derivation that is given: whether it fits, what it costs, and what else could stand in each place.

Below it are the tables that drawing needs: least costs (`least_costs.py`), numbers of derivations
(`derivation_counts.py`), and what is left to spend on the way down (`draws.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from nasmyth.graph.signature import Shape
from nasmyth.space.derivation_counts import Tree
from nasmyth.space.draws import Draws, Slack
from nasmyth.space.hole import Symbol
from nasmyth.space.steps import Cost, State


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


class Derivations(Draws):
    """All that can be known of a grammar's derivations."""

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

    def slack_at(self, place: Place, whole: Place, outs: Any) -> Slack:
        """The slack for another derivation in this place, with all others left as they are."""
        costs: dict[Shape, list[Cost]] = {}
        for shape in self.least(place.symbol, place.shape, place.depth):
            found = self.follow(whole.tree, whole.symbol, whole.shape, whole.depth, {place.at: shape})
            if found is not None and (outs is None or found[0] in outs):
                left = self.less(self.most, found[1])
                if left is not None:
                    costs[shape] = [self.shared(left, place.times)]
        return self.slack(costs)
