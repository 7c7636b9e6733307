"""Which network is handed over and why, and whether the search beat the plain one, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasmyth.report import facts, training
from nasmyth.report.facts import Candidate, Summary, number


def verdict(summary: Summary) -> str:
    """What is handed over and why; whether the search beat the plain network under the same budget, and by how much."""
    best, baseline = facts.winner(summary), summary.get("baseline")
    if baseline is None:
        return _ahead(summary)
    goal = facts.goals(summary)[0][0]
    if baseline.get("error"):
        return f"The baseline failed ({baseline['error']['reason']}), so there is nothing to compare with."
    if not number(baseline["measures"].get(goal)):
        return "The plain network, which is the baseline, has no result yet."
    if best is None:
        reached = facts.shown(goal, facts.value(baseline, goal))
        return f"The baseline has {goal} {reached}; the search found nothing within the budget."
    compared = "" if best["number"] == baseline["number"] else _compared(summary)
    return " ".join(part for part in (_handed_over(summary), compared, _ahead(summary)) if part)


def _handed_over(summary: Summary) -> str:
    """ "Handed over: #9, the best in validation of 3 final trainings." """
    best, baseline = facts.winner(summary), summary["baseline"]
    assert best is not None
    full = [one for one in _eligible(summary) if facts.trained(one) == "final"]
    others = [one for one in full if one["number"] != baseline["number"]]
    if best["number"] != baseline["number"]:
        if not full:
            return f"Handed over: #{best['number']}, the best in validation; none had a final training."
        compared = ", with that of the plain network" if len(full) > len(others) else ""
        of = (
            f"the best in validation of {len(full)} final trainings{compared}"
            if len(full) > 1
            else "the only final training"
        )
        return f"Handed over: #{best['number']}, {of}."
    goal = facts.goals(summary)[0][0]
    figures, where = facts.final(summary)
    plain = (
        f"Handed over: #{best['number']}, the plain network under the same budget, "
        f"{goal} {facts.shown(goal, figures.get(goal))}{where}."
    )
    said = summary.get("chosen") or {}
    if number(said.get("gain")) and number(said.get("least")):
        lead = f"leads by {_amount(goal, said['gain'])}" if said["gain"] > 0 else "does not lead"
        return (
            f"{plain} Of the final trainings of the search, #{said.get('leader')} is the best: it {lead} in validation, "
            f"and luck explains up to {_amount(goal, said['least'])}."
        )
    if others:
        return f"{plain} No final training of the search is better in validation."
    return f"{plain} There was no time for a final training of what the search found."


def _ahead(summary: Summary) -> str:
    """Why a candidate with a better figure in validation, which the table shows, is not what is handed over."""
    best, (goal, way) = facts.winner(summary), facts.goals(summary)[0]
    if best is None:
        return ""
    first = max(_eligible(summary), key=lambda one: _better(facts.value(one, goal), way), default=best)
    leader = (summary.get("chosen") or {}).get("leader")
    if _better(facts.value(first, goal), way) <= _better(facts.value(best, goal), way) or first["number"] == leader:
        return ""
    figures = f"{facts.shown(goal, facts.value(first, goal))} against {facts.shown(goal, facts.value(best, goal))}"
    short = facts.trained(first) not in ("", "final")
    reached = training.epochs_text(summary, first)
    because = (
        f"after a {facts.trained(first)} training only{f' ({reached} epochs)' if reached else ''}: "
        "what had a final training comes first"
        if short
        else "but was not chosen"
    )
    return f"#{first['number']} has the better {goal} in validation, {figures}, {because}."


def _eligible(summary: Summary) -> list[Candidate]:
    return [one for one in facts.finished(summary) if one["feasible"]]


def _compared(summary: Summary) -> str:
    best, baseline, said = facts.winner(summary), summary["baseline"], facts.result(summary)
    assert best is not None
    goal, way = facts.goals(summary)[0]
    where = " on validation" if summary.get("task") else ""
    theirs, ours = facts.value(baseline, goal), facts.value(best, goal)
    tested = (said.get("baseline") or {}).get("test", {}).get(goal), (said.get("test") or {}).get(goal)
    if number(tested[0]) and number(tested[1]):
        theirs, ours, where = tested[0], tested[1], " on test"
    gain = _better(ours, way) - _better(theirs, way)
    verb = "beat" if gain > 0 else "equalled" if gain == 0 else "did not beat"
    return (
        f"The search {verb} the plain network under the same budget, trained the same way: "
        f"{goal} {facts.shown(goal, ours)} against {facts.shown(goal, theirs)}{where} ({_gained(goal, gain, said)})."
    )


def _gained(goal: str, gain: float, tested: Mapping[str, Any]) -> str:
    """ "+0.55 points better; 95 % interval -0.28 to +1.39, so it may be chance"."""

    def signed(amount: float) -> str:
        if facts.about(goal)[0] == "1":
            return f"{amount * 100:+.2f}"
        return f"{'+' if amount >= 0 else '-'}{facts.shown(goal, abs(amount))}"

    said = f"{_amount(goal, abs(gain))} {'better' if gain > 0 else 'worse'}" if gain else "no difference"
    interval = tested.get("difference") or {}
    if not (number(interval.get("low")) and number(interval.get("high"))):
        return said
    luck = ", so it may be chance" if interval["low"] <= 0 <= interval["high"] and gain else ""
    return f"{said}; 95 % interval {signed(interval['low'])} to {signed(interval['high'])}{luck}"


def _amount(goal: str, gain: float) -> str:
    """A difference: shares in points, that is in hundredths."""
    return f"{gain * 100:.2f} points" if facts.about(goal)[0] == "1" else facts.shown(goal, gain)


def _better(value: float, way: str) -> float:
    if value != value:
        return float("-inf")
    return value if way == "max" else -value
