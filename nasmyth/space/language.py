"""The language of a grammar: its productions within its bounds, its tables, and how derivations are written and varied.

A derivation is a tree of numbers of alternatives; as a decision it is the list of them, leftmost first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from random import Random
from typing import Any

from nasmyth.graph.signature import Shape
from nasmyth.space.arithmetic import Fill
from nasmyth.space.derivation_counts import Tree
from nasmyth.space.derive import Derivations, Place, put
from nasmyth.space.draws import Slack
from nasmyth.space.rules import Production
from nasmyth.space.steps import Bounds

Decision = list[int]


class Language:
    """What `start` derives. most: how much of "size", "params", "macs" a derivation may cost, where that is bounded."""

    def __init__(
        self,
        rules: dict[str, tuple[Production, ...]],
        start: str,
        depth: int,
        most: Mapping[str, int],
        numbers: int | None,
        lengths: Mapping[str, tuple[frozenset[int], ...]],
        input: Shape | None,
        output: Shape | None,
    ) -> None:
        self.rules, self.start, self.depth, self.most = rules, start, depth, most
        self.numbers, self.lengths = numbers, lengths
        self.shaped, self.shape, self.output = input is not None, () if input is None else input, output

    def derived(self, most: Mapping[str, int]) -> Derivations:
        """Tables of what can be derived within other bounds."""
        bounds = Bounds(tuple(most), tuple(most.values()), self.numbers, dict(self.lengths))
        return Derivations(self.rules, bounds, self.shaped)

    @cached_property
    def derivations(self) -> Derivations:
        """Tables of what can be derived."""
        return self.derived(self.most)

    def slack(self, derivations: Derivations, depth: int) -> Slack:
        """What the start symbol may spend, for each shape that it may give."""
        outs = derivations.least(self.start, self.shape, depth)
        wanted = [out for out in outs if self.output is None or out == self.output]
        return derivations.slack({out: [derivations.most] for out in wanted})

    @cached_property
    def root(self) -> Slack:
        """The same within the language's own bounds; its costs are empty if nothing can be derived."""
        return self.slack(self.derivations, self.depth)

    def drawn(self, choose: Any) -> Tree:
        """A derivation, with `choose(offered, weights, slack, state)` at each symbol."""
        return self.derivations.draw(self.start, self.shape, self.depth, self.root, choose)[0]

    # --- numbers --------------------------------------------------------------------------------------------------

    def classes(self) -> Iterator[tuple[Shape, int, int, int]]:
        """Shape, size and other costs, with how many derivations have them."""
        derive = self.derivations
        counts = derive.counts(self.start, self.shape, self.depth)
        for out in self.root.costs:
            for size, cost, n in derive.classes(counts[out]):
                yield out, size, cost, n

    def nth(self, i: int) -> Tree:
        """The i-th of all derivations."""
        for out, size, cost, n in self.classes():
            if i < n:
                return self.derivations.nth(self.start, self.shape, self.depth, out, size, cost, i)
            i -= n
        raise IndexError("this grammar has fewer derivations")

    def longest(self, most: int) -> int:
        """How many alternatives a derivation can have, up to `most`."""
        longest = dict.fromkeys(self.rules, 0)
        for _ in range(self.depth):
            longest = {
                name: min(most, max(1 + sum(longest[leaf] for leaf in one.leaves) for one in every))
                for name, every in self.rules.items()
            }
        return longest[self.start]

    # --- trees ----------------------------------------------------------------------------------------------------

    def read(self, decision: Any) -> Tree:
        """The tree of a decision that has been validated."""
        rest = iter(decision)

        def read(symbol: str) -> Tree:
            i = next(rest)
            return (i, *[read(leaf) for leaf in self.rules[symbol][i].leaves])

        return read(self.start)

    def built(self, tree: Tree, symbol: str, fill: Fill, key: str) -> Any:
        """The template that a derivation stands for. What it derives has addresses as if it was a hole with options, and
        so have its leaves."""
        one, at = self.rules[symbol][tree[0]], f"{key}:{tree[0]}"
        leaves = enumerate(zip(tree[1:], one.leaves, strict=True))
        return fill(one.filled([self.built(child, leaf, fill, f"{at}[{i}]") for i, (child, leaf) in leaves]), at)

    def used(self, tree: Tree, symbol: str) -> Iterator[tuple[str, int]]:
        """Every symbol of a derivation with the number of its alternative."""
        yield symbol, tree[0]
        for child, leaf in zip(tree[1:], self.rules[symbol][tree[0]].leaves, strict=True):
            yield from self.used(child, leaf)

    # --- moves ----------------------------------------------------------------------------------------------------

    def _places(self, tree: Tree) -> tuple[Place, list[Place]]:
        whole = Place((), tree, self.start, self.shape, self.depth)
        return whole, list(self.derivations.places(tree, self.start, self.shape, self.depth))

    def neighbours(self, tree: Tree) -> Iterator[Tree]:
        """Every derivation with another alternative in one place, what it needs derived as shortly as can be."""
        derive = self.derivations
        whole, places = self._places(tree)
        for place in places:
            slack = derive.slack_at(place, whole, self.root.costs)
            for one in derive.offered(place.symbol, place.shape, place.depth, slack)[0]:
                if one.number != place.tree[0]:
                    part = derive.draw_with(one, place.shape, place.depth, slack, derive.shallow)[0]
                    yield put(tree, place.at, part)

    def mutant(self, tree: Tree, rng: Random) -> Tree | None:
        """One symbol derived anew, with another alternative; None if none of them has another."""
        derive = self.derivations
        whole, places = self._places(tree)
        for place in rng.sample(places, len(places)):
            slack = derive.slack_at(place, whole, self.root.costs)
            offered = derive.offered(place.symbol, place.shape, place.depth, slack)[0]
            others = [one for one in offered if one.number != place.tree[0]]
            if others:
                (one,) = rng.choices(others, [one.weight for one in others])
                part = derive.draw_with(one, place.shape, place.depth, slack, by_weight(rng))[0]
                return put(tree, place.at, part)
        return None

    def child(self, a: Tree, b: Tree, rng: Random) -> Tree | None:
        """The first derivation with a part of the other in the place of an equal symbol; None if nothing fits."""
        derive = self.derivations
        (whole, places), (_, others) = self._places(a), self._places(b)
        for place in rng.sample(places[1:], len(places) - 1):
            parts = [o.tree for o in others[1:] if o.symbol == place.symbol and o.tree != place.tree]
            if not parts:
                continue
            slack = derive.slack_at(place, whole, self.root.costs)
            for part in rng.sample(parts, len(parts)):
                found = derive.follow(part, place.symbol, place.shape, place.depth)
                if found and any(derive.fits(found[1], most) for most in slack.costs.get(found[0], ())):
                    return put(a, place.at, part)
        return None


def by_weight(rng: Random) -> Any:
    """A way to choose: at random, by the weights of the alternatives."""
    return lambda offered, weights, *_: rng.choices(offered, cum_weights=weights)[0]


def written(tree: Tree) -> Decision:
    """A derivation as numbers, leftmost first."""
    return [tree[0], *[i for child in tree[1:] for i in written(child)]]
