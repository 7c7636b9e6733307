"""Which units are one: a union-find in which a unit may also turn out to be made of others.

The output of `Linear(64)` has 64 units. When a reshape makes (4, 16) of it, each of them is a pair of one of 4 and one of 16;
so they are *bound* to those pairs, and from then on the 4 and the 16 are what can be taken away.
"""

from __future__ import annotations

from collections.abc import Iterable

Place = tuple[int, ...]


class Unions:
    """Units by number. Each has the name of what it was made as; of those that are one, the first keeps its own."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.names: list[str] = []
        self.bound: dict[int, Place] = {}
        self.why: dict[int, str] = {}
        """Why a unit cannot be taken away."""

    def new(self, length: int, name: str) -> int:
        """So many units; the number of the first."""
        first = len(self.parent)
        self.parent += range(first, first + length)
        self.names += [name] * length
        return first

    def find(self, unit: int) -> int:
        while self.parent[unit] != unit:
            self.parent[unit] = unit = self.parent[self.parent[unit]]
        return unit

    def expand(self, place: Place) -> Place:
        """The units behind those of a place, each once."""
        if len(place) == 1:
            root = self.find(place[0])
            if root not in self.bound:
                return (root,)
        found: dict[int, None] = {}
        for unit in place:
            root = self.find(unit)
            found.update(dict.fromkeys(self.expand(self.bound[root]) if root in self.bound else (root,)))
        return tuple(found)

    def unify(self, one: Iterable[Place], other: Iterable[Place], where: str) -> None:
        """The places of two axes are one and the same, in this order."""
        for a, b in dict.fromkeys(zip(one, other, strict=True)):
            self._same(self.expand(a), self.expand(b), where)

    def freeze(self, place: Place, why: str) -> None:
        for unit in self.expand(place):
            self.why.setdefault(unit, why)

    def _same(self, a: Place, b: Place, where: str) -> None:
        if a == b:
            return
        if len(a) != len(b):  # what can never be taken away is no part of what the other is made of
            a, b = (tuple(unit for unit in place if unit not in self.why) or place[:1] for place in (a, b))
        if len(a) == len(b):
            for x, y in zip(a, b, strict=True):
                self._union(x, y)
        elif len(a) == 1 or len(b) == 1:
            (whole,), parts = (a, b) if len(a) == 1 else (b, a)
            if whole in self.why or whole in parts:
                self.freeze((whole, *parts), self.why.get(whole, f"it would be a part of itself at {where}"))
            else:
                self.bound[whole] = parts
        else:
            self.freeze((*a, *b), f"two ways of splitting it meet at {where}")

    def _union(self, x: int, y: int) -> None:
        x, y = self.find(x), self.find(y)
        if x in self.bound or y in self.bound:  # bound on the way, by another pair of the same places
            self._same(self.expand((x,)), self.expand((y,)), "")
        elif x != y:
            if y in self.why:
                self.why.setdefault(x, self.why[y])
            self.parent[y] = x
