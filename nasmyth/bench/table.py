"""A published table: a space whose candidates are all measured already, with the time that it took them.

    table = Table.read("nb201", "nb201_cifar10.parquet")
    table.row(genome)["valid_acc_200ep"]             # what training it once gave
    study = table.study("valid_acc_200ep", strategy=Evolution())
    table.run(study, queries=200, clock="train_seconds_200ep")

Any strategy, study and report works on a table as it does on real training; only the evaluation is a look into a row. Two
genomes are two candidates here even where their networks compute the same, since the table trained each of them.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from nasmyth.bench.files import read
from nasmyth.errors import DataError, GenomeError, UnitError, nearest
from nasmyth.search import Strategy
from nasmyth.space import Genome, Space
from nasmyth.study import Study
from nasmyth.study.trial import Limit, Objective, Trial
from nasmyth.units import quantity

LESS_IS_BETTER = (
    "loss",
    "error",
    "latency",
    "energy",
    "seconds",
    "params",
    "flops",
    "macs",
    "size",
    "memory",
    "rmse",
    "mae",
)
"""A column whose name holds one of these is minimised, unless said otherwise; accuracies and scores are maximised."""


def bounds(texts: Iterable[str]) -> list[Limit]:
    """Bounds on columns as people write them: "params<=500k". Raises UnitError."""
    return list(map(_bound, texts))


def _bound(text: str) -> Limit:
    match = re.fullmatch(r"\s*([^<>=]+?)\s*(<=|>=)\s*(.+)", text)
    if match is None:
        raise UnitError(f"cannot read {text!r} as a bound on a column; write column<=number, such as 'params<=500k'")
    return Limit(match[1], match[2], quantity(match[3]))


COUNTED = 1_000_000
"""Genomes of a space that are counted one by one."""


class Table:
    """Rows of figures about the networks of a space.

    columns: {name: values}, all of one length. texts: each row's network in the notation of the space. partial: whether
    networks may be missing, or lack figures; a query for one then is a failed trial. Raises DataError for a table that
    contradicts itself, and, unless partial, for one that does not hold the whole space.
    """

    def __init__(
        self, name: str, space: Space, notation: Any, texts: Sequence[str], columns: Mapping[str, Sequence[Any]],
        *, partial: bool = False,
    ) -> None:  # fmt: skip
        self.name, self.space, self.notation, self.partial = name, space, notation, partial
        self.columns = {column: list(values) for column, values in columns.items()}
        self.index: dict[str, int] = {}
        repeats: dict[int, list[int]] = {}
        for row, text in enumerate(texts):
            self._enter(row, text, repeats)
        self._average(repeats)
        missing = int(space.size) - len(self.index)
        if missing and not partial:
            raise DataError(
                f"{name}: holds {len(self.index):,} of the {int(space.size):,} networks of the space; "
                "say partial (--partial) to count the others as failures"
            )

    @classmethod
    def read(
        cls, space: str, path: str | os.PathLike[str], *, partial: bool = False, dataset: str | None = None,
        networks: str | None = None,
    ) -> Table:  # fmt: skip
        """The table of a registered space from a file; see `nasmyth.bench.files`. Raises DataError, with the cure."""
        from nasmyth.spaces import spaces

        named = spaces.get(space)
        if named.notation is None:
            able = [name for name, one in spaces if one.notation is not None]
            raise DataError(
                f"the space {space!r} has no notation that tables are written in; these have: {', '.join(able)}"
            )
        texts, columns = read(path, named.notation, dataset=dataset, networks=networks)
        name = os.path.basename(path) + (f" ({dataset})" if dataset else "")
        return cls(name, named(), named.notation, texts, columns, partial=partial)

    def _enter(self, row: int, text: str, repeats: dict[int, list[int]]) -> None:
        try:
            text = self.notation.text(self.notation.genome(text))
        except GenomeError as error:
            raise DataError(f"{self.name}, row {row}: {error}") from None
        first = self.index.setdefault(text, row)
        if first == row:
            return
        if self.notation.classes:
            repeats.setdefault(first, [first]).append(row)
            return
        differs = next((c for c, v in self.columns.items() if v[row] != v[first] and v[row] == v[row]), None)
        what = "the same again" if differs is None else f"with another {differs} ({self.columns[differs][row]})"
        raise DataError(f"{self.name}, row {row}: {text!r} stands in row {first} already, {what}; keep one")

    def _average(self, repeats: dict[int, list[int]]) -> None:
        """Leave one row of means where several tell of one class of networks."""
        for first, rows in repeats.items():
            for values in self.columns.values():
                known = [float(values[row]) for row in rows if values[row] == values[row]]
                values[first] = math.fsum(known) / len(known) if known else math.nan
        kept = sorted(self.index.values())
        self.columns = {name: [values[row] for row in kept] for name, values in self.columns.items()}
        place = {row: i for i, row in enumerate(kept)}
        self.index = {text: place[row] for text, row in self.index.items()}

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def genomes(self) -> tuple[list[int], int]:
        """How many genomes of the space stand for each row, and how many for none: what a random one finds.

        Counted one by one where several may stand for a row; a space too large for that is taken to have one for each.
        """
        size, ones = int(self.space.size), [1] * len(self)
        if size == len(self) or size > COUNTED:
            return ones, size - len(self)
        found = Counter(self.index.get(self.notation.text(genome), -1) for genome in self.space.enumerate())
        return [found[row] for row in range(len(self))], found[-1]

    def check(self, column: str) -> list[float]:
        """The values of a column. Raises DataError if there is none, or if it has gaps and the table is not partial."""
        if column not in self.columns:
            raise DataError(f"{self.name}: no column of numbers {column!r}{nearest(column, self.columns)}")
        values = [float(value) for value in self.columns[column]]
        gaps = [row for row, value in enumerate(values) if not math.isfinite(value)]
        if gaps and not self.partial:
            raise DataError(
                f"{self.name}: {column} is missing in {len(gaps):,} rows (the first is row {gaps[0]}); choose another "
                "column, or say partial (--partial) to count those networks as failures"
            )
        return values

    def row(self, genome: Genome) -> dict[str, Any]:
        """What the table says of a network. Raises DataError if that is nothing."""
        text = self.notation.text(genome)
        if text not in self.index:
            raise DataError(f"{self.name} says nothing of {text}")
        return {column: values[self.index[text]] for column, values in self.columns.items()}

    def study(
        self, objective: str, *, strategy: Strategy | None = None, seed: int = 0, under: Iterable[str] = (),
        maximize: bool | None = None, path: str | None = None,
    ) -> Study:  # fmt: skip
        """A study of this table; see `run`. `under` bounds columns: "params<=500000"."""
        goal = self.goal(objective, maximize)
        limits = bounds(under)
        for column in (objective, *(limit.name for limit in limits)):
            self.check(column)
        wanted: Any = {"maximize" if goal.direction == "max" else "minimize": [tuple(goal)]}
        wanted = {"maximize": (), **wanted}
        return Study(
            path, self.space, under=limits, strategy=strategy, seed=seed, task=self.name, distinct="genome", **wanted
        )

    def goal(self, objective: str, maximize: bool | None = None) -> Objective:
        """The objective with its direction: told, or read from the name of the column."""
        if maximize is None:
            maximize = not any(word in objective.lower() for word in LESS_IS_BETTER)
        return Objective(objective, "max" if maximize else "min")

    def run(
        self, study: Study, queries: int, *, clock: str | None = None, seconds: float = math.inf,
        progress: Callable[[Trial], object] | None = None,
    ) -> float:  # fmt: skip
        """Query until the study has so many trials, or the simulated clock passes `seconds`; gives its time.

        clock: the column that says how long each evaluation took; without one, every query takes a second.
        """
        names = {goal.name for goal in study.goals.objectives} | {limit.name for limit in study.goals.constraints}
        now = math.fsum(trial.seconds for trial in study.trials)
        while now < seconds:
            asked = study.ask(1, queries)
            if not asked:
                break
            (trial,) = asked
            closed = self._settle(study, trial, names, clock)
            now += closed.seconds
            if progress is not None:
                progress(closed)
        return now

    def _settle(self, study: Study, trial: Trial, names: Iterable[str], clock: str | None) -> Trial:
        try:
            row = self.row(trial.genome or {})
        except DataError as error:
            return study.fail(trial, str(error), seconds=0.0)
        figures = {name: row[name] for name in names}
        took = float(row[clock]) if clock else 1.0
        if all(math.isfinite(value) for value in figures.values()):
            return study.tell(trial, figures, took)
        return study.fail(trial, f"{self.name} has no figure for it", seconds=took)
