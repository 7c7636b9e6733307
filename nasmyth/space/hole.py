"""What every kind of hole is: a decision with a number of ways to make it, drawn, listed, checked, varied and encoded.

The kinds are in `holes.py` (choices, numbers, subsets) and `grammar.py` (derivations). A user's own kind is one more subclass.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from nasmyth.record import Value
from nasmyth.space.arithmetic import Arithmetic, Fill

Genome = dict[str, Any]


def below(n: int, rng: Random) -> int:
    """A number from 0 to n - 1: the one that `rng.randrange(n)` gives, in half the time."""
    bits = n.bit_length()
    drawn = rng.getrandbits(bits)
    while drawn >= n:
        drawn = rng.getrandbits(bits)
    return drawn


class Hole(Arithmetic, abstract=True):
    """A decision to make. `count` is how many ways there are to make it (infinite for a real)."""

    _is_hole = True

    if TYPE_CHECKING:

        @property
        def name(self) -> Any:
            """By which it is known, if not by its address: the last field of every kind of hole."""

    @property
    def plural(self) -> bool:
        """Whether it stands for several parts: the branches of a parallel, the edges into a vertex."""
        return False

    @property
    def numeric(self) -> bool:
        return True

    @property
    def count(self) -> int | float:
        raise NotImplementedError

    @property
    def quickly_counted(self) -> bool:
        """Whether `count` takes no time worth speaking of."""
        return True

    @property
    def free(self) -> bool:
        """Whether there is more than one decision."""
        return self.count > 1

    def nth(self, i: int) -> Any:
        """The i-th decision."""
        raise NotImplementedError

    def first(self) -> Any:
        """The decision that is made where none is given."""
        return self.nth(0)

    def sample(self, rng: Random) -> Any:
        """A decision drawn at random, each equally likely."""
        return self.nth(below(int(self.count), rng))

    def neighbours(self, decision: Any) -> Iterator[Any]:
        """The decisions next to this one: at most 64 others, evenly spread."""
        n = int(self.count)
        return (other for other in map(self.nth, range(0, n, -(-n // 64))) if other != decision)

    def mutate(self, decision: Any, rng: Random) -> Any:
        """The decision with a part of it made anew; None for a decision that has no parts."""
        return None

    def crossover(self, parents: list[Any], rng: Random) -> Any:
        """A decision that takes after one or two others."""
        return rng.choice(parents)

    def inherits(self, decision: Any, parents: list[Any]) -> bool:
        """Whether a decision takes after these and nothing else."""
        return decision in parents

    def validate(self, decision: Any, key: str) -> Any:
        """The decision as this hole writes it. Raises GenomeError if it is not one of its own."""
        raise NotImplementedError

    def result(self, decision: Any, fill: Fill, key: str) -> Any:
        """What stands in the hole's place once `decision` is made."""
        return decision

    def inner(self) -> tuple[Any, ...]:
        """The templates among which it decides."""
        return ()

    def encode(self, decision: Any) -> list[float]:
        """A vector of fixed length; all zeros for None, a decision that is not active."""
        raise NotImplementedError


class Symbol(Value):
    """Stands in a rule of a grammar for whatever the rule of that name derives. Made by `symbol`."""

    _is_hole = True
    rule: str
    name: str | None = None
    keep: bool = False
