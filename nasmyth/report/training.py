"""How candidates were trained, for how long, and whether that got them away from chance. Pure functions of a summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasmyth.errors import NasmythError
from nasmyth.record import Value
from nasmyth.report import facts
from nasmyth.report.facts import Candidate, Summary, number
from nasmyth.search.strategy import FULL
from nasmyth.study.chance import near_chance

LITTLE = 1 / 3
"""A training that was cut to less than this share of its epochs is told apart from a full one, whatever it is called."""


# --- epochs -------------------------------------------------------------------------------------------------------


def stage_of(one: Candidate) -> tuple[str, Mapping[str, Any]]:
    """Name, without its step, and record of the last training of a candidate; empty if none is recorded."""
    stages = [(label.partition("@")[0], stage) for label, stage in (one.get("stages") or {}).items()]
    return next(((label, stage) for label, stage in reversed(stages) if number(stage.get("epochs"))), ("", {}))


def epochs(summary: Summary, one: Candidate) -> tuple[float, float] | None:
    """(reached, planned for a full training) of the last training of a candidate; None where nothing was recorded."""
    stage = stage_of(one)[1]
    reached, plan = stage.get("epochs"), _plan(summary)
    said = (plan or {}).get("recipe") or {}
    planned = said.get("epochs") or _fields(said).get("epochs") if said else stage.get("planned")
    return (float(reached), float(planned)) if number(reached) and number(planned) and planned > 0 else None


def epochs_text(summary: Summary, one: Candidate) -> str:
    """ "1.8 of 60", or as much of it as is known."""
    both = epochs(summary, one)
    if both is None:
        reached = stage_of(one)[1].get("epochs")
        return f"{reached:.3g}" if number(reached) else ""
    return f"{both[0]:.3g} of {both[1]:.3g}"


def epochs_of_stage(summary: Summary, name: str) -> str:
    """The epochs that candidates reached in a stage, of those that it had planned: "2.5 to 6.4 of 6.67"."""
    held = [
        stage
        for one in summary.get("trials") or ()
        if one.get("origin") != "baseline"
        for label, stage in (one.get("stages") or {}).items()
        if label.partition("@")[0] == name and number(stage.get("epochs"))
    ]
    if not held:
        return ""
    low, high = (f"{end(stage['epochs'] for stage in held):.3g}" for end in (min, max))
    planned = [stage["planned"] for stage in held if number(stage.get("planned"))]
    return (low if low == high else f"{low} to {high}") + (f" of {max(planned):.3g}" if planned else "")


def in_full(summary: Summary, one: Candidate) -> bool:
    """Whether a candidate was trained in full, or told without a training; not if the time was up after a small share."""
    label, both = stage_of(one)[0], epochs(summary, one)
    label = label or facts.trained(one)
    return label in ("", FULL.name) and (both is None or both[0] >= LITTLE * both[1] or not _cut(one))


def _cut(one: Candidate) -> bool:
    """Whether a training ended for the time, and not by its own rule."""
    return stage_of(one)[1].get("ended", "time") == "time"


# --- recipe -------------------------------------------------------------------------------------------------------


def recipe(summary: Summary) -> tuple[str, dict[str, Any]]:
    """The recipe of the best in words, such as "SGD, lr 0.1, batch 64, 60 epochs, Crop(1)", and its fields. Empty where none
    is known."""
    task = summary.get("task")
    plan, best = _plan(summary) or {}, summary.get("best") or {}
    said = best.get("recipe") or plan.get("recipe") or (task.get("recipe") if isinstance(task, Mapping) else None)
    fields = _fields(said) if isinstance(said, Mapping) else {}
    if not fields:
        return "", {}
    optimizer = fields.get("optimizer")
    words = [type(optimizer).__name__ if isinstance(optimizer, Value) else str(optimizer or "")]
    if isinstance(optimizer, Value):
        words += [f"{name.replace('_', ' ')} {getattr(optimizer, name)}" for name in optimizer.fields]
    asked = _asked(summary) or fields.get("epochs")
    words.append(f"batch {fields['batch']}" if number(fields.get("batch")) else "")
    words.append(f"{asked:g} epoch{'s' * (asked != 1)}" if number(asked) else "")
    augment = fields.get("augment")
    for part in (fields.get("schedule"), *(augment if isinstance(augment, tuple) else ()), fields.get("average")):
        words.append(repr(part) if isinstance(part, Value) and not getattr(part, "off", False) else "")
    for name in ("smoothing", "clip"):
        if number(fields.get(name)) and fields[name]:
            words.append(f"{name} {fields[name]:g}")
    return ", ".join(filter(None, words)), fields


def _asked(summary: Summary) -> float | None:
    """The epochs that were asked for in place of those of the recipe: of a search, where each candidate has as many."""
    planned = {float(own) for one in summary.get("trials") or () if number(own := stage_of(one)[1].get("planned"))}
    return planned.pop() if len(planned) == 1 and _plan(summary) is None else None


def why(summary: Summary) -> str:
    """What the data showed about how to train on it, if the recipe was changed for it."""
    return str((_plan(summary) or {}).get("why") or "")


def sized(summary: Summary) -> str:
    """Why what the search started from is smaller than the budget allows, if it is."""
    return str((facts.noted(summary, "starts") or {}).get("why") or "")


def screened(summary: Summary) -> str:
    """Which training-free score chose among proposals, and how sure it was that it ranks better than counting does."""
    said = facts.noted(summary, "screen")
    if said is None:
        return ""
    return (
        f"proposals were chosen by {said['score']}, which ranks {said['trained']} trainings of this study better than "
        f"parameters and MACs do (chance {100 * said['chance']:.0f} %, Kendall's tau {said['gain']:+.2f})"
    )


def _plan(summary: Summary) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = summary.get("plan")
    return found


def _fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """All fields, defaults included, where this version of Nasmyth can read them; else those that are written down."""
    from nasmyth.record import from_json
    from nasmyth.train.recipe import Recipe

    try:
        held = from_json(said)
    except (NasmythError, TypeError, ValueError, KeyError):
        held = None
    if isinstance(held, Recipe):
        return {name: getattr(held, name) for name in Recipe.fields}
    return {name: value for name, value in said.items() if name != "$"}


# --- chance -------------------------------------------------------------------------------------------------------


def levels(summary: Summary) -> list[tuple[str, Mapping[str, Any]]]:
    """The level of chance in validation, and on test where the best was judged there."""
    both = [(" in validation", summary.get("chance")), (" on test", facts.result(summary).get("chance"))]
    return [(where, level) for where, level in both if isinstance(level, Mapping) and number(level.get("value"))]


def chance_sentence(summary: Summary) -> str:
    """ "chance is accuracy 0.1019 in validation, 0.1003 on test: always answering 3 (10.1 % of training)"; "" if
    unknown."""
    known = levels(summary)
    if not known:
        return ""
    level = known[0][1]
    name = str(level.get("score"))
    told = ", ".join(f"{facts.shown(name, one['value'])}{where}" for where, one in known)
    return f"chance is {name} {told}: {_answering(level)}"


def _answering(level: Mapping[str, Any]) -> str:
    answer, share = level.get("answer"), level.get("share")
    if number(share):
        return f"always answering {answer} ({100 * share:.3g} % of training)"
    mean = f", {facts.shown(str(level.get('score')), answer)}" if number(answer) else ""
    return f"always answering the mean{mean}"


# --- warnings -----------------------------------------------------------------------------------------------------


def warnings(summary: Summary) -> list[str]:
    """What should not be believed before it was trained longer, a sentence each."""
    said = [_poor_goal(summary), _best_at_chance(summary), _cut_short(summary), _rank_of_chance(summary)]
    return [sentence for sentence in said if sentence]


def _poor_goal(summary: Summary) -> str:
    """Why the score by which networks were compared may say little of this data."""
    task = summary.get("task")
    doubt = str(task.get("doubt") or "") if isinstance(task, Mapping) else ""
    return f"{doubt[0].upper()}{doubt[1:]}." if doubt else ""


def _best_at_chance(summary: Summary) -> str:
    best = facts.winner(summary)
    if best is None:
        return ""
    tested = facts.result(summary)
    for figures, level, where in (
        (tested.get("test") or {}, tested.get("chance"), "on test"),
        (best["measures"], summary.get("chance"), "in validation"),
    ):
        if isinstance(level, Mapping) and near_chance(figures, level):
            name = str(level["score"])
            return (
                f"What is handed over, #{best['number']}, is no better than chance {where}: {name} "
                f"{facts.shown(name, figures[name])} against {facts.shown(name, level['value'])} for {_answering(level)}."
            )
    return ""


def _cut_short(summary: Summary) -> str:
    """What is handed over, and the plain network, where the time was up after a small share of a full training."""
    best, baseline = facts.winner(summary), summary.get("baseline")
    told: list[tuple[int, str]] = []
    for one, what in ((best, "what is handed over"), (baseline, "the plain network")):
        both = epochs(summary, one) if one else None
        if one and both and both[0] < LITTLE * both[1] and _cut(one) and one["number"] not in [n for n, _ in told]:
            told.append((one["number"], f"{what}, #{one['number']}, for {both[0]:.3g} of {both[1]:.3g} epochs"))
    if not told:
        return ""
    said = " and ".join(text for _, text in told)
    return f"The time was up early in training: {said} only. More time would help; a smaller budget trains faster."


def _rank_of_chance(summary: Summary) -> str:
    """Where most short trainings ended at chance, their order says nothing."""
    short = [one for one in facts.finished(summary) if not in_full(summary, one) and not facts.role(summary, one)]
    lost = [one for one in short if one.get("near_chance")]
    if len(lost) < 2 or 2 * len(lost) < len(short):
        return ""
    reached = [both[0] for one in lost if (both := epochs(summary, one))]
    most = f", after {max(reached):.2g} epochs or fewer" if reached else ""
    return f"{len(lost)} of {len(short)} short trainings ended at the level of chance{most}: their order says nothing."
