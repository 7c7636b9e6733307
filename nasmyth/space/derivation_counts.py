"""How many derivations a grammar has, exactly, and the i-th of them.

The numbers of derivations by their size are a polynomial, whose coefficients are slots of one long number: products of
polynomials are then products of numbers (Kronecker 1882). Other costs are told apart by a dict, which can become too
large: a bound on parameters or MACs asks how many derivations there are of every single cost.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from nasmyth.graph.joins import Identity
from nasmyth.graph.signature import Shape
from nasmyth.space.hole import Symbol
from nasmyth.space.least_costs import LeastCosts
from nasmyth.space.rules import Production
from nasmyth.space.steps import Bounds, Cost, State

Tree = tuple[Any, ...]
"""A derivation: the number of the alternative, then a tree for each of its leaves."""
Counts = dict[Shape, dict[Cost, int]]
_WORK = 1_000_000  # products of polynomials, about ten seconds; long ones count as several
_LONG = 1 << 13  # bits of a polynomial that counts as one
_LONGEST = 1 << 26  # products of numbers, to know how long polynomials are
_KEPT = 1 << 16  # products that are remembered: many derivations are alike


class TooMany(Exception):
    """Costs differ so much between derivations that counting them would take too long."""


class DerivationCounts(LeastCosts):
    """The numbers of derivations by shape and cost, besides their least costs."""

    def __init__(self, rules: dict[str, tuple[Production, ...]], bounds: Bounds, shaped: bool) -> None:
        super().__init__(rules, bounds, shaped)
        self._counts: dict[Any, Counts] = {}
        self._copies: dict[Any, dict[Cost, int]] = {}
        self._products: dict[tuple[int, int], int] = {}
        self.work = 0
        self.deepest = 0
        """As deep as has been counted."""

    @cached_property
    def slot(self) -> int:
        """Bits that are enough for any number of derivations of one size: for those whose shapes need not fit."""
        counts = {name: [0] * self.sizes for name in self.rules}
        leaves = sum(len(one.leaves) for every in self.rules.values() for one in every)
        if self.deepest * leaves * self.sizes**2 > _LONGEST:
            raise TooMany
        for _ in range(self.deepest):
            counts = {name: self._derived(every, counts) for name, every in self.rules.items()}
        return max(map(sum, counts.values())).bit_length() + 1

    def _derived(self, every: tuple[Production, ...], counts: dict[str, list[int]]) -> list[int]:
        """How many derivations of each size a symbol has, from those of its leaves."""
        total = [0] * self.sizes
        for one in every:
            product = [0] * self.sizes
            product[min(self.sizes - 1, self._layers(one))] = 1 if self._layers(one) < self.sizes else 0
            for leaf in one.leaves:  # as if there was one of each: copies only make the size larger
                product = _product(product, counts[leaf])
            total = [a + b for a, b in zip(total, product, strict=True)]
        return total

    @cached_property
    def sizes(self) -> int:
        """How many sizes are told apart."""
        return self.bounds.most[0] + 1 if self.bounds.things[:1] == ("size",) else 1

    def split(self, cost: Cost) -> tuple[int, Cost]:
        """The size, and all other costs."""
        if self.sizes == 1:
            return 0, cost
        bits = sum(self._bits[1:])
        return cost >> bits, cost & ((1 << bits) - 1)

    def counts(self, symbol: str, shape: Shape, depth: int) -> Counts:
        """For each shape that can come out of a symbol, the numbers of derivations by their size, by other costs."""
        self.deepest = max(self.deepest, depth)
        key = (symbol, shape, depth)
        found = self._counts.get(key)
        if found is None:
            found = {}
            for one in self.rules[symbol] if depth > 0 else ():
                for out, counts in self.counts_of(one, 0, (shape,), depth).items():
                    into = found.setdefault(out, {})
                    for other, n in counts.items():
                        into[other] = into.get(other, 0) + n
            self._counts[key] = found
        return found

    def counts_of(self, one: Production, i: int, state: State, depth: int) -> Counts:
        """The same for what remains of a production from step i on."""
        ran = self.run(one, i, state)
        if ran is None:
            return {}
        i, state, spent = ran
        size, other = self.split(spent)
        if i == len(one.steps):
            return {state[0]: {other: 1 << self.slot * size}} if self.passes(one.symbol, state[0]) else {}
        key = (one, i, state, spent, depth)
        found = self._counts.get(key)
        if found is None:
            found = {}
            mask, shift = (1 << self.slot * self.sizes) - 1, self.slot * size
            _, spare = self.split(self.spare)
            most = self.split(self.most)[1] | spare
            for shape, counts in self._branches(one, i, state, depth):
                for out, tail in self.counts_of(one, i + 1, self.after(one, i, state, shape), depth).items():
                    into = found.setdefault(out, {})
                    self.work += len(counts) * len(tail) * (1 + self.slot * self.sizes // _LONG)
                    if self.work > _WORK:
                        raise TooMany
                    for (a, n), (b, m) in itertools.product(counts.items(), tail.items()):
                        cost = a + b + other
                        if (most - cost) & spare == spare:
                            into[cost] = into.get(cost, 0) + ((self._times(n, m) << shift) & mask)
            self._counts[key] = found
        return found

    def _times(self, one: int, other: int) -> int:
        """The product of two polynomials, which is remembered."""
        found = self._products.get((one, other))
        if found is None:
            if len(self._products) >= _KEPT:
                self._products.clear()
            found = self._products[one, other] = one * other
        return found

    def _branches(self, one: Production, i: int, state: State, depth: int) -> Iterator[tuple[Shape, dict[Cost, int]]]:
        """What the symbol at step i may give, and the numbers of ways, as many times as it is copied."""
        rule, taken, _ = self.leaf(one, i, state)
        table, copies = self.counts(rule, taken, depth - 1), one.steps[i].copies
        for shape in self.useful(one, i, state, table):
            yield shape, table[shape] if copies == 1 else self._copied(rule, taken, depth - 1, shape, copies)

    def _copied(self, rule: str, taken: Shape, depth: int, shape: Shape, copies: int) -> dict[Cost, int]:
        key = (rule, taken, depth, shape, copies)
        found = self._copies.get(key)
        if found is None:
            spread: dict[Cost, int] = {}
            for cost, n in self.counts(rule, taken, depth)[shape].items():
                sizes = range(0, self.sizes, copies)
                spread[copies * cost] = sum(self.coefficient(n, i // copies) << self.slot * i for i in sizes)
            found = self._copies[key] = spread
        return found

    def coefficient(self, counts: int, size: int) -> int:
        """How many ways there are of exactly this size."""
        return counts >> self.slot * size & (1 << self.slot) - 1

    def classes(self, table: dict[Cost, int]) -> Iterator[tuple[int, Cost, int]]:
        """Every size and other cost, with how many ways there are."""
        for other, counts in table.items():
            for size in range(self.sizes):
                n = self.coefficient(counts, size)
                if n:
                    yield size, other, n

    def nth(self, symbol: str, shape: Shape, depth: int, out: Shape, size: int, other: Cost, i: int) -> Tree:
        """The i-th derivation that gives this shape at exactly these costs."""
        for one in self.rules[symbol]:
            n = self.coefficient(self.counts_of(one, 0, (shape,), depth).get(out, {}).get(other, 0), size)
            if i < n:
                return (one.number, *self._nth(one, (shape,), depth, out, size, other, i))
            i -= n
        raise IndexError(i)

    def _nth(
        self, one: Production, state: State, depth: int, out: Shape, size: int, other: Cost, i: int
    ) -> Iterator[Tree]:
        k = 0
        while True:
            ran = self.run(one, k, state)
            assert ran is not None
            k, state, spent = ran
            if k == len(one.steps):
                return
            size, other = size - self.split(spent)[0], other - self.split(spent)[1]
            rule, taken, _ = self.leaf(one, k, state)
            copies = one.steps[k].copies
            for shape, first, cost, n in self._first(rule, taken, depth - 1, self.useful(
                one, k, state, self.counts(rule, taken, depth - 1)
            )):  # fmt: skip
                after = self.after(one, k, state, shape)
                tails = self.counts_of(one, k + 1, after, depth).get(out, {})
                left = size - copies * first
                m = self.coefficient(tails.get(other - copies * cost, 0), left) if left >= 0 else 0
                if i < n * m:
                    break
                i -= n * m
            index, i = divmod(i, m)
            yield self.nth(rule, taken, depth - 1, shape, first, cost, index)
            k, state, size, other = k + 1, after, left, other - copies * cost

    def _first(self, rule: str, taken: Shape, depth: int, shapes: Any) -> Iterator[tuple[Shape, int, Cost, int]]:
        table = self.counts(rule, taken, depth)
        for shape in shapes:
            for size, cost, n in self.classes(table[shape]):
                yield shape, size, cost, n

    def _layers(self, one: Production) -> int:
        """What counts for the size, besides the symbols; none where no size is bounded."""
        if self.sizes == 1:
            return 0
        return sum(step.part is not None and not isinstance(step.part, (Symbol, Identity)) for step in one.steps)


def _product(one: list[int], other: list[int]) -> list[int]:
    """Of two polynomials, as far as they are long."""
    found = [0] * len(one)
    for i, a in enumerate(one):
        if a:
            for j, b in enumerate(other[: len(one) - i], i):
                if b:
                    found[j] += a * b
    return found
