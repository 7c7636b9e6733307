"""What training-free scores say of candidates: their values, what they cost, how often they fail, how much is luck.

    scored(graphs, measures, task)      {"synflow": Scored(values=..., seconds=..., failures=..., by_init=..., by_batch=...)}

Every measure is told by `nasmyth.measure.evaluate`, one at a time, so that one that fails is in no other's way; what two of
them need (the network, the batch) is made once. Then the first candidates are measured again: with other first weights on the
same examples, and with the same first weights on other examples.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nasmyth.bench.ranking import finite_first
from nasmyth.errors import DataError
from nasmyth.measure import Candidate, Measure, evaluate, find, needs
from nasmyth.measure.scores.aggregate import promises_more

TOGETHER = 64
"""Candidates that a measure of many is asked about at once."""
VARIED, REPEATING = 12, 20.0
"""Candidates that are measured again with other weights and batches: the first ones, at most so many; and no further one (of
three or more) after so many seconds, since gradients of a large network take long."""
FEWEST = 3


@dataclass
class Scored:
    """One measure of all candidates."""

    values: list[float] = field(default_factory=list)
    """In the order of the candidates; NaN where it failed."""
    took: list[float] = field(default_factory=list)
    """Seconds of each, with those of what it needs by itself."""
    failures: dict[int, str] = field(default_factory=dict)
    """{candidate: why it has no finite value}."""
    by_init: float = 0.0
    """Variance over first weights, as a share of the variance between candidates; both of ranks. 1 is all luck."""
    by_batch: float = 0.0
    """The same over examples."""

    @property
    def seconds(self) -> float:
        """The median over candidates: the first pays for what is loaded once."""
        return statistics.median(self.took) if self.took else math.nan


def oriented(measure: Measure | str, values: Iterable[float]) -> np.ndarray:
    """Values so that more promises a better network, and what is not finite is last.

    A score says by its direction which way is better. Of a cost (`COSTS`) more promises more, though less is wished for.
    """
    one = find(measure)
    found = np.array(list(values), dtype=float)
    return finite_first(found if promises_more(one) else -found)


def refuse(measures: Iterable[Measure], task: Any) -> None:
    """Raise DataError for a measure that is none of untrained networks, or that such a task cannot tell."""
    for one in measures:
        if one.requires & {"trained", "training"}:
            raise DataError(
                f"{one.name} needs training: it is what scores are held against; give measures of untrained networks, such "
                "as 'params' (`nasmyth list measures`)"
            )
        if lacking := Candidate(None, task=task).lacks(tuple(name for name in one.needs if name != "graph")):
            lacks = [name for name in lacking if name != "graph"]
            if lacks:
                raise DataError(
                    f"{one.name} needs {'data' if 'task' in lacks else lacks[0]}: say which, such as --data digits"
                )
        one.check_task(task)


def scored(
    graphs: Sequence[Any],
    measures: Iterable[Measure | str],
    task: Any = None,
    *,
    seed: int = 0,
    seeds: int = 3,
    told: Callable[[int], object] = lambda count: None,
) -> dict[str, Scored]:
    """Measure untrained candidates. seeds: how many first weights, and how many batches, variances are of.

    told: called with the number of candidates done. Raises DataError for a measure that has a value for no candidate.
    """
    asked = [find(one) for one in measures]
    found = {one.name: Scored() for one in asked}
    batches = [_examples(graphs[0], task, seed + i, asked) for i in range(seeds)] if len(graphs) else []
    again: dict[str, tuple[list[list[float]], list[list[float]]]] = {one.name: ([], []) for one in asked}
    spent = 0.0
    for i, graph in enumerate(graphs):
        first = Candidate(graph, seed=seed, task=task, made=batches[0])
        for one in asked:
            if not one.many:
                _enter(found[one.name], i, [first], one)
        if i < VARIED and (i < FEWEST or spent < REPEATING):
            spent -= time.perf_counter()
            _vary([graph], asked, found, again, (task, seed, batches), many=False)
            spent += time.perf_counter()
        told(i + 1)
    for one in asked:
        if one.many:
            for begin in range(0, len(graphs), TOGETHER):
                group = [Candidate(g, seed=seed, task=task, made=batches[0]) for g in graphs[begin : begin + TOGETHER]]
                _enter(found[one.name], begin, group, one)
    _vary(graphs[:VARIED], asked, found, again, (task, seed, batches), many=True)
    for name, told_of in found.items():
        if len(told_of.failures) == len(graphs):
            raise DataError(
                f"{name} has a value for none of {len(graphs)} candidates: {next(iter(told_of.failures.values()))}"
            )
        told_of.by_init, told_of.by_batch = (luck(values) for values in again[name])
    return found


def luck(values: Sequence[Sequence[float]]) -> float:
    """Variance within candidates as a share of that between them: candidates x repetitions, in ranks over all of them.

    The mean variance over repetitions, by the mean over repetitions of the variance between candidates: 0 where repeating
    changes nothing, about 1 where nothing but chance tells candidates apart. Ranks, since an audit is of an order: a score that
    spans decades would be judged by its largest values alone. NaN where all values are equal, or there are too few.
    """
    table = np.array([list(row) for row in values], dtype=float)
    if table.ndim != 2 or min(table.shape) < 2:
        return math.nan
    _, places = np.unique(finite_first(table.ravel()), return_inverse=True)
    counts = np.bincount(places)
    ranks = (np.cumsum(counts) - counts / 2)[places].reshape(table.shape)
    between = ranks.var(axis=0, ddof=1).mean()
    return float(ranks.var(axis=1, ddof=1).mean() / between) if between > 0 else math.nan


# --- inside -------------------------------------------------------------------------------------------------------------


def _enter(into: Scored, begin: int, group: Sequence[Candidate], one: Measure) -> None:
    """Measure a group of candidates, and write down what came of it."""
    for i, told in enumerate(evaluate(group, [one]), begin):
        into.values.append(told.values.get(one.name, math.nan))
        if told.error is not None:
            into.failures[i] = f"{type(told.error).__name__}: {told.error}".splitlines()[0]
        elif not math.isfinite(into.values[-1]):
            into.failures[i] = f"it gave {into.values[-1]}"
        else:
            needed = sum(group[i - begin].seconds.get(name, 0.0) for name in one.requires)
            into.took.append(told.seconds.get(one.name, 0.0) + needed)


def _vary(
    graphs: Sequence[Any],
    asked: Sequence[Measure],
    found: dict[str, Scored],
    again: dict[str, tuple[list[list[float]], list[list[float]]]],
    given: tuple[Any, int, list[dict[str, Any]]],
    *,
    many: bool,
) -> None:
    """Measure these once more for each further seed: with its first weights, then with its examples.

    What a measure does not need cannot change it, and is not measured again.
    """
    task, seed, batches = given
    for place, seeded in enumerate((False, True)):
        wanted = [one for one in asked if one.many == many and _depends(one, seeded)]
        others = [
            [
                Candidate(graph, seed=seed if seeded else seed + i, task=task, made=batches[i if seeded else 0])
                for graph in graphs
            ]
            for i in range(1, len(batches))
        ]
        for one in [one for one in asked if one.many == many]:
            rows = again[one.name][place]
            begin = len(rows)
            first = found[one.name].values[begin : begin + len(graphs)]
            columns = (
                [[told.values.get(one.name, math.nan) for told in evaluate(group, [one])] for group in others]
                if (one in wanted)
                else [first] * len(others)
            )
            rows.extend([value, *(column[i] for column in columns)] for i, value in enumerate(first))


def _depends(one: Measure, on_examples: bool) -> bool:
    """Whether other examples, or else another seed with the same examples, can change it."""
    if on_examples:
        return bool(one.requires & {"batch", "labels"})
    return one.stochastic or _takes_seed(one.needs)


def _takes_seed(names: Iterable[str]) -> bool:
    """Whether these needs, or what they take, follow from the seed; examples aside."""
    return any(
        name == "seed" or _takes_seed(needs.get(name).takes) for name in names if name not in ("batch", "labels")
    )


def _examples(graph: Any, task: Any, seed: int, asked: Iterable[Measure]) -> dict[str, Any]:
    """The batch and the labels of a seed, as far as they are needed: the same for every candidate."""
    needed = {name for one in asked for name in one.requires if name in ("batch", "labels")}
    candidate = Candidate(graph, seed=seed, task=task)
    return {name: candidate[name] for name in sorted(needed)}
