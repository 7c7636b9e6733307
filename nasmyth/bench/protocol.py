"""How well strategies search a table, told honestly: many seeds, several budgets, beside what chance alone would give.

Random search has a closed form on a table: the best of n networks drawn without repetition from N sorted ones is the k-th
with probability [C(k, n) - C(k-1, n)] / C(N, n), so its expectation needs no sampling. Beside it stand the regret to the
best network of the table, the probability of having found that one, and the improvement over the average network,
100 (found - average) / average (Yang et al. 2020, arXiv:1912.12522): how much of a result is the search, and how much
the space.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nasmyth.bench.table import Table, bounds
from nasmyth.errors import BudgetError, DataError
from nasmyth.intervals import interval
from nasmyth.search import Strategy
from nasmyth.study.trial import Objective
from nasmyth.units import show


@dataclass(frozen=True)
class Anytime:
    """What a strategy had found after each query, for each seed."""

    strategy: str
    objective: Objective
    best: tuple[tuple[float, ...], ...]
    """Of the objective, in the column's unit; NaN before anything within the budget was found."""
    reported: tuple[tuple[float, ...], ...]
    """Another column of the network that was best so far, such as its test accuracy; empty if none was asked for."""
    seconds: tuple[tuple[float, ...], ...]
    """On the simulated clock."""


def anytime(
    table: Table,
    strategy: Strategy,
    objective: str,
    *,
    queries: int = 200,
    seeds: int | Iterable[int] = 20,
    under: Sequence[str] = (),
    maximize: bool | None = None,
    report: str | None = None,
    clock: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> Anytime:
    """Search the table once for each seed. Costs `seeds * queries` rows. progress: called with each seed that is done."""
    for column in filter(None, (report, clock)):
        table.check(column)
    refuse_too_thin(table, queries)
    goal = table.goal(objective, maximize)
    refuse_infeasible(table, goal, under)
    sign = 1.0 if goal.direction == "max" else -1.0
    runs = []
    for seed in range(seeds) if isinstance(seeds, int) else seeds:
        with table.study(objective, strategy=strategy, seed=seed, under=under, maximize=maximize) as study:
            table.run(study, queries, clock=clock)
            trials = study.trials
        best, shown, now = -math.inf, math.nan, 0.0
        curve: list[tuple[float, float, float]] = []
        for trial in trials:
            now += trial.seconds
            if trial.feasible and trial.objectives[0] > best:
                best = trial.objectives[0]
                shown = float(table.row(trial.genome or {})[report]) if report else math.nan
            curve.append((sign * best if math.isfinite(best) else math.nan, shown, now))
        runs.append(curve)
        if progress is not None:
            progress(seed)
    columns = [tuple(tuple(point[i] for point in run) for run in runs) for i in range(3)]
    return Anytime(repr(strategy), goal, columns[0], columns[1] if report else (), columns[2])


def refuse_too_thin(table: Table, queries: int) -> None:
    """Raise DataError for a table that holds so little of its space that a search would meet none of it."""
    expected = queries * len(table) / table.space.size
    if expected < 1:
        raise DataError(
            f"{table.name} holds {len(table):,} of {show(table.space.size)} networks: of {queries} random ones "
            f"{expected:.2g} "
            "would be in it, so a search finds nothing to go by. Tables so thin are for predictors and rank correlations"
        )


def refuse_infeasible(table: Table, goal: Objective, under: Sequence[str]) -> None:
    """Raise BudgetError, which says what the table has, if no network with a figure for the goal is within the budget."""
    if any(map(math.isfinite, feasible_values(table, goal, under))):
        return
    limits = bounds(under)
    spans = []
    for name in dict.fromkeys(limit.name for limit in limits):
        known = [value for value in table.check(name) if math.isfinite(value)]
        spans.append(f"{name} goes from {min(known):.6g} to {max(known):.6g}" if known else f"{name} has no figures")
    raise BudgetError(
        f"{table.name}: no network meets {' and '.join(map(str, limits))}; there, {', '.join(spans)}"
        if limits
        else f"{table.name}: no network has a figure for {goal.name}",
        binding=str(limits[0]) if limits else "",
    )


def feasible_values(table: Table, goal: Objective, under: Sequence[str] = ()) -> list[float]:
    """The objective of every genome of the space whose network the table has within the budget, more being better; -inf for
    others."""
    limits = bounds(under)
    sign = 1.0 if goal.direction == "max" else -1.0
    values_of = {limit.name: table.check(limit.name) for limit in limits}
    found = []
    genomes, absent = table.genomes
    for row, value in enumerate(table.check(goal.name)):
        met = all(limit.violation({limit.name: values_of[limit.name][row]}) == 0 for limit in limits)
        found += [sign * value if met and math.isfinite(value) else -math.inf] * genomes[row]
    return found + [-math.inf] * absent


def expected_random(values: Sequence[float], n: int) -> float:
    """The expected best of n values drawn without repetition: exact (see the top of this file).

    Values of -inf are draws that find nothing; the expectation is over the cases in which something is found.
    """
    ranked, total = sorted(values), len(values)
    if not 1 <= n <= total:
        raise ValueError(f"expected_random(n={n}): draw from 1 to all {total} values")
    below = 0.0  # the probability that all draws are among the first k
    mean = mass = 0.0
    for k, value in enumerate(ranked, 1):
        among = math.exp(_log_choose(k, n) - _log_choose(total, n)) if k >= n else 0.0
        if math.isfinite(value):
            mean += (among - below) * value
            mass += among - below
        below = among
    return mean / mass if mass else math.nan


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def at_budgets(table: Table, found: Anytime, budgets: Sequence[int], under: Sequence[str] = ()) -> list[dict[str, Any]]:
    """A row a budget (a number of queries): mean, interval, regret, probability of the optimum, and what chance gives."""
    values = feasible_values(table, found.objective, under)
    sign = 1.0 if found.objective.direction == "max" else -1.0
    able = [value for value in values if math.isfinite(value)]
    optimum, average = sign * max(able), sign * statistics.fmean(able)
    rows = []
    for budget in budgets:
        reached = [run[min(budget, len(run)) - 1] for run in found.best]
        kept = [value for value in reached if not math.isnan(value)]
        mean, half = interval(kept)
        row = {
            "strategy": found.strategy, "queries": budget, "seeds": len(reached), "found": len(kept), "mean": mean,
            "half": half,
            "regret": _regret(optimum, mean), "p_optimum": sum(value == optimum for value in kept) / len(reached),
            "random": sign * expected_random(values, min(budget, len(values))), "average": average, "optimum": optimum,
            "improvement": 100 * sign * (mean - average) / abs(average) if average else math.nan,
        }  # fmt: skip
        if found.reported:
            shown = [run[min(budget, len(run)) - 1] for run in found.reported]
            row["reported"], row["reported_half"] = interval([value for value in shown if not math.isnan(value)])
        row["seconds"] = statistics.fmean(run[min(budget, len(run)) - 1] for run in found.seconds)
        rows.append(row)
    return rows


def _regret(optimum: float, mean: float) -> float:
    """How far the mean is from the best: of searches that all found it, a mean may miss it by a rounding."""
    return 0.0 if math.isclose(optimum, mean, rel_tol=1e-12) else abs(optimum - mean)
