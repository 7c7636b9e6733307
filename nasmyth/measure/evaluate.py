"""The one way to evaluate: some measures of a candidate, cheap ones first, no further than to the first broken constraint.

    told = evaluate(Candidate(graph, task=task), [params, "naswot", "accuracy"], under=["naswot>=3"])
    told.values       # {"params": 1818.0, "naswot": 2.1}: the constraint is broken, so nothing was trained
    told.seconds      # what each took by itself; what was made for them is in `candidate.seconds`
    told.broken       # <constraint naswot>=3>

Measures come in the order of the price of what they need (a graph, first weights, a device, a training), and of what they
were seen to take where `prices` remembers it. What raises is the candidate's outcome (`error`), and a figure that is not
finite is a figure. Several candidates at once give a list; one that fails is in no other's way, and a measure of many at
once (`many=True`) is called once for all of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, MutableMapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, overload

from nasmyth.errors import DataError, NasmythError, OverBudget
from nasmyth.measure.budgets import constraints
from nasmyth.measure.candidate import Candidate
from nasmyth.measure.constraint import Constraint
from nasmyth.measure.measure import Measure, find


@dataclass
class Measured:
    """What was found. `values` has every measure that was asked, down to the constraint that is broken or the error."""

    values: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    broken: Constraint | None = None
    error: Exception | None = None

    def require(self) -> dict[str, float]:
        """The values. Raises what the candidate raised, or OverBudget; the error has the figures until then."""
        if self.error is not None:
            self.error.measures = {**self.values, **getattr(self.error, "measures", {})}  # type: ignore[attr-defined]
            raise self.error
        if self.broken is not None:
            one = self.broken.measure
            raise OverBudget(
                f"{one.name} is {one.show(self.values[one.name])}, and the budget is {self.broken}",
                measures=self.values,
            )
        return self.values

    @property
    def ended(self) -> bool:
        """Whether nothing more is asked."""
        return self.broken is not None or self.error is not None


@overload
def evaluate(
    candidates: Candidate, measures: Iterable[Measure | str] = (), under: Any = (), prices: Any = None
) -> Measured: ...
@overload
def evaluate(
    candidates: Sequence[Candidate], measures: Iterable[Measure | str] = (), under: Any = (), prices: Any = None
) -> list[Measured]: ...
def evaluate(
    candidates: Candidate | Sequence[Candidate],
    measures: Iterable[Measure | str] = (),
    under: str | Constraint | Iterable[str | Constraint] = (),
    prices: MutableMapping[str, float] | None = None,
) -> Measured | list[Measured]:
    """Measure one candidate, or several (see the top of this file). What `under` constrains is measured, too.

    prices: {measure: seconds}, of the needs as well: read, to ask the cheaper of a kind first, and written.
    Raises UnknownNameError, and DataError where a measure needs what the candidates lack, or is no figure of their task.
    """
    several = [candidates] if isinstance(candidates, Candidate) else list(candidates)
    limits = constraints(under)
    asked = list(dict.fromkeys([*(limit.measure for limit in limits), *map(find, measures)]))
    for candidate in several:
        for one in asked:
            _refuse_lacking(one, candidate)
    found = [Measured() for _ in several]
    for one in sorted(asked, key=lambda one: (one.price, _magnitude((prices or {}).get(one.name, 0.0)))):
        alive = [pair for pair in zip(several, found, strict=True) if not pair[1].ended]
        _ask(one, [(candidate, told) for candidate, told in alive if not _known(one, candidate, told)])
        for candidate, told in alive:
            if one.name in told.seconds and prices is not None:
                prices[one.name] = told.seconds[one.name] + sum(candidate.seconds.get(n, 0.0) for n in one.requires)
            if one.name in told.values:
                of_it = (limit for limit in limits if limit.measure.name == one.name)
                told.broken = next((limit for limit in of_it if not limit.satisfied(told.values[one.name])), None)
    return found[0] if isinstance(candidates, Candidate) else found


def figures_of(
    network: Any, measures: Iterable[Measure | str], task: Any = None, split: str = "valid"
) -> dict[str, float]:
    """Figures of a network that exists, as it is. Raises what a measure raises, and DataError where one needs a task."""
    return evaluate(Candidate.of(network, task, split=split), measures).require()


def _refuse_lacking(one: Measure, candidate: Candidate) -> None:
    """Raise DataError where the measure cannot be told of such a candidate at all."""
    if one.name in candidate.figures:
        return
    if lacking := candidate.lacks(one.needs):
        cure = "give task=nasmyth.read(data)" if "task" in lacking else f"give {lacking[0]}="
        what = "data" if "task" in lacking else f"the {lacking[0]}"
        raise DataError(f"{one.name} needs {what}, and the candidate has none: {cure}")
    one.check_task(candidate.task)


def _magnitude(seconds: float) -> float:
    """The power of ten: what differs by less is asked in the order in which it was given."""
    return math.floor(math.log10(seconds)) if seconds > 0 else -math.inf


def _known(one: Measure, candidate: Candidate, told: Measured) -> bool:
    if one.name in candidate.figures:
        told.values[one.name] = candidate.figures[one.name]
    return one.name in candidate.figures


def _ask(one: Measure, pairs: list[tuple[Candidate, Measured]]) -> None:
    """Make what it needs, and measure those that did not fail at it, nor were told by the way."""
    ready: list[tuple[Candidate, Measured, list[Any]]] = []
    for candidate, told in pairs:
        try:
            given = [candidate[name] for name in one.needs]
        except Exception as error:  # whatever one candidate does is an outcome of that candidate
            told.error = error
            continue
        if not _known(one, candidate, told):
            ready.append((candidate, told, given))
    for group in [ready] if one.many and ready else [[each] for each in ready]:
        _measure(one, group)


def _measure(one: Measure, group: list[tuple[Candidate, Measured, list[Any]]]) -> None:
    columns = zip(*(given for _, _, given in group), strict=True)
    arguments = map(list, columns) if one.many else group[0][2]
    start = time.perf_counter()
    try:
        with nullcontext() if one.requires <= {"graph"} else group[0][0].seeded():
            result = one.function(*arguments)
            values = [float(value) for value in (result if one.many else [result])]
    except Exception as error:
        for _, told, _ in group:
            told.error = error
        return
    if len(values) != len(group):
        raise NasmythError(
            f"{one.name} was asked of {len(group)} candidates, and gave {len(values)} values: give one each"
        )
    for (_, told, _), value in zip(group, values, strict=True):
        told.values[one.name] = value
        told.seconds[one.name] = (time.perf_counter() - start) / len(group)
