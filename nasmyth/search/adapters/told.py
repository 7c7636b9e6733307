"""What was told, never changed, and what was made of it, which is handed on to the logs that follow.

A strategy's state is a fold of the log, and what other packages make of a log is costly to make anew. So each log knows what
was made of one before it, and extends that by what was told since: the same as from the start, only sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from nasmyth.search.strategy import Fitness
from nasmyth.space.hole import Genome

T = TypeVar("T")
Item = tuple[Genome, Fitness]


class Told:
    """Genomes and how good they were, in the order in which they were told."""

    def __init__(self, items: tuple[Item, ...] = (), made: dict[Hashable, tuple[int, Any]] | None = None) -> None:
        self.items = items
        self._made = dict(made or {})

    def then(self, genome: Genome, fitness: Fitness) -> Told:
        """The log after one more."""
        return Told((*self.items, (genome, fitness)), self._made)

    def made(self, key: Hashable, begin: Callable[[], T], extend: Callable[[T, int, Sequence[Item]], T]) -> T:
        """What `extend(begin(), 0, items)` makes. It must not change what it extends, which other logs hold, too.

        extend: from what was made of the first so many, that number, and the items since, to what is made of all.
        """
        known: tuple[int, T] | None = self._made.get(key)
        count, made = known or (0, begin())
        if count < len(self.items):
            made = extend(made, count, self.items[count:])
        self._made[key] = (len(self.items), made)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Told) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Told of {len(self.items)}>"
