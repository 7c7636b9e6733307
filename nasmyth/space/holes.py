"""A hole is a decision that has not been made. A template with holes in it is a space of networks.

    Conv(out=choice(16, 32), kernel=choice(3, 5))           # a template: four convolutions
    {"out": 32, "kernel": 3}                                # a genome: one of them, hole by hole

There are four simple kinds of hole, `choice`, `integer`, `real` and `subset`; `maybe(x)` is a choice between x and nothing.
The fifth, `grammar`, has a file of its own. A hole may stand wherever a value may: in an op's field, among the parts of
a chain, inside another hole's option, in a training recipe. It is known by its address (`stages[1].block.kernel`) or,
if it has a name, by that: holes of one name are one decision wherever they stand, and named numbers take arithmetic (`2
* width`).

Everything done with a template is one walk (`fill.py`), with a different `pick(key, hole)` that makes the decisions:
drawing them is sampling, looking them up is decoding, changing one is mutation, taking them from two parents is crossover.

Decisions are plain JSON: a choice among numbers or words is the option itself, a choice among templates is its index, a
subset is a list of indices. What lies inside option 2 of the hole `mixer` has addresses that start with `mixer:2`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cached_property
from random import Random
from typing import Any

from nasmyth.errors import GenomeError, NasmythError, SpaceError
from nasmyth.graph.joins import Identity
from nasmyth.kinds import shown
from nasmyth.space.arithmetic import Fill
from nasmyth.space.hole import Hole, below


class Choice(Hole):
    """One of several options. Made by `choice`."""

    options: tuple[Any, ...]
    name: Any = None

    def check(self) -> None:
        if not self.options:
            raise SpaceError("choice(): give at least one option")
        if any(type(o) is float and not math.isfinite(o) for o in self.options):
            raise SpaceError(f"choice{self.options}: numbers must be finite")
        if len(set(self.options)) < len(self.options):
            raise SpaceError(f"choice{self.options}: an option stands twice (1, 1.0 and True are one); write each once")

    @cached_property
    def scalar(self) -> bool:
        """Whether the options are plain numbers and words, so that a decision is the option itself."""
        return all(isinstance(o, (int, float, str)) for o in self.options)

    @property
    def numeric(self) -> bool:
        return all(isinstance(o, (int, float)) for o in self.options)

    @property
    def count(self) -> int | float:
        return len(self.options)

    def nth(self, i: int) -> Any:
        return self.options[i] if self.scalar else i

    def sample(self, rng: Random) -> Any:
        i = below(len(self.options), rng)
        return self.options[i] if self.scalar else i

    @property
    def plural(self) -> bool:
        return all(isinstance(o, tuple) or getattr(o, "plural", False) for o in self.options)

    def index(self, decision: Any) -> int:
        """The number of the option that a decision stands for."""
        return self.options.index(decision) if self.scalar else int(decision)

    def validate(self, decision: Any, key: str) -> Any:
        options = self.options
        if self.scalar:
            if decision in options:
                return options[options.index(decision)]
        elif type(decision) is int and 0 <= decision < len(options):
            return decision
        offered = list(self.options) if self.scalar else f"0 to {len(self.options) - 1}"
        raise GenomeError(f"{key}: {shown(decision)} is not among the options {shown(offered, 200)}")

    def result(self, decision: Any, fill: Fill, key: str) -> Any:
        i = self.index(decision)
        return self.options[i] if self.scalar else fill(self.options[i], f"{key}:{i}")

    def inner(self) -> tuple[Any, ...]:
        return () if self.scalar else self.options

    def encode(self, decision: Any) -> list[float]:
        i = -1 if decision is None else self.index(decision)
        return [float(i == j) for j in range(len(self.options))]


class Integer(Hole):
    """A whole number from lo to hi in steps. Made by `integer`."""

    lo: Any
    hi: Any
    step: Any = 1
    name: Any = None

    def check(self) -> None:
        if not all(type(v) is int for v in (self.lo, self.hi, self.step)) or self.step < 1 or self.hi < self.lo:
            raise SpaceError(f"integer({self.lo}, {self.hi}, {self.step}): needs whole numbers, lo <= hi and step >= 1")

    @property
    def count(self) -> int | float:
        steps: int = (self.hi - self.lo) // self.step
        return steps + 1

    def nth(self, i: int) -> Any:
        return self.lo + i * self.step

    def validate(self, decision: Any, key: str) -> Any:
        if type(decision) is int and self.lo <= decision <= self.hi and (decision - self.lo) % self.step == 0:
            return decision
        raise GenomeError(
            f"{key}: {shown(decision)} is not a whole number from {self.lo} to {self.hi} in steps of {self.step}"
        )

    def encode(self, decision: Any) -> list[float]:
        if decision is None:
            return [0.0, 0.0]
        return [1.0, (decision - self.lo) / max(1, self.hi - self.lo)]


class Real(Hole):
    """A number from lo to hi, uniform or uniform in its logarithm. Made by `real`."""

    lo: float
    hi: float
    log: bool = False
    name: Any = None

    def check(self) -> None:
        if (
            not self.lo < self.hi
            or not math.isfinite(self.lo)
            or not math.isfinite(self.hi)
            or (self.log and self.lo <= 0)
        ):
            raise SpaceError(
                f"real({self.lo}, {self.hi}, log={self.log}): needs lo < hi, both finite, and lo > 0 for log"
            )

    @property
    def count(self) -> int | float:
        return math.inf

    def nth(self, i: int) -> Any:
        raise SpaceError(f"{self!r}: a real number has no finite list of values; use choice(...) to enumerate")

    def first(self) -> Any:
        return self.at(0.5)

    def sample(self, rng: Random) -> Any:
        return self.at(rng.random())

    def neighbours(self, decision: float) -> Iterator[Any]:
        at = self.fraction(decision)
        return (self.at(f) for f in (max(0.0, at - 0.1), min(1.0, at + 0.1)) if abs(f - at) > 1e-12)

    def at(self, fraction: float) -> float:
        """The number at this fraction of the way from lo to hi."""
        if self.log:
            return float(min(self.hi, max(self.lo, self.lo * (self.hi / self.lo) ** fraction)))
        return float(min(self.hi, max(self.lo, self.lo + fraction * (self.hi - self.lo))))

    def fraction(self, decision: float) -> float:
        """The inverse of `at`."""
        if self.log:
            return math.log(decision / self.lo) / math.log(self.hi / self.lo)
        return float((decision - self.lo) / (self.hi - self.lo))

    def validate(self, decision: Any, key: str) -> Any:
        if isinstance(decision, (int, float)) and type(decision) is not bool and self.lo <= decision <= self.hi:
            return float(decision)
        raise GenomeError(f"{key}: {shown(decision)} is not a number from {self.lo} to {self.hi}")

    def encode(self, decision: Any) -> list[float]:
        return [0.0, 0.0] if decision is None else [1.0, self.fraction(decision)]


FEW = 256
"""Subsets, which are kept."""


class Subset(Hole):
    """k of several options, in their order. Made by `subset`."""

    k: int
    options: tuple[Any, ...]
    name: Any = None

    def check(self) -> None:
        if type(self.k) is not int or not 0 < self.k <= len(self.options):
            raise SpaceError(f"subset({self.k}, ...): k must be from 1 to the number of options, {len(self.options)}")

    @property
    def plural(self) -> bool:
        return True

    @property
    def numeric(self) -> bool:
        return False

    @property
    def count(self) -> int | float:
        return math.comb(len(self.options), self.k)

    @cached_property
    def _few(self) -> tuple[tuple[int, ...], ...] | None:
        """All of them in their order, where they are few: what is drawn most."""
        return tuple(itertools.combinations(range(len(self.options)), self.k)) if self.count <= FEW else None

    def nth(self, i: int) -> Any:
        """Of all subsets in the order of `itertools.combinations`."""
        if self._few is not None:
            return list(self._few[i])
        left, k, taken = len(self.options), self.k, []
        for option in range(len(self.options)):
            left -= 1
            with_it = math.comb(left, k - 1) if k else 0  # so many subsets of the rest take this one
            if i < with_it:
                taken.append(option)
                k -= 1
            else:
                i -= with_it
        return taken

    def validate(self, decision: Any, key: str) -> Any:
        n = len(self.options)
        if (
            isinstance(decision, (list, tuple))
            and all(type(i) is int and 0 <= i < n for i in decision)
            and len(set(decision)) == len(decision) == self.k
        ):
            return sorted(decision)
        raise GenomeError(f"{key}: {shown(decision)} is not {self.k} different numbers from 0 to {n - 1}")

    def result(self, decision: Any, fill: Fill, key: str) -> Any:
        return tuple(fill(self.options[i], f"{key}:{i}") for i in decision)

    def inner(self) -> tuple[Any, ...]:
        return tuple(self.options)

    def encode(self, decision: Any) -> list[float]:
        return [float(decision is not None and i in decision) for i in range(len(self.options))]


# --- what users write ---------------------------------------------------------------------------------------------


def choice(*options: Any, name: str | None = None) -> Any:
    """One of these: numbers, words, or templates. `name` ties it to every hole of that name."""
    return Choice(options, name)


def integer(lo: int, hi: int, step: int = 1, name: str | None = None) -> Any:
    """A whole number from lo to hi, both included."""
    return Integer(lo, hi, step, name)


def real(lo: float, hi: float, log: bool = False, name: str | None = None) -> Any:
    """A number from lo to hi; `log` for scales such as learning rates."""
    try:
        return Real(float(lo), float(hi), log, name)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, NasmythError):
            raise
        raise SpaceError(f"real({shown(lo)}, {shown(hi)}): the ends of a range are numbers") from None


def maybe(template: Any, name: str | None = None) -> Any:
    """The template, or nothing in its place."""
    return Choice((Identity(), template), name)


def subset(k: int, *options: Any, name: str | None = None) -> Any:
    """k of these, as a tuple: the branches of a parallel, or the edges of a cell's vertex."""
    return Subset(k, options, name)
