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
    """ "Handed over: #9, of which most is expected of 3 final trainings: accuracy 98.9 % (95 % interval 98.1 % to 99.4 %)." """
    best, baseline = facts.winner(summary), summary["baseline"]
    assert best is not None
    goal, said = facts.goals(summary)[0][0], summary.get("chosen") or {}
    what = ", the plain network under the same budget" if best["number"] == baseline["number"] else ""
    if not number(said.get("expected")):
        full = [one for one in _eligible(summary) if facts.trained(one) == "final"]
        why = "the best in validation" if full else "the best in validation; none had a final training"
        return f"Handed over: #{best['number']}{what}, {why}."
    last = "final trainings" if facts.trained(best) == "final" else "trainings that came furthest"
    why = f"of which most is expected of {said['of']} {last}" if said.get("of", 1) > 1 else "the only one of its length"
    ends = f"{facts.shown(goal, said.get('low'))} to {facts.shown(goal, said.get('high'))}"
    return (
        f"Handed over: #{best['number']}{what}, {why}: {goal} {facts.shown(goal, said['expected'])} in validation, "
        f"95 % interval {ends}."
    )


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
    """After equal time in training, and on test where the plain network was trained as long."""
    best, baseline, said = facts.winner(summary), summary["baseline"], summary.get("chosen") or {}
    assert best is not None
    goal, way = facts.goals(summary)[0]
    if facts.trained(baseline) != facts.trained(best):
        if not number(said.get("chance")):
            return "The plain network was not trained as long, so there is nothing to compare with."
        gain = _better(said["there"], way) - _better(said["plain"], way)
        ahead = f"{_amount(goal, abs(gain))} {'ahead of' if gain >= 0 else 'behind'}"
        return (
            f"After equal time, {said['stage']} of a training, it was {ahead} the plain network in validation; the chance "
            f"that it is the better one is {said['chance']:.0%}."
        )
    tested = facts.result(summary)
    where = " on validation" if summary.get("task") else ""
    theirs, ours = facts.value(baseline, goal), facts.value(best, goal)
    both = (tested.get("baseline") or {}).get("test", {}).get(goal), (tested.get("test") or {}).get(goal)
    if number(both[0]) and number(both[1]):
        theirs, ours, where = both[0], both[1], " on test"
    gain = _better(ours, way) - _better(theirs, way)
    verb = "beat" if gain > 0 else "equalled" if gain == 0 else "did not beat"
    return (
        f"The search {verb} the plain network under the same budget, trained as long: "
        f"{goal} {facts.shown(goal, ours)} against {facts.shown(goal, theirs)}{where} ({_gained(goal, gain, tested)})."
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
