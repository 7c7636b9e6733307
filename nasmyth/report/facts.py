"""What a study has to say, as small tables and sentences. Everything here is a pure function of a summary.

The terminal and the page say the same things because both ask here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeGuard

from nasmyth.errors import NasmythError
from nasmyth.study.trial import Limit
from nasmyth.units import show

Summary = Mapping[str, Any]
Candidate = Mapping[str, Any]

USUAL = ("params", "macs", "size", "memory")
"""Costs that are shown where they were measured, whether or not anything constrains them."""


# --- measures -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def about(name: str) -> tuple[str, str]:
    """Unit and better direction ("min" or "max") of a measure, by name; of an unknown one, no unit and "max"."""
    from nasmyth.measure.measure import find

    try:
        measure = find(name)
        return measure.unit, measure.direction
    except NasmythError:
        return "raw", "max"


def shown(name: str, value: float | None) -> str:
    """A value of that measure as a person writes it; a dash for none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    unit = about(name)[0]
    return show(value, unit)


def goals(summary: Summary) -> list[tuple[str, str]]:
    """(measure, "max" or "min") of each objective."""
    return [(str(name), str(direction)) for name, direction in summary.get("objectives") or [("accuracy", "max")]]


def limits(summary: Summary) -> list[Limit]:
    """The budget."""
    return [Limit.parse(text) for text in summary.get("under") or ()]


def limit_text(limit: Limit) -> str:
    """A constraint as a person writes it: "params ≤ 10k"."""
    return f"{limit.name} {'≤' if limit.relation == '<=' else '≥'} {shown(limit.name, limit.bound)}"


# --- candidates ---------------------------------------------------------------------------------------------------


def finished(summary: Summary) -> list[Candidate]:
    """Candidates that have a result for the first objective, within the budget or not."""
    goal = goals(summary)[0][0]
    return [
        one for one in summary.get("trials", ()) if one["state"] == "finished" and number(one["measures"].get(goal))
    ]


def winner(summary: Summary) -> Candidate | None:
    """The best candidate, the one that the search chose."""
    best: Candidate | None = summary.get("best")
    return best


def result(summary: Summary) -> Mapping[str, Any]:
    """What the test split and the device said of the best; empty while nothing did, or if another is best by now."""
    said, best = summary.get("result") or {}, winner(summary)
    return said if best and said.get("trial") in (None, best["number"]) else {}


def costs(summary: Summary) -> list[str]:
    """What is traded against the first objective: the other objectives; else what is constrained; else parameters."""
    others = [name for name, _ in goals(summary)[1:]]
    limited = [limit.name for limit in limits(summary)]
    goal = goals(summary)[0][0]
    names = others or [name for name in (*limited, *USUAL) if name != goal]
    return [name for name in dict.fromkeys(names) if _measured(summary, name)] or ["seconds"]


def value(one: Candidate, name: str) -> float:
    """A measure of a candidate; "seconds" is the time that its evaluation took; NaN if there is none."""
    found = one["seconds"] if name == "seconds" else one["measures"].get(name)
    return float(found) if number(found) else math.nan


def front(summary: Summary) -> list[Candidate]:
    """The candidates within the budget that no other beats in all of `weighed`, best first, as the study has them."""
    return list(summary.get("front") or ())


def weighed(summary: Summary) -> list[str]:
    """What the front weighs: the objectives and the bounded costs."""
    limited = [limit.name for limit in limits(summary) if limit.relation == "<="] or ["params"]
    names = [*(name for name, _ in goals(summary)), *limited]
    return [name for name in dict.fromkeys(names) if _measured(summary, name)]


def shortlist(summary: Summary, most: int) -> list[Candidate]:
    """At most `most` of the front, best first; with the winner before and the baseline after, if they are not on it."""
    rows, best, baseline = front(summary), winner(summary), summary.get("baseline")
    there = {one["number"] for one in rows}
    first = [best] if best and best["number"] not in there else []
    there.update(one["number"] for one in first)
    told = baseline and not baseline.get("error") and number(baseline["measures"].get(goals(summary)[0][0]))
    last = [baseline] if baseline and told and baseline["number"] not in there else []
    return [*first, *rows[: most - len(first) - len(last)], *last]


def direction(name: str) -> str:
    """Which way is better for a cost or an objective."""
    return "min" if name == "seconds" else about(name)[1]


def columns(summary: Summary, rows: Sequence[Candidate]) -> list[str]:
    """The measures worth a column in a table of these candidates: objectives, constraints, usual costs."""
    names = [*(name for name, _ in goals(summary)), *(limit.name for limit in limits(summary)), *USUAL[:2]]
    return [name for name in dict.fromkeys(names) if any(number(one["measures"].get(name)) for one in rows)]


def trained(one: Candidate) -> str:
    """How far a candidate got: the last stage that was recorded, without its step."""
    stages = list(one.get("stages") or ())
    return stages[-1].partition("@")[0] if stages else ""


def role(summary: Summary, one: Candidate) -> str:
    """ "best", "baseline" or nothing."""
    best, baseline = winner(summary), summary.get("baseline")
    if best and one["number"] == best["number"]:
        return "best"
    return "baseline" if baseline and one["number"] == baseline["number"] else ""


# --- sentences ----------------------------------------------------------------------------------------------------


def headline(summary: Summary) -> str:
    """The result in one line."""
    best, name = winner(summary), task_name(summary)
    if best is None:
        return f"{name}: nothing within the budget yet"
    goal = goals(summary)[0][0]
    figures, where = final(summary)
    cost = costs(summary)[0]
    paid = f" with {shown(cost, value(best, cost))} {cost}" if cost != "seconds" else ""
    return f"{name}: {goal} {shown(goal, figures.get(goal))}{where}{paid}"


def final(summary: Summary) -> tuple[dict[str, float], str]:
    """The last word on the best candidate: its figures, and " on test" if they are those of the test split."""
    said = result(summary)
    if said.get("test"):
        return {**said["test"], **(said.get("device") or {})}, " on test"
    best = winner(summary)
    return (dict(best["measures"]) if best else {}), " on validation" if summary.get("task") else ""


def task_name(summary: Summary) -> str:
    """What the data is called."""
    task = summary.get("task")
    return str(task.get("name", "data")) if isinstance(task, Mapping) else str(task or "study")


def task_sentence(summary: Summary) -> str:
    """The data in one line, such as "classification, 10 classes, inputs 1x8x8; 1,077 train, 360 valid, 360 test"."""
    task = summary.get("task")
    if not isinstance(task, Mapping):
        return ""
    parts = [str(task.get("kind", ""))]
    if task.get("classes"):
        parts.append(f"{len(task['classes'])} classes")
    if task.get("input"):
        parts.append(f"inputs {_shapes(task['input'])}")
    sizes = ", ".join(f"{count:,} {name}" for name, count in (task.get("sizes") or {}).items())
    return "; ".join(part for part in (", ".join(filter(None, parts)), sizes) if part)


def _shapes(given: Any) -> str:
    """ "1x8x8"; of several inputs "x 2708x1433, edges 2x10556"."""
    if all(isinstance(entry, list) for entry in given):
        return ", ".join(f"{entry[0]} {_shapes(entry[1])}" for entry in given)
    return "x".join(map(str, given))


def noted(summary: Summary, what: str) -> Mapping[str, Any] | None:
    """The last note of this kind; None where there is none."""
    found: Iterable[Mapping[str, Any]] = reversed(summary.get("notes") or [])
    return next((note for note in found if note.get("what") == what), None)


def data_notes(summary: Summary) -> list[str]:
    """What was inferred and decided while the data was read, a sentence each."""
    task = summary.get("task")
    return [str(note) for note in (task.get("notes") or ())] if isinstance(task, Mapping) else []


def asked(summary: Summary) -> str:
    """What was asked for: "maximise accuracy under params ≤ 10k"."""
    aims = " and ".join(f"{'maximise' if way == 'max' else 'minimise'} {name}" for name, way in goals(summary))
    under = ", ".join(map(limit_text, limits(summary)))
    return f"{aims} under {under}" if under else aims


def reproduce(summary: Summary) -> str:
    """The line that does it again."""
    return str(summary.get("command") or "")


# --- tables -------------------------------------------------------------------------------------------------------


def funnel(summary: Summary) -> list[dict[str, Any]]:
    """Stage by stage: stage, entered, passed, price_s (seconds for one candidate, or None)."""
    return [
        {"stage": str(row.get("stage")), "entered": row.get("entered") or 0, "passed": row.get("passed") or 0,
         "price_s": row.get("price_s")}
        for row in summary.get("funnel") or ()
    ]  # fmt: skip


def times(summary: Summary) -> list[tuple[str, float, float]]:
    """(phase, seconds, share of all), longest first; where no phases were noted, the evaluations are all there is."""
    spend = summary.get("spend") or {}
    phases = dict(spend.get("phases") or {})
    if not phases and spend.get("seconds"):
        phases = {"evaluating candidates": float(spend["seconds"])}
    total = math.fsum(phases.values())
    rows = sorted(phases.items(), key=lambda pair: -pair[1])
    return [(name, seconds, seconds / total if total else 0.0) for name, seconds in rows]


def spent(summary: Summary) -> str:
    """How much was spent of what was allowed, such as "40 candidates (2 failed) in 88.1 s of 90 s"."""
    spend = summary.get("spend") or {}
    failed = f" ({spend['failed']} failed)" if spend.get("failed") else ""
    allowed = spend.get("asked") or {}
    seconds = allowed.get("seconds") if isinstance(allowed, Mapping) else allowed
    of = f" of {show(float(seconds), 's')}" if number(seconds) else ""
    took = math.fsum((spend.get("phases") or {}).values())
    if not took:  # evaluations may have run side by side; and a study may have lain still for days
        took = min(float(spend.get("elapsed") or 0.0), float(spend.get("seconds") or math.inf))
    tried = int(spend.get("trials") or 0)
    return f"{tried} candidate{'s' * (tried != 1)}{failed} in {show(took, 's')}{of}"


def failures(summary: Summary) -> list[tuple[str, int]]:
    """(reason, how many), most frequent first."""
    return Counter(one["error"]["reason"] for one in summary.get("failures") or ()).most_common()


def _measured(summary: Summary, name: str) -> bool:
    return any(number(one["measures"].get(name)) for one in finished(summary))


def number(found: Any) -> TypeGuard[float]:
    """Whether this is a finite number."""
    return isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found)
