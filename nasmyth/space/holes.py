"""A hole is a decision that has not been made. A template with holes in it is a space of networks.

    Conv(out=choice(16, 32), kernel=choice(3, 5))           # a template: four convolutions
    {"out": 32, "kernel": 3}                                # a genome: one of them, hole by hole

There are four kinds of hole, `choice`, `integer`, `real` and `subset`; `maybe(x)` is a choice between x and nothing. A
hole may stand wherever a value may: in an op's field, among the parts of a chain, inside another hole's option, in a
training recipe. It is known by its address (`stages[1].block.kernel`) or, if it has a name, by that: holes of one name
are one decision wherever they stand, and named numbers take arithmetic (`2 * width`).

Everything done with a template is one walk, `fill`, with a different `pick(key, hole)` that makes the decisions: drawing
them is sampling, looking them up is decoding, changing one is mutation, taking them from two parents is crossover.

Decisions are plain JSON: a choice among numbers or words is the option itself, a choice among templates is its index, a
subset is a list of indices. What lies inside option 2 of the hole `mixer` has addresses that start with `mixer:2`.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from nasmyth.errors import GenomeError, SpaceError
from nasmyth.graph.combine import Cell, Chain, Identity, Parallel, Repeat
from nasmyth.record import Value, below, is_open

Genome = dict[str, Any]
Fill = Callable[[Any, str], Any]
Pick = Callable[[str, "Hole"], Any]


class Arithmetic(Value):
    """What may stand in a sum or product: a named numeric hole, or an expression of some."""

    def _combine(self, symbol: str, other: Any, swapped: bool = False) -> Expression:
        for side in (self, other):
            number = isinstance(side, (int, float, Expression)) or (
                isinstance(side, Hole) and side.name and side.numeric
            )
            if not number:
                raise SpaceError(
                    f"{side!r}: only a named number takes arithmetic; write e.g. choice(16, 32, name='width')"
                )
        left, right = (other, self) if swapped else (self, other)
        return Expression(symbol, left, right)

    def __add__(self, other: Any) -> Any:
        return self._combine("+", other)

    def __radd__(self, other: Any) -> Any:
        return self._combine("+", other, True)

    def __sub__(self, other: Any) -> Any:
        return self._combine("-", other)

    def __rsub__(self, other: Any) -> Any:
        return self._combine("-", other, True)

    def __mul__(self, other: Any) -> Any:
        return self._combine("*", other)

    def __rmul__(self, other: Any) -> Any:
        return self._combine("*", other, True)

    def __floordiv__(self, other: Any) -> Any:
        return self._combine("//", other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._combine("//", other, True)

    def __truediv__(self, other: Any) -> Any:
        return self._combine("/", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._combine("/", other, True)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "/": operator.truediv,
}  # fmt: skip


class Expression(Arithmetic):
    """Arithmetic on named holes; it has its value once they are decided."""

    symbol: Any
    left: Any
    right: Any

    def refill(self, fill: Fill, address: str) -> Any:
        return self.of_values(fill(self.left, address), fill(self.right, address))

    def of_values(self, left: Any, right: Any) -> Any:
        """Its value once both sides have theirs. Raises SpaceError for a division by zero."""
        try:
            return _OPERATORS[self.symbol](left, right)
        except ZeroDivisionError:
            raise SpaceError(
                f"{left} {self.symbol} {right}: {self.right!r} can be 0, and nothing divides by it"
            ) from None


class Hole(Arithmetic):
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

    def nth(self, i: int) -> Any:
        """The i-th decision."""
        raise NotImplementedError

    def sample(self, rng: Random) -> Any:
        """A decision drawn at random, each equally likely."""
        return self.nth(rng.randrange(int(self.count)))

    def checked(self, decision: Any, key: str) -> Any:
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


class Choice(Hole):
    """One of several options. Made by `choice`."""

    options: Any
    name: Any = None

    def check(self) -> None:
        if not self.options:
            raise SpaceError("choice(): give at least one option")
        if any(type(o) is float and not math.isfinite(o) for o in self.options):
            raise SpaceError(f"choice{self.options}: numbers must be finite")
        if len(set(self.options)) < len(self.options):
            raise SpaceError(f"choice{self.options}: an option stands twice (1, 1.0 and True are one); write each once")

    @property
    def scalar(self) -> bool:
        """Whether the options are plain numbers and words, so that a decision is the option itself."""
        known: bool | None = self.__dict__.get("_scalar")
        if known is None:
            known = self.__dict__["_scalar"] = all(isinstance(o, (int, float, str)) for o in self.options)
        return known

    @property
    def numeric(self) -> bool:
        return all(isinstance(o, (int, float)) for o in self.options)

    @property
    def count(self) -> int | float:
        return len(self.options)

    def nth(self, i: int) -> Any:
        return self.options[i] if self.scalar else i

    @property
    def plural(self) -> bool:
        return all(isinstance(o, tuple) or getattr(o, "plural", False) for o in self.options)

    def index(self, decision: Any) -> int:
        """The number of the option that a decision stands for."""
        return self.options.index(decision) if self.scalar else int(decision)

    def checked(self, decision: Any, key: str) -> Any:
        if self.scalar and decision in self.options:
            return self.options[self.options.index(decision)]
        if not self.scalar and type(decision) is int and 0 <= decision < len(self.options):
            return decision
        offered = list(self.options) if self.scalar else f"0 to {len(self.options) - 1}"
        raise GenomeError(f"{key}: {decision!r} is not among the options {offered}")

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

    def checked(self, decision: Any, key: str) -> Any:
        if type(decision) is int and self.lo <= decision <= self.hi and (decision - self.lo) % self.step == 0:
            return decision
        raise GenomeError(
            f"{key}: {decision!r} is not a whole number from {self.lo} to {self.hi} in steps of {self.step}"
        )

    def encode(self, decision: Any) -> list[float]:
        if decision is None:
            return [0.0, 0.0]
        return [1.0, (decision - self.lo) / max(1, self.hi - self.lo)]


class Real(Hole):
    """A number from lo to hi, uniform or uniform in its logarithm. Made by `real`."""

    lo: Any
    hi: Any
    log: Any = False
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

    def sample(self, rng: Random) -> Any:
        return self.at(rng.random())

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

    def checked(self, decision: Any, key: str) -> Any:
        if isinstance(decision, (int, float)) and type(decision) is not bool and self.lo <= decision <= self.hi:
            return float(decision)
        raise GenomeError(f"{key}: {decision!r} is not a number from {self.lo} to {self.hi}")

    def encode(self, decision: Any) -> list[float]:
        return [0.0, 0.0] if decision is None else [1.0, self.fraction(decision)]


class Subset(Hole):
    """k of several options, in their order. Made by `subset`."""

    k: Any
    options: Any
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

    def nth(self, i: int) -> Any:
        return list(next(itertools.islice(itertools.combinations(range(len(self.options)), self.k), i, None)))

    def checked(self, decision: Any, key: str) -> Any:
        n = len(self.options)
        if (
            isinstance(decision, (list, tuple))
            and all(type(i) is int and 0 <= i < n for i in decision)
            and len(set(decision)) == len(decision) == self.k
        ):
            return sorted(decision)
        raise GenomeError(f"{key}: {decision!r} is not {self.k} different numbers from 0 to {n - 1}")

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
    return Real(float(lo), float(hi), log, name)


def maybe(template: Any, name: str | None = None) -> Any:
    """The template, or nothing in its place."""
    return Choice((Identity(), template), name)


def subset(k: int, *options: Any, name: str | None = None) -> Any:
    """k of these, as a tuple: the branches of a parallel, or the edges of a cell's vertex."""
    return Subset(k, options, name)


# --- the walk -----------------------------------------------------------------------------------------------------

_REMEMBERED = 4096  # fillings of one part


def tied(template: Any) -> bool:
    """Whether all holes in it have names, so that it fills alike wherever it stands."""
    if not isinstance(template, Value):
        return all(map(tied, template)) if isinstance(template, tuple) else True
    known: bool | None = template.__dict__.get("_tied")
    if known is None:
        nameless = isinstance(template, Hole) and template.name is None
        known = template.__dict__["_tied"] = not nameless and all(map(tied, template._values))
    return known


def decisions(template: Value) -> tuple[Hole, ...] | None:
    """The holes that every filling of a tied template decides, in the order of the walk; None if that can vary."""
    if "_decisions" not in template.__dict__:
        template.__dict__["_decisions"] = _decisions(template)
    known: tuple[Hole, ...] | None = template.__dict__["_decisions"]
    return known


def _decisions(part: Any) -> tuple[Hole, ...] | None:
    if not is_open(part):
        return ()
    if isinstance(part, Hole):
        return None if isinstance(part, Real) or any(map(is_open, part.inner())) else (part,)
    if isinstance(part, Repeat):
        return _decisions(part.body) if type(part.count) is int and part.count else None
    if hasattr(part, "refill") and not isinstance(part, (Chain, Parallel, Cell, Expression)):
        return None
    found: dict[Hole, None] = {}
    for item in part if isinstance(part, tuple) else part._values:
        inside = _decisions(item)
        if inside is None:
            return None
        found.update(dict.fromkeys(inside))
    return tuple(found)


def _frozen(decision: Any) -> Any:
    return tuple(decision) if type(decision) is list else decision


class Filling:
    """One walk over a template. `genome` holds the decisions that it made."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.genome: Genome = {}
        self._tied: dict[Any, Any] = {}  # parts that fill alike wherever they stand

    def __call__(self, template: Any, address: str) -> Any:
        if not is_open(template):
            return template
        if isinstance(template, tuple):
            return tuple(self(item, below(address, i)) for i, item in enumerate(template))
        if not tied(template):
            return self._fill(template, address)
        filled = self._tied.get(template)
        if filled is None:
            filled = self._tied[template] = self._fill_tied(template, address)
        return filled

    def _fill_tied(self, template: Any, address: str) -> Any:
        """A part that always makes the same named decisions is filled once for each way to make them, in any walk."""
        named = decisions(template)
        if named is None:
            return self._fill(template, address)
        made = tuple([_frozen(self._decide(hole.name, hole)) for hole in named])
        known: dict[Any, Any] = template.__dict__.setdefault("_filled", {})
        filled = known.get(made)
        if filled is None:
            filled = self._fill(template, address)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[made] = filled
        return filled

    def _decide(self, key: str, hole: Hole) -> Any:
        if key not in self.genome:
            self.genome[key] = self.pick(key, hole)
        return self.genome[key]

    def _fill(self, template: Any, address: str) -> Any:
        if isinstance(template, Hole):
            key = template.name or address
            return template.result(self._decide(key, template), self, key)
        if hasattr(template, "refill"):
            return template.refill(self, address)
        pairs = zip(template.fields, template._values, strict=True)
        return type(template).of(tuple(self(value, below(address, field)) for field, value in pairs))


def fill(template: Any, pick: Pick, address: str = "") -> tuple[Any, Genome]:
    """The template with every hole filled as `pick(key, hole)` decides, and the genome of the decisions made."""
    filling = Filling(pick)
    return filling(template, address), filling.genome


def holes(template: Any, address: str = "", known: dict[str, Hole] | None = None) -> dict[str, Hole]:
    """Every hole that some genome could reach, by its key, in the order of the walk, after those `known` before.

    Raises SpaceError if two holes of one name differ.
    """
    found: dict[str, Hole] = dict(known or {})
    seen: set[Any] = set()

    def visit(part: Any, at: str) -> Any:
        if not is_open(part) or part in seen:
            return part
        if tied(part):
            seen.add(part)
        if isinstance(part, tuple):
            return tuple(visit(item, below(at, i)) for i, item in enumerate(part))
        if isinstance(part, Hole):
            if part.name is not None and not (isinstance(part.name, str) and part.name):
                raise SpaceError(f"{part!r}: a hole's name is a word, such as name='width'")
            key = part.name or at
            if found.setdefault(key, part) is not part:
                raise SpaceError(
                    f"two holes named {key!r} differ: {found[key]!r} and {part!r}; one name is one decision"
                )
            for i, option in enumerate(part.inner()):
                visit(option, f"{key}:{i}")
        elif isinstance(part, Repeat):  # as often as it can repeat
            visit(part.count, below(at, "count"))
            most = max(part.checked(count) for count, _ in values(part.count, {}))
            for i in range(min(most, 1) if part.tied else most):
                visit(part.body, below(at, "tied" if part.tied else i))
        elif isinstance(part, Expression):
            visit(part.left, at), visit(part.right, at)
        elif hasattr(part, "refill"):
            part.refill(visit, at)
        else:
            for field, value in zip(part.fields, part._values, strict=True):
                visit(value, below(at, field))
        return part

    visit(template, address)
    return found


def values(part: Any, decided: Genome) -> Iterator[tuple[Any, Genome]]:
    """Every value that a numeric part can take, with the decisions on names that lead to it."""
    if isinstance(part, Expression):
        for left, once in values(part.left, decided):
            for right, twice in values(part.right, once):
                yield part.of_values(left, right), twice
    elif isinstance(part, Hole):
        if isinstance(part, Real):
            part.nth(0)  # says that it cannot be listed
        every = [decided[part.name]] if part.name in decided else [part.nth(i) for i in range(int(part.count))]
        for decision in every:
            after = decided if part.name is None else {**decided, part.name: decision}
            yield from values(part.options[part.index(decision)] if isinstance(part, Choice) else decision, after)
    else:
        yield part, decided
