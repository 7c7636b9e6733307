"""Many scores as one: the sum of the logarithms of ranks, without any label (AZ-NAS, Lee and Ham 2024, arXiv:2403.19232,
equation 9).

    score_i = sum over scores of log( rank of i / n ),    the best of n has rank n, the worst 1

The logarithm asks for networks that are bad by nothing: a low rank in one score costs more than a high one in another
brings. The value of one network depends on those that it is ranked among. `aggregated` ranks a whole sample; a measure of
single networks ranks them in a sample that was scored before and is kept in a file:

    reference(space, ["jacov", "swap"], task).write("scores.json")
    Study("s.db", space, maximize="rank_aggregate@scores.json", strategy="evolution")

Ties have the mean of their ranks; what failed or is not finite ranks last.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nasmyth.errors import CandidateError, DataError
from nasmyth.measure.candidate import Candidate
from nasmyth.measure.evaluate import evaluate
from nasmyth.measure.files import FILES
from nasmyth.measure.measure import Measure, find, measures

DEFAULT = ("synflow", "trainability", "expressivity", "progressivity")
"""AZ-NAS with SynFlow in the place of its MACs: how much flows, how gradients pass, how evenly features spread, and whether
that grows from block to block. Chosen on cells of NAS-Bench-201 and NAS-Bench-101 for CIFAR-10 (benchmarks/scores.txt).
Parameters, `jacov`, `trainability` and `progressivity` rank the former better, and the latter, where `jacov` points the other
way, far worse."""
COSTS = (*FILES["counts"], *FILES["device"])
"""Measures of which less is wished for and more promises more: as scores they are taken to rank by being large."""


def promises_more(measure: Measure | str) -> bool:
    """Whether a larger value promises a better network: by the direction of the measure, but for costs."""
    one = find(measure)
    return one.direction == "max" or one.name.partition("@")[0] in COSTS


def promise(measure: Measure | str) -> str:
    """The direction, "max" or "min", in which a measure promises a better network."""
    return "max" if promises_more(measure) else "min"


def aggregated(columns: Mapping[str, Sequence[float]], directions: Mapping[str, str] | None = None) -> Any:
    """Sum of log ranks of each candidate, an array N: more is better. columns: {score: its value for each candidate}.

    directions: "min" or "max" by score, as each promises unless said.
    """
    told = {name: promise(name) if directions is None else directions[name] for name in columns}
    return sum(np.log(shares(values, told[name])) for name, values in columns.items())


def shares(values: Sequence[float], direction: str = "max", among: Sequence[float] | None = None) -> Any:
    """Ranks over N, in (0, 1], the best nearest to 1: of each value in all of them, or in a sample that it is added to."""
    given = upward(values, direction)
    ordered = np.sort(given if among is None else upward(among, direction))
    below, to = np.searchsorted(ordered, given, "left"), np.searchsorted(ordered, given, "right")
    if among is None:
        return (below + 1 + to) / 2 / len(ordered)
    return ((below + to) / 2 + 1) / (len(ordered) + 1)


def upward(values: Sequence[float], direction: str) -> Any:
    """More is better, and what is not finite is below all else."""
    given = np.asarray(values, dtype=float) * (1.0 if direction == "max" else -1.0)
    return np.where(np.isfinite(given), given, -math.inf)


@dataclass(frozen=True)
class Reference:
    """A sample of networks, and what scores said of them: {score: values}, {score: "min" or "max"}."""

    columns: dict[str, list[float]]
    directions: dict[str, str]

    def value(self, told: Mapping[str, float]) -> float:
        """The sum of the log ranks of a network with these scores, as if it were added to the sample."""
        ranks = (shares([told[n]], self.directions[n], column) for n, column in self.columns.items())
        return float(sum(np.log(rank[0]) for rank in ranks))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Keep it as JSON."""
        Path(path).write_text(json.dumps(asdict(self)) + "\n", "utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Reference:
        """Raises DataError for a file that is none."""
        try:
            found = cls(**json.loads(Path(path).read_text("utf-8")))
            counts = {len(np.asarray(column, dtype=float)) for column in found.columns.values()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}: no reference scores ({error}); make them with reference(space).write(...)"
            ) from None
        if len(counts) != 1 or 0 in counts or found.columns.keys() != found.directions.keys():
            raise DataError(f"{path}: its scores are of no networks, or of different numbers of them; make it again")
        return found


def reference(
    space: Any,
    scores: Iterable[Measure | str] | Mapping[str, str] = DEFAULT,
    task: Any = None,
    *,
    sample: int = 200,
    seed: int = 0,
) -> Reference:
    """Score random networks of a space. What fails is NaN.

    scores: measures; or {measure: "min" or "max"} where another direction is meant than that in which it promises more.
    Raises DataError where a score needs a task that is not given.
    """
    asked = [find(one) for one in scores]
    told = dict(scores) if isinstance(scores, Mapping) else {one.name: promise(one) for one in asked}
    columns: dict[str, list[float]] = {one.name: [] for one in asked}
    for i in range(sample):
        candidate = Candidate(space.decode(space.sample(f"{seed} {i}")), seed=seed, task=task)
        for one in asked:
            columns[one.name].append(evaluate(candidate, [one]).values.get(one.name, math.nan))
    return Reference(columns, told)


@cache
def rank_aggregate(path: str) -> Measure:
    """Sum of log ranks by several scores, in a sample that was scored before and is kept in a file: rank_aggregate@FILE."""
    known = Reference.read(path)
    parts = [find(name) for name in known.columns]
    needs = tuple(dict.fromkeys(name for part in parts for name in part.needs))

    def among(*given: Any) -> float:
        made = dict(zip(needs, given, strict=True))
        return known.value({part.name: _told(part, [made[name] for name in part.needs]) for part in parts})

    among.__doc__ = f"Sum of log ranks by {', '.join(known.columns)} among the networks of {path}."
    return Measure(f"rank_aggregate@{path}", among, unit="", direction="max", needs=needs)


def _told(part: Measure, given: list[Any]) -> float:
    """The figure of one network; what it cannot be told of ranks last."""
    try:
        return float(part.function(*([one] for one in given))[0] if part.many else part.function(*given))
    except CandidateError:
        return math.nan


# what `nasmyth list` and errors show as an example, and what there is to say of all of them
rank_aggregate.place, rank_aggregate.unit, rank_aggregate.direction = "scores.json", "", "max"  # type: ignore[attr-defined]
measures.add("rank_aggregate", rank_aggregate)
