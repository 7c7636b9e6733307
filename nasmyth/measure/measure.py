"""A measure turns a candidate into a number; a budget is a comparison with it; a search is a funnel of them.

    params(graph)                    a number
    params <= 3e6                    a Constraint
    latency("cpu") <= "8ms"          a Constraint, on this machine's processor
    constraint("params<=3M")         the same, as the command line and files write it

Cost, training-free score, learned prediction and trained accuracy are all measures. They differ in what they need, and so
in price: a `graph` is free, then come `weights`, `data`, `labels`, `training` and a `device`. A funnel asks the cheap
ones first and pays for the next only where the last was passed.

A measure is one function under `@measure`; what it computes is the first line of its docstring:

    @measure(unit="B", needs="graph")
    def size(graph): ...
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

from nasmyth.errors import BudgetError, NasmythError, UnitError, UnknownNameError
from nasmyth.graph.graph import Graph
from nasmyth.measure.usual import USUAL
from nasmyth.registry import Registry
from nasmyth.units import is_whole, quantity, show

Direction = Literal["min", "max"]
NEEDS = ("graph", "weights", "data", "labels", "training", "device")
"""What a measure may need, in the order of price."""


class Measure:
    """A named number with a unit and a direction. Call it on a graph, or on a network where it needs weights.

    name: under which values are recorded, such as "params" or "latency@cpu". unit: a base unit of `nasmyth.units`.
    direction: whether less or more is better. needs: subset of NEEDS. stochastic: whether a second call may differ.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., float],
        *,
        unit: str,
        direction: Direction = "min",
        needs: Iterable[str] = ("graph",),
        stochastic: bool = False,
    ) -> None:
        unknown = set(needs) - set(NEEDS)
        if unknown:
            raise UnknownNameError(f"measure {name!r} needs {sorted(unknown)}: known needs are {', '.join(NEEDS)}")
        if direction not in ("min", "max"):
            raise UnitError(f"measure {name!r}: direction is 'min' or 'max', got {direction!r}")
        self.name, self.function, self.unit, self.direction = name, function, unit, direction
        self.needs, self.stochastic = frozenset(needs), stochastic
        self.__doc__ = function.__doc__

    @property
    def __wrapped__(self) -> Callable[..., float]:
        return self.function

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (self.function.__module__, self.name)

    def __call__(self, candidate: Any, *context: Any, **options: Any) -> float:
        """The number for a candidate. A measure that needs only a graph also takes anything that has a `.graph`."""
        if self.needs <= {"graph"}:
            candidate = getattr(candidate, "graph", candidate)
        try:
            return self.function(candidate, *context, **options)
        except (AttributeError, TypeError):
            if not self.needs <= {"graph"} or isinstance(candidate, Graph):
                raise
            raise NasmythError(
                f"{self.name} is read from a graph, and got {_kind(candidate)}: give a Graph, a Network or a Trial"
            ) from None

    def __le__(self, bound: float | str) -> Constraint:
        return Constraint(self, "<=", bound)

    def __ge__(self, bound: float | str) -> Constraint:
        return Constraint(self, ">=", bound)

    __lt__, __gt__ = __le__, __ge__

    def show(self, value: float) -> str:
        """A value as a person would write it, with its unit."""
        return show(value, self.unit)

    def __repr__(self) -> str:
        return f"<measure {self.name}>"


def _adopted(name: str, found: Any) -> Measure:
    """What another package offers."""
    if isinstance(found, Measure):
        return found
    raise TypeError(f"it must lead to a function under @measure, and leads to {found!r}")


measures: Registry[Measure | Callable[..., Measure]] = Registry("measures", _adopted, USUAL)


class Constraint:
    """`measure <= bound` or `measure >= bound`. Two that say the same are equal; the text of one reads back as it."""

    __slots__ = ("bound", "measure", "relation")

    def __init__(self, measure: Measure, relation: str, bound: float | str) -> None:
        self.measure, self.relation = measure, relation
        self.bound = quantity(bound, measure.unit)
        if not math.isfinite(self.bound):
            raise UnitError(f"{measure.name}{relation}{bound}: a bound must be a finite number")

    def satisfied(self, value: float) -> bool:
        """Whether a measured value meets the bound; a value that is not a number never does."""
        return value <= self.bound if self.relation == "<=" else value >= self.bound

    def violation_ratio(self, value: float) -> float:
        """The value by the bound, so to speak: 0.8 with a fifth to spare, 1.2 when missed by a fifth, infinite for NaN.

        Above 1 exactly when the bound is missed, and never less for a worse value.
        """
        if math.isnan(value):
            return math.inf
        missed_by = value - self.bound if self.relation == "<=" else self.bound - value
        ratio = 1.0 + missed_by / max(abs(self.bound), 1e-12)
        return min(ratio, 1.0) if self.satisfied(value) else max(ratio, math.nextafter(1.0, 2.0))

    def violation(self, value: float) -> float:
        """0 when met, else by what fraction of the bound it is missed."""
        return max(0.0, self.violation_ratio(value) - 1.0)

    def at(self, value: float) -> Constraint:
        """The same comparison with another bound."""
        return Constraint(self.measure, self.relation, value)

    def __str__(self) -> str:
        return f"{self.measure.name}{self.relation}{_plain(self.bound, self.measure.unit)}"

    def __repr__(self) -> str:
        return f"<constraint {self}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constraint) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __bool__(self) -> bool:
        raise TypeError(f"{self} is neither true nor false by itself: write two constraints, not `a <= measure <= b`")


def _plain(value: float, unit: str) -> str:
    """A number with its base unit, exact, so that it reads back as the same number."""
    text = str(int(value)) if value == int(value) else repr(value)
    return f"{text}{unit}" if unit in ("s", "B", "J") else text


def measure(
    *,
    unit: str,
    needs: str | Iterable[str] = "graph",
    direction: Direction = "min",
    stochastic: bool = False,
    name: str | None = None,
) -> Callable[[Callable[..., float]], Measure]:
    """Register a function as a measure (see the top of this file)."""

    def define(function: Callable[..., float]) -> Measure:
        wanted = (needs,) if isinstance(needs, str) else tuple(needs)
        made = Measure(
            name or function.__name__, function, unit=unit, direction=direction, needs=wanted, stochastic=stochastic
        )
        measures.add(made.name, made)
        return made

    return define


def _received(module: str, name: str) -> Measure:
    """A measure in another process: found by its name, once the file that defines it has been imported."""
    importlib.import_module(module)
    return find(name)


_CONSTRAINT = re.compile(r"\s*([A-Za-z_][\w.]*(?:@[^<>]+)?)\s*(<=|>=|<|>)\s*(.+?)\s*")


def constraint(text: str | Constraint) -> Constraint:
    """Read "params<=3M" or "latency@cpu<=8ms". Raises UnitError or UnknownNameError, which suggest the nearest."""
    if isinstance(text, Constraint):
        return text
    match = _CONSTRAINT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise UnitError(
            f"cannot read {text!r:.200} as a budget; write measure<=bound, such as 'params<=3M' or 'latency@cpu<=8ms'"
        )
    found, relation, bound = find(match[1].strip()), match[2], match[3]
    return found >= bound if relation[0] == ">" else found <= bound


def find(name: str | Measure) -> Measure:
    """The measure of that name; "latency@cpu,batch=8" is `latency("cpu", batch=8)`."""
    if isinstance(name, Measure):
        return name
    if not isinstance(name, str):
        raise UnknownNameError(f"a measure is asked for by its name, such as 'accuracy', and this is {_kind(name)}")
    _load_all()
    family, at, setting = name.partition("@")
    found = measures.get(family)
    if isinstance(found, Measure):
        if at:
            raise UnitError(f"{name!r}: {family} takes no setting; write {family!r}")
        return found
    if not at:
        raise UnitError(f"{name!r}: say where it is measured, such as '{family}@{getattr(found, 'place', 'cpu')}'")
    parts = [part.strip() for part in setting.split(",")]
    pairs = [part.partition("=") for part in parts[1:]]
    if not all(key and value for key, _, value in pairs):
        raise UnitError(f"{name!r}: write settings as key=value, such as '{family}@cpu,batch=8'")
    options = {key: int(value) if is_whole(value) else value for key, _, value in pairs}
    try:
        return found(parts[0], **options)
    except TypeError as error:
        raise UnitError(f"{name!r}: {error}") from None


def constraints(texts: str | Constraint | Iterable[str | Constraint]) -> tuple[Constraint, ...]:
    """Read one or several, drop repetitions, refuse contradictions (BudgetError)."""
    several = (texts,) if isinstance(texts, (str, Constraint)) else texts
    if not isinstance(several, Iterable):
        raise UnitError(
            f"budgets are a list of texts and comparisons, such as ['params<=3M'], and this is {_kind(texts)}"
        )
    found = list(dict.fromkeys(map(constraint, several)))
    for upper in found:
        for lower in found:
            same = upper.measure.name == lower.measure.name
            if same and upper.relation == "<=" and lower.relation == ">=" and lower.bound > upper.bound:
                raise BudgetError(
                    f"{upper} and {lower} contradict each other: no number is both; drop one", binding=str(upper)
                )
    return tuple(found)


def _kind(given: object) -> str:
    """What was given, in a few words."""
    return "None" if given is None else f"{type(given).__name__} {given!r:.80}"


def _load_all() -> None:
    """Import the files that register measures."""
    import nasmyth.measure.calibration
    import nasmyth.measure.counts
    import nasmyth.measure.device
    import nasmyth.measure.robustness
    import nasmyth.measure.trained  # noqa: F401
