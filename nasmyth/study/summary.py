"""A study as plain data: all that `nasmyth show` and the report have to say, from the journal and nothing else.

Everything in it can be written as JSON. A number that is not finite is None; `nonfinite` beside it says which it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nasmyth.study.chance import near_chance
from nasmyth.study.journal import Journal
from nasmyth.study.log import Log, fold
from nasmyth.study.trial import Trial


def summary(journal: Journal) -> dict[str, Any]:
    """What a journal tells: see `summarised`."""
    return summarised(fold(journal.read()))


def summarised(log: Log) -> dict[str, Any]:
    """best, front, trials, failures, funnel, spend, baseline, timeline, and what the study is about.

    best, baseline and those of front and failures are whole candidates; best and baseline may be None. What is near the
    level of chance is not on the front. timeline has [seconds of work, trial, value] of each result for the first
    objective.
    """
    said, level = log.header, chance(log)
    trials = [candidate(trial, level) for _, trial in sorted(log.trials.items())]
    by_number = {one["number"]: one for one in trials}
    baselines = [t for t in log.trials.values() if t.origin == "baseline"]
    baseline = max(baselines, key=lambda t: (t.finished, t.stage.share, t.number)).number if baselines else None
    return {
        "best": by_number[log.best.number] if log.best else None,
        "front": [one for one in (by_number[trial.number] for trial in log.front) if not one["near_chance"]],
        "trials": trials,
        "failures": [one for one in trials if one["error"]],
        "funnel": funnel(log),
        "spend": spent(log),
        "baseline": None if baseline is None else by_number.get(baseline),
        "objectives": [list(goal) for goal in log.goals],
        "under": list(said.get("under", ())),
        "task": said.get("task"),
        "environment": said.get("environment"),
        "command": said.get("command", ""),
        "seed": said.get("seed"),
        "strategy": said.get("strategy"),
        "space": said.get("space_key"),
        "nasmyth": said.get("nasmyth"),
        "plan": _last(log, "plan"),
        "chosen": _last(log, "chosen"),
        "result": _last(log, "result"),
        "chance": level,
        "timeline": plain(log.timeline),
        "notes": [plain(note) for note in log.notes],
        "artefacts": dict(log.artefacts),
        "damaged": list(log.damaged),
    }


def _last(log: Log, what: str) -> dict[str, Any] | None:
    return next((plain(note) for note in reversed(log.notes) if note.get("what") == what), None)


def chance(log: Log) -> Any:
    """What giving the same answer to everything scores in validation, as the task told it; None where it told nothing."""
    task = log.header.get("task")
    return plain(task.get("chance")) if isinstance(task, Mapping) else None


def candidate(trial: Trial, level: Any = None) -> dict[str, Any]:
    """One trial as plain data; `level` is that of chance."""
    made: dict[str, Any] = {
        "number": trial.number,
        "key": trial.key,
        "genome": plain(trial.genome),
        "measures": plain(trial.measures),
        "stages": plain(trial.stages),
        "origin": trial.origin,
        "error": {"reason": trial.error.reason, "message": trial.error.message} if trial.error else None,
        "state": "failed" if trial.error else "finished" if trial.closed else "open",
        "feasible": trial.feasible,
        "near_chance": trial.finished and near_chance(trial.measures, level),
        "violation": plain(trial.violation),
        "objectives": plain(list(trial.objectives)),
        "recipe": plain(trial.recipe),
        "seconds": trial.seconds,
        "artefacts": dict(trial.artefacts),
    }
    if odd := {name: str(value) for name, value in trial.measures.items() if not math.isfinite(value)}:
        made["nonfinite"] = odd
    if trial.drawing is not None:
        made["graph"] = trial.drawing
    return made


def funnel(log: Log) -> list[dict[str, Any]]:
    """Stage by stage: how many candidates entered, how many passed, and the price of one in seconds.

    As noted by the search (the last note of a stage counts). Where trials are at stages: a candidate that was tried further
    has passed. Otherwise from what was recorded, in the order in which stages first appear: those that entered a stage passed
    the one before it.
    """
    noted = {note.get("stage"): note for note in log.notes if note.get("what") == "funnel"}
    if noted:
        return [plain({k: v for k, v in note.items() if k not in ("what", "time")}) for note in noted.values()]
    if any(not trial.full for trial in log.trials.values()):
        return [plain(row) for row in _by_stage(log)]
    prices: dict[str, list[float]] = {}
    for _, trial in sorted(log.trials.items()):
        for label, stage in trial.stages.items():
            prices.setdefault(label, []).append(stage.get("seconds", 0.0))
    finished = sum(trial.finished for trial in log.trials.values())
    entered = [len(seconds) for seconds in prices.values()]
    return [
        {"stage": label, "entered": len(seconds), "passed": passed, "price_s": math.fsum(seconds) / len(seconds)}
        for (label, seconds), passed in zip(prices.items(), [*entered[1:], finished], strict=False)
    ]


def _by_stage(log: Log) -> list[dict[str, Any]]:
    """Of each stage, the least first, who was tried there, and who of these at a further one; at the last, who has a result."""
    shares: dict[str, float] = {}
    for trial in log.trials.values():
        shares[trial.stage.name] = max(trial.stage.share, shares.get(trial.stage.name, 0.0))
    stages = sorted(shares.items(), key=lambda pair: (pair[1], pair[0]))
    furthest = {n: max(log.trials[i].stage.share for i in same) for same in log.candidates.values() for n in same}
    rows = []
    for name, share in stages:
        there = [trial for trial in log.trials.values() if trial.stage.name == name]
        if share == stages[-1][1]:
            passed = sum(trial.finished for trial in there)
        else:
            passed = sum(furthest[trial.number] > share for trial in there)
        price = math.fsum(trial.seconds for trial in there) / len(there)
        rows.append({"stage": name, "entered": len(there), "passed": passed, "price_s": price})
    return rows


def spent(log: Log) -> dict[str, Any]:
    """Where the time went: what was allowed, seconds evaluating, seconds by phase, from first to last event."""
    phases: dict[str, float] = {}
    for note in log.notes:
        if note.get("what") == "phase":
            name = str(note.get("name", "?"))
            phases[name] = phases.get(name, 0.0) + float(note.get("seconds", 0.0))
    trials = list(log.trials.values())
    return {
        "asked": log.header.get("spend"),
        "seconds": math.fsum(trial.seconds for trial in trials),
        "phases": phases,
        "elapsed": log.last - log.first,
        "worked": log.worked,
        "trials": len(trials),
        "finished": sum(trial.finished for trial in trials),
        "failed": sum(trial.error is not None for trial in trials),
    }


def plain(data: Any) -> Any:
    """`data` with None for every number that is not finite."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {str(name): plain(value) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(value) for value in data]
    return data
