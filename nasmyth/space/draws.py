"""Derivations drawn from the top so that they fit.

What flows down is the *slack* of a symbol: for each shape that may come out of it, how much it may cost so that all that is
still open can be finished with the least that it takes. An alternative whose least cost finds no slack is not offered; so
whatever is drawn fits, and nothing is drawn twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from nasmyth.graph.signature import Shape
from nasmyth.space.derivation_counts import DerivationCounts, Tree
from nasmyth.space.hole import Symbol
from nasmyth.space.least_costs import Table
from nasmyth.space.rules import Production
from nasmyth.space.steps import Bounds, Cost, Front, State

_REMEMBERED = 200_000  # slacks, and answers about them


class Slack:
    """For each shape that may come out, the costs that can be spent. Equal slacks are one object."""

    __slots__ = ("costs",)

    def __init__(self, costs: dict[Shape, Front]) -> None:
        self.costs = costs


class Draws(DerivationCounts):
    """Derivations drawn at random, or as a function chooses, besides their numbers and costs."""

    def __init__(self, rules: dict[str, tuple[Production, ...]], bounds: Bounds, shaped: bool) -> None:
        super().__init__(rules, bounds, shaped)
        self._slacks: dict[Any, Slack] = {}
        self._known: dict[Any, Any] = {}
        self._tables: dict[Any, list[Any]] = {}
        self._ceilings = [dict.fromkeys(rules, 0)]

    # --- drawing --------------------------------------------------------------------------------------------------

    def slack(self, costs: dict[Shape, list[Cost]]) -> Slack:
        """The slack for any of these costs."""
        kept = {out: self._most_among(every) for out, every in costs.items() if every}
        token = tuple(kept.items())
        found = self._slacks.get(token)
        if found is None:
            if len(self._slacks) > _REMEMBERED:
                self._slacks.clear()
                self._known.clear()
            found = self._slacks[token] = Slack(kept)
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

    def offered(self, symbol: str, shape: Shape, depth: int, slack: Slack) -> tuple[list[Production], list[float]]:
        """The productions that can be finished within the slack, and their weights added up."""
        depth = self.start(symbol, shape, depth).since[depth]
        key = (symbol, shape, depth, slack)
        found: tuple[list[Production], list[float]] | None = self._known.get(key)
        if found is None:
            tables = self._tables.get(key[:3])
            if tables is None:
                tables = self._tables[key[:3]] = self.alternatives(symbol, shape, depth)
            fits = [one for one, table in tables if self._finds_slack(table, slack)]
            found = self._known[key] = fits, list(itertools.accumulate(one.weight for one in fits))
        return found

    def _finds_slack(self, table: Table, slack: Slack) -> bool:
        spare = self.spare
        for out, front in table.items():
            for most in slack.costs.get(out, ()):
                for cost in front:
                    if ((most | spare) - cost) & spare == spare:
                        return True
        return False

    def draw(
        self, symbol: str, shape: Shape, depth: int, slack: Slack, choose: Callable[..., Production]
    ) -> tuple[Tree, Shape, Cost]:
        """A derivation that finds slack: with `choose(offered, weights, slack, state)` at each symbol."""
        offered, weights = self.offered(symbol, shape, depth, slack)
        one = choose(offered, weights, slack, (symbol, shape, depth))
        return self.draw_with(one, shape, depth, slack, choose)

    def draw_with(
        self, one: Production, shape: Shape, depth: int, slack: Slack, choose: Callable[..., Production]
    ) -> tuple[Tree, Shape, Cost]:
        """The same, with the first production decided."""
        state: State = (shape,)
        total, tree = 0, [one.number]
        for i, step in enumerate(one.steps):
            if isinstance(step.part, Symbol):
                inner = self._inner(one, i, state, depth, slack)
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
                slack = self._spent(slack, cost)
        return tuple(tree), state[0], total

    def _inner(self, one: Production, i: int, state: State, depth: int, slack: Slack) -> Slack:
        """The slack for the leaf at step i: what is left once all after it has taken its least."""
        # more than can be filled is no more: fewer slacks differ
        cap = self.ceiling(one.steps[i].part.rule, depth - 1)
        depth = self.rest(one, i, state, depth).since[depth]
        key = (one, i, state, depth, cap, slack)
        found: Slack | None = self._known.get(key)
        if found is None:
            tails = self._tables.get(key[:4])
            if tails is None:
                tails = self._tables[key[:4]] = self.tails(one, i, state, depth)
            copies, spare = one.steps[i].copies, self.spare
            costs: dict[Shape, list[Cost]] = {}
            for shape, rest in tails:
                some = []
                for out, front in rest.items():
                    for most in slack.costs.get(out, ()):
                        some += [most - cost for cost in front if ((most | spare) - cost) & spare == spare]
                if some:
                    if copies > 1:
                        some = [self.shared(left, copies) for left in some]
                    costs[shape] = some if cap is None else [min(max(some), cap)]
            found = self.slack(costs)
            self._known[key] = found
        return found

    def _spent(self, slack: Slack, cost: Cost) -> Slack:
        key = (slack, cost)
        found: Slack | None = self._known.get(key)
        if found is None:
            costs = {out: [self.less(most, cost) for most in every] for out, every in slack.costs.items()}
            found = self.slack({out: [left for left in every if left is not None] for out, every in costs.items()})
            self._known[key] = found
        return found

    def shallow(self, offered: list[Production], weights: list[float], slack: Slack, state: Any) -> Production:
        """A way to choose: the first production with which it is over as soon as can be."""
        symbol, shape, depth = state
        for less in range(1, depth):
            found = self.offered(symbol, shape, less, slack)[0]
            if found:
                return found[0]
        return offered[0]
