"""The best way through a table of a chain, by an integer program (OR-tools CP-SAT).

One boolean for each arc of the table (`chain_table.py`); exactly one is taken in the first stage, and behind each state as many
arcs are taken as before it. What is additive is a linear sum of booleans. With S the sum of log fan-ins and L the depth,

    entropy        log(n) S, n the numbers in the last feature map: linear for each n, so one program for each
    effectiveness  rho = L exp(-S / L) <= b says S >= T[L] = L log(L / b): one lookup in a table by the whole depth

as in DeepMAD (Shen et al. 2023, arXiv:2303.02165, the mathematical programme of which is over widths and depths of stages; here
it is over whatever the template leaves open). Next best networks come by cuts: not all arcs of one that was found again.
Logarithms are rounded to a millionth, costs that are no whole numbers as well.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from nasmyth.bounds import satisfied
from nasmyth.errors import SpaceError, require
from nasmyth.search.chain_table import Arc, State, Table

SCALE = 1_000_000
"""Of sums of logarithms, and of costs that are not whole."""


class Bound(NamedTuple):
    """`name <= value` or `name >= value`."""

    name: str
    relation: str
    value: float


class Way(NamedTuple):
    """A way through a table: an arc of each stage."""

    arcs: tuple[Arc, ...]
    places: tuple[int, ...]
    """The number of each arc in its stage."""


class Model:
    """The integer program of one table: bounds, and what is to be made large.

    numbers: those in the last feature map, where entropy is asked for. ways: those that are cut off. at_least: what is known
    to be met elsewhere; of entropy as the sum of logarithms that it takes.
    """

    def __init__(
        self,
        table: Table,
        costs: Sequence[str],
        objective: str,
        sign: int,
        bounds: Iterable[Bound],
        numbers: int | None = None,
        ways: Iterable[Way] = (),
        at_least: float | None = None,
    ) -> None:
        self.sat = require("ortools.sat.python.cp_model", extra="program")
        self.model = self.sat.CpModel()
        self.table, self.costs, self.numbers = table, tuple(costs), numbers
        self.arcs = [[self.model.NewBoolVar("") for _ in stage] for stage in table.stages]
        self._flow()
        for taken, arc in self._every():
            if numbers is not None and arc.numbers not in (0, numbers):
                self.model.Add(taken == 0)
        for way in ways:
            self._cut(way)
        self._known: dict[str, tuple[Any, int]] = {}
        for bound in bounds:
            self._bound(bound)
        goal, scale = self.figure("total" if objective == "entropy" else objective)
        self.model.Maximize(sign * goal)
        if at_least is not None:
            self.model.Add(sign * goal >= math.floor(at_least * scale))

    # --- the network ----------------------------------------------------------------------------------------------

    def _flow(self) -> None:
        self.model.AddExactlyOne(self.arcs[0])
        for before, after in zip(range(len(self.arcs)), range(1, len(self.arcs)), strict=False):
            into, out = defaultdict[State, list[Any]](list), defaultdict[State, list[Any]](list)
            for taken, arc in zip(self.arcs[before], self.table.stages[before], strict=True):
                into[arc.end].append(taken)
            for taken, arc in zip(self.arcs[after], self.table.stages[after], strict=True):
                out[arc.start].append(taken)
            for state, entering in into.items():
                self.model.Add(sum(entering) == sum(out[state]))
            self.model.AddExactlyOne(self.arcs[after])

    # --- figures --------------------------------------------------------------------------------------------------

    def figure(self, name: str) -> tuple[Any, int]:
        """A figure as a linear expression, and by what it is multiplied there."""
        if name not in self._known:
            self._known[name] = self._figure(name)
        return self._known[name]

    def _figure(self, name: str) -> tuple[Any, int]:
        if name in self.costs:
            at = self.costs.index(name)
            every = [arc.costs[at] for stage in self.table.stages for arc in stage]
            scale = 1 if all(cost == int(cost) for cost in every) else SCALE
            return self._sum(lambda arc: round(arc.costs[at] * scale)), scale
        if name == "total":
            return self._variable(self._sum(lambda arc: round(arc.path.total * SCALE)), 0, self._most("total")), SCALE
        if name == "depth":
            return self._variable(self._sum(lambda arc: arc.path.depth), 0, self._most("depth")), 1
        raise SpaceError(f"{name} is no figure of a chain")

    def _every(self) -> Iterator[tuple[Any, Arc]]:
        for stage, row in zip(self.arcs, self.table.stages, strict=True):
            yield from zip(stage, row, strict=True)

    def _sum(self, of: Callable[[Arc], int]) -> Any:
        """A sum over the arcs that are taken."""
        weighted = [(taken, weight) for taken, arc in self._every() if (weight := of(arc))]
        return self.sat.LinearExpr.WeightedSum(*zip(*weighted, strict=True)) if weighted else self.model.NewConstant(0)

    def _most(self, field: str) -> int:
        scale = SCALE if field == "total" else 1
        return sum(max(round(getattr(arc.path, field) * scale) for arc in stage) for stage in self.table.stages)

    def _variable(self, expression: Any, least: int, most: int) -> Any:
        made = self.model.NewIntVar(least, most, "")
        self.model.Add(made == expression)
        return made

    # --- bounds ---------------------------------------------------------------------------------------------------

    def _bound(self, bound: Bound) -> None:
        """A row for a bound, wide enough for what rounding does: who asks looks at the network itself."""
        name, value = bound.name, bound.value
        if name == "effectiveness":
            self._effectiveness(bound)
            return
        if name == "entropy":
            log = math.log(self.numbers or 1)
            if not log:
                if not satisfied(0.0, bound.relation, value):
                    self.model.AddBoolOr([])
                return
            name, value = "total", value / log
        figure, scale = self.figure(name)
        slack = 0 if scale == 1 else len(self.arcs)
        if bound.relation == "<=":
            self.model.Add(figure <= math.floor(value * scale) + slack)
        else:
            self.model.Add(figure >= math.ceil(value * scale) - slack)

    def _effectiveness(self, bound: Bound) -> None:
        """S >= T[L], or <=; nothing weighted has an effectiveness of 0."""
        (depth, _), (total, _) = self.figure("depth"), self.figure("total")
        upper, slack = bound.relation == "<=", len(self.arcs) + 1
        if bound.value <= 0:
            if upper:
                self.model.Add(depth == 0) if bound.value == 0 else self.model.AddBoolOr([])
            return
        table = [0 if upper else -1]
        for length in range(1, self._most("depth") + 1):
            least = round(length * math.log(length / bound.value) * SCALE)
            table.append(least - slack if upper else least + slack)
        limit = self.model.NewIntVar(min(table), max(table), "")
        self.model.AddElement(depth, table, limit)
        self.model.Add(total >= limit) if upper else self.model.Add(total <= limit)

    # --- solving --------------------------------------------------------------------------------------------------

    def best(self, effort: float, gap: float = 0.0, seed: int = 0) -> tuple[Way | None, bool]:
        """The best way that was not cut off, and whether that is proven; None where there is none, or none was found.

        effort: of the solver, in its own seconds, so that the answer is the same on every machine. gap: by what fraction
        another may be better that is not looked for.
        """
        solver = self.sat.CpSolver()
        settings = solver.parameters
        settings.num_workers, settings.random_seed, settings.max_deterministic_time = 1, seed, effort
        settings.linearization_level, settings.relative_gap_limit = 2, gap
        status = solver.Solve(self.model)
        if status not in (self.sat.OPTIMAL, self.sat.FEASIBLE):
            return None, status == self.sat.INFEASIBLE
        places = tuple(next(j for j, taken in enumerate(row) if solver.Value(taken)) for row in self.arcs)
        arcs = tuple(row[j] for row, j in zip(self.table.stages, places, strict=True))
        return Way(arcs, places), status == self.sat.OPTIMAL

    def _cut(self, way: Way) -> None:
        """Not this way again."""
        self.model.AddBoolOr([row[j].Not() for row, j in zip(self.arcs, way.places, strict=True) if len(row) > 1])
