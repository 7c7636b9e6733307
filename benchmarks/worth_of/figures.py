"""Figures from results: pure functions of records, each {"task", "method", "seed", "metric", "score", "tests", ...}.

An error is 1 - accuracy, or the root mean squared error; a ratio is that of a method to the plain network's on the same
task and seed. Both are told where both came to a result.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nasmyth.intervals import interval

Record = Mapping[str, Any]
BASE, RESAMPLES = "plain", 4000
RULES = ("handed over", "plain always", "best score in validation", "least loss in validation")


def error_of(score: float, metric: str, tests: int | None = None) -> float:
    """Less is better. No mistake among so many test examples counts as half a one, so that ratios are finite."""
    if metric != "accuracy":
        return score
    return max(1.0 - score, 0.5 / tests if tests else 0.0)


def errors(records: Iterable[Record]) -> dict[tuple[str, str, int], float]:
    """{(task, method, seed): error} of what came to a result."""
    return {
        (one["task"], one["method"], one["seed"]): error_of(one["score"], one["metric"], one.get("tests"))
        for one in records
        if one.get("score") is not None
    }


def ratios(records: Iterable[Record], method: str, base: str = BASE) -> dict[str, list[float]]:
    """{task: ratio of errors for each seed that both have}, in the order of the seeds."""
    known = errors(records)
    found: dict[str, list[float]] = {}
    for task, name, seed in sorted(known):
        if name == method and (task, base, seed) in known:
            found.setdefault(task, []).append(known[task, method, seed] / known[task, base, seed])
    return found


def geometric(found: Mapping[str, Sequence[float]], seed: int = 0) -> tuple[float, float, float]:
    """The geometric mean over tasks, each the geometric mean of its seeds, and its 95 % interval.

    From a bootstrap of two levels: tasks are drawn again, and of each that is drawn its seeds. NaN without any.
    """
    logs = [[math.log(ratio) for ratio in one] for one in found.values() if one]
    if not logs:
        return math.nan, math.nan, math.nan
    rng = random.Random(seed)

    def again() -> float:
        drawn = rng.choices(logs, k=len(logs))
        return statistics.fmean(statistics.fmean(rng.choices(one, k=len(one))) for one in drawn)

    resampled = sorted(again() for _ in range(RESAMPLES))
    low, high = resampled[int(0.025 * RESAMPLES)], resampled[int(0.975 * RESAMPLES) - 1]
    return math.exp(statistics.fmean(map(statistics.fmean, logs))), math.exp(low), math.exp(high)


def wins(found: Mapping[str, Sequence[float]]) -> tuple[int, int, int]:
    """Of all pairs of one task and seed: how often the method had less error, the same, and more."""
    flat = [ratio for one in found.values() for ratio in one]
    return sum(r < 1 for r in flat), sum(r == 1 for r in flat), sum(r > 1 for r in flat)


def worse(records: Iterable[Record], method: str, base: str = BASE) -> dict[str, float]:
    """{task: by how many standard deviations} of tasks where it is worse than the base by more than one.

    The standard deviation over seeds, pooled over both; a task with a single seed says nothing.
    """
    known, found = errors(records), {}
    for task in dict.fromkeys(task for task, _, _ in known):
        seeds = [s for t, m, s in known if (t, m) == (task, method) and (task, base, s) in known]
        if len(seeds) < 2:
            continue
        ours, theirs = ([known[task, one, seed] for seed in seeds] for one in (method, base))
        spread = math.sqrt((statistics.variance(ours) + statistics.variance(theirs)) / 2)
        behind = statistics.fmean(ours) - statistics.fmean(theirs)
        if behind > spread:
            found[task] = behind / spread if spread else math.inf
    return found


def spread(scores: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation; that of one is NaN."""
    return statistics.fmean(scores), statistics.stdev(scores) if len(scores) > 1 else math.nan


# --- the regret of a choice ---------------------------------------------------------------------------------------------


def regrets(finals: Sequence[Record], handed: int, metric: str) -> dict[str, float]:
    """{rule: regret} of one design: how far what the rule takes is behind the best of the finals on the test split.

    In points of accuracy, or in per cent of the least error. A rule that cannot be followed, such as "plain always" where no
    plain network was trained, is left out.
    """
    sign = 1.0 if metric == "accuracy" else -1.0
    taken: dict[str, Record | None] = {
        "handed over": next((one for one in finals if one["number"] == handed), None),
        "plain always": next((one for one in finals if one["origin"] == "baseline"), None),
        "best score in validation": max(finals, key=lambda one: (sign * one["valid"], -one["loss"]), default=None),
        "least loss in validation": min(finals, key=lambda one: one["loss"], default=None),
    }
    best = max((sign * one["test"] for one in finals), default=math.nan)
    return {
        rule: 100 * (best - sign * one["test"]) / (1.0 if metric == "accuracy" else abs(best))
        for rule, one in taken.items()
        if one is not None
    }


def mean_regrets(records: Iterable[Record], method: str, metric: str) -> dict[str, tuple[float, float, int]]:
    """{rule: mean regret, half the width of its 95 % interval (Student's t over designs), designs}."""
    told = [
        regrets(one["finals"], one["handed"], metric)
        for one in records
        if one["method"] == method and one["metric"] == metric and one.get("finals")
    ]
    by_rule = {rule: [one[rule] for one in told if rule in one] for rule in RULES}
    return {rule: (*interval(found), len(found)) for rule, found in by_rule.items() if found}
