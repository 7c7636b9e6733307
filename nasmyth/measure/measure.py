"""A measure turns a candidate into a number; a budget is a comparison with it; a search is a funnel of them.

    params(graph)                    a number
    params <= 3e6                    a Constraint
    latency("cpu") <= "8ms"          a Constraint, on this machine's processor
    constraint("params<=3M")         the same, as the command line and files write it
    recall("malignant") >= 0.95      of one class: "recall:malignant>=0.95"

Cost, training-free score, learned prediction and trained accuracy are all measures. They differ in what they need, and so
in price: a `graph` is free, then come the `network` with its first weights, a `batch` of data, a `device`, the `trained`
network (`needs.py` has them all). `evaluate` asks the cheap ones first, and for the next only where the last was passed.

A measure is one function under `@measure`, whose arguments are what it needs, in that order; what it computes is the first
line of its docstring:

    @measure(unit="B", needs="graph")
    def size(graph): ...

    @measure(unit="", direction="max", needs=("network", "batch"))
    def naswot(network, batch): ...

With `many=True` each argument is a list, of as many candidates as are asked for at once; it gives a number for each.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from nasmyth.errors import NasmythError, UnitError, UnknownNameError
from nasmyth.measure.constraint import Constraint
from nasmyth.measure.files import FILES
from nasmyth.measure.needs import closure, known, needs
from nasmyth.measure.usual import USUAL
from nasmyth.registry import Registry
from nasmyth.units import is_whole, show

Direction = Literal["min", "max"]


class Measure:
    """A named number with a unit and a direction. Call it with what it needs: a graph, or a trained network and a task.

    name: under which values are recorded, such as "params" or "latency@cpu". unit: a base unit of `nasmyth.units`.
    direction: whether less or more is better. needs: kinds of need, the arguments of the function in their order.
    stochastic: whether a second call may differ. many: whether it takes lists, and gives a number for each of many
    candidates. Raises UnknownNameError for a need that is not registered.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        unit: str,
        direction: Direction = "min",
        needs: Iterable[str] = ("graph",),
        stochastic: bool = False,
        many: bool = False,
    ) -> None:
        if direction not in ("min", "max"):
            raise UnitError(f"measure {name!r}: direction is 'min' or 'max', got {direction!r}")
        self.name, self.function, self.unit, self.direction = name, function, unit, direction
        self.needs, self.stochastic, self.many = known(needs), stochastic, many
        self.of: Callable[[Any], Measure] | None = None
        """Gives the same figure of a part, such as one class, where there is such a thing: "f1:malignant". Of what is read
        from a graph a part is an address, a text: "effective_depth:body[0]"."""
        self.__doc__ = function.__doc__

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        return self.function

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (self.function.__module__, self.name)

    @cached_property
    def requires(self) -> frozenset[str]:
        """What it needs, and all that this takes in turn: {"graph"} for a count, "training" among others for accuracy."""
        return closure(self.needs)

    @cached_property
    def price(self) -> float:
        """Where in a funnel it belongs: the price of the dearest that it requires."""
        return max((needs.get(name).price for name in self.requires), default=0.0)

    def __call__(self, *given: Any, **options: Any) -> Any:
        """The number for what it needs. What needs only a graph also takes what has one: a Network, a Trial.

        f1("malignant") is the measure "f1:malignant", and effective_depth("body[0]") that of a part of a graph.
        """
        if self.of is not None and len(given) == 1 and not options:
            if self.needs != ("graph",) or isinstance(given[0], str):  # one graph is what it is measured on
                return self.of(given[0])
        if self.needs == ("graph",) and not self.many:
            given = (self._graph_of(*given[:1]), *given[1:])
        return self.function(*given, **options)

    def check_task(self, task: Any, split: str | None = None) -> None:
        """Raise DataError if this is no figure of such a task, or is not defined on this split, whatever is answered."""
        suits, defined = (getattr(self.function, name, None) for name in ("suits", "defined"))
        if suits is not None and task is not None:
            suits(task)
        if defined is not None and task is not None and split is not None:
            defined(task, split)

    def _graph_of(self, candidate: Any = None) -> Any:
        graph = getattr(candidate, "graph", candidate)
        if not hasattr(type(graph), "key"):  # what tells one architecture from another; looked for, not computed
            raise NasmythError(
                f"{self.name} is read from a graph, and got {shortly(candidate)}: give a Graph, a Network or a Trial"
            )
        return graph

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


@dataclass(frozen=True)
class Family:
    """Measures of one kind, one for each of something: recall("malignant") is "recall:malignant".

    place: what stands behind the colon, as it is shown. about: what they are. cure: what to write without any.
    """

    name: str
    make: Callable[[Any], Measure]
    place: str
    about: str
    cure: str = ""

    @property
    def __wrapped__(self) -> Callable[[Any], Measure]:
        return self.make

    def __call__(self, given: Any) -> Measure:
        return self.make(given)


def _adopted(name: str, found: Any) -> Measure:
    """What another package offers."""
    if isinstance(found, Measure):
        return found
    raise TypeError(f"it must lead to a function under @measure, and leads to {found!r}")


_HOMES = {name: f"nasmyth.measure.{file}" for file, names in FILES.items() for name in names}
measures: Registry[Measure | Callable[..., Measure]] = Registry("measures", _adopted, USUAL, _HOMES)


def measure(
    *,
    unit: str,
    needs: str | Iterable[str] = "graph",
    direction: Direction = "min",
    stochastic: bool = False,
    many: bool = False,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Measure]:
    """Register a function as a measure (see the top of this file)."""

    def define(function: Callable[..., Any]) -> Measure:
        wanted = (needs,) if isinstance(needs, str) else tuple(needs)
        said: dict[str, Any] = {"unit": unit, "direction": direction, "stochastic": stochastic, "many": many}
        made = Measure(name or function.__name__, function, needs=wanted, **said)
        measures.add(made.name, made)
        return made

    return define


def _received(module: str, name: str) -> Measure:
    """A measure in another process: found by its name, once the file that defines it has been imported."""
    importlib.import_module(module)
    return find(name)


def find(name: str | Measure | Family) -> Measure:
    """The measure of that name; "latency@cpu,batch=8" is `latency("cpu", batch=8)`, "recall:sick" is `recall("sick")`."""
    if isinstance(name, Measure):
        return name
    if isinstance(name, Family):
        name = name.name
    if not isinstance(name, str):
        raise UnknownNameError(f"a measure is asked for by its name, such as 'accuracy', and this is {shortly(name)}")
    family, mark, setting = _parted(name)
    found = measures.get(family)
    of = found.make if isinstance(found, Family) else getattr(found, "of", None)
    if mark == ":" and of is not None:
        return of(setting)
    if isinstance(found, Measure):
        if mark:
            raise UnitError(f"{name!r}: {family} takes no setting; write {family!r}")
        return found
    if isinstance(found, Family):
        more = f"; {found.cure}" if found.cure else ""
        raise UnitError(f"{name!r}: say of which, such as '{family}:{found.place}'{more}")
    if mark != "@":
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


def _parted(name: str) -> tuple[str, str, str]:
    """What stands before the first "@" or ":", which of both it is, and what stands behind."""
    mark = next((letter for letter in name if letter in "@:"), "")
    family, _, setting = name.partition(mark) if mark else (name, "", "")
    return family, mark, setting


def shortly(given: object) -> str:
    """What was given, in a few words."""
    return "None" if given is None else f"{type(given).__name__} {given!r:.80}"
