"""The trials of a study as a table: for pandas, and the best of them for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nasmyth.errors import require
from nasmyth.markup import table
from nasmyth.study.log import Log, rank_key
from nasmyth.study.trial import Trial
from nasmyth.units import show

MOST = 8
"""Trials that a notebook shows of a study."""


def frame(trials: Sequence[Trial]) -> Any:
    """A DataFrame with a row for each trial, those that are open or failed included.

    number; state ("finished", "failed", "open"); origin (who proposed it); stage (the last that was recorded) and the
    epochs trained there; seconds of evaluation; failure, in words; whether it is within the budget; key of the graph; a
    column for each measure (NaN where it was not told); and one for each decision, "genome.ADDRESS", with NA where the
    genome has no such decision.
    """
    pandas = require("pandas", extra="data")
    measures = sorted({name for trial in trials for name in trial.measures})
    decisions = dict.fromkeys(address for trial in trials for address in trial.genome or ())
    columns: dict[str, Any] = {
        "number": [trial.number for trial in trials],
        "state": [state(trial) for trial in trials],
        "origin": [trial.origin for trial in trials],
        "stage": [next(reversed(trial.stages), "") for trial in trials],
        "epochs": pandas.array([_epochs(trial) for trial in trials], dtype="float64"),
        "seconds": pandas.array([trial.seconds for trial in trials], dtype="float64"),
        "failure": [str(trial.error) if trial.error else "" for trial in trials],
        "feasible": [trial.feasible for trial in trials],
        "key": [trial.key for trial in trials],
    }
    for name in measures:
        label = name if name not in columns else f"measure.{name}"
        columns[label] = pandas.array([trial.measures.get(name, float("nan")) for trial in trials], dtype="float64")
    for address in decisions:
        columns[f"genome.{address}"] = _column(pandas, [(trial.genome or {}).get(address) for trial in trials])
    return pandas.DataFrame(columns)


def _epochs(trial: Trial) -> float:
    """Of the last stage that trained."""
    told = [stage["epochs"] for stage in trial.stages.values() if "epochs" in stage]
    return float(told[-1]) if told else float("nan")


def _column(pandas: Any, values: list[Any]) -> Any:
    """Whole numbers stay whole numbers beside missing ones; lists stay what they are."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return pandas.array(values, dtype="Int64" if None in values else "int64")
    if kinds == {bool}:
        return pandas.array(values, dtype="boolean" if None in values else "bool")
    if kinds and kinds <= {int, float}:
        return pandas.array([float("nan") if value is None else value for value in values], dtype="float64")
    return pandas.Series(values, dtype=object)


def state(trial: Trial) -> str:
    """ "finished", "failed" or "open"."""
    return "failed" if trial.error else "finished" if trial.closed else "open"


def html(log: Log, where: str | None) -> str:
    """The best trials within the budget, else the last, with what is looked for above them."""
    trials = list(log.trials.values())
    counts = {name: sum(state(trial) == name for trial in trials) for name in ("finished", "failed", "open")}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no trials yet"
    goals = " and ".join(f"{'maximise' if goal.direction == 'max' else 'minimise'} {goal.name}" for goal in log.goals)
    under = f" under {', '.join(map(str, log.header.get('under', ())))}" if log.limits else ""
    able = sorted((trial for trial in trials if trial.feasible), key=rank_key, reverse=True)
    rows = able[:MOST] or trials[-MOST:]
    names = [goal.name for goal in log.goals] + [limit.name for limit in log.limits]
    names = list(
        dict.fromkeys([*names, *(name for name in ("params", "macs") if any(name in t.measures for t in rows))])
    )
    heads = ("#", *names, "state", "stage", "seconds", "key")
    cells = [
        (t.number, *(_figure(name, t.measures.get(name)) for name in names), state(t), next(reversed(t.stages), ""),
         show(t.seconds, "s"), t.key[:8])
        for t in rows
    ]  # fmt: skip
    which = f"; the best {len(rows)}" if able and len(able) > MOST else ""
    right = range(len(names) + 1)
    return table(heads, cells, right, f"Study {where or 'in memory'}: {goals}{under}; {said}{which}")


def _figure(name: str, value: float | None) -> str:
    from nasmyth.measure.measure import measures

    if value is None or value != value:
        return "-"
    measure = measures.get(name) if name in measures else None
    return show(value, getattr(measure, "unit", "raw"))
