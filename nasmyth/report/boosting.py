"""What gradient boosting does on the same split, beside the network that is handed over: see `nasmyth.funnel.boosting`."""

from __future__ import annotations

from nasmyth.report import facts
from nasmyth.report.facts import Summary, number
from nasmyth.units import show


def boosting_sentence(summary: Summary) -> str:
    """ "HistGradientBoosting (scikit-learn 1.9.1, default settings) has accuracy 0.8712 on test, 392 kB, 1.2 ms for a row."; ""
    where none was trained for comparison."""
    said = facts.noted(summary, "boosting")
    if said is None:
        return ""
    if "skipped" in said:
        return f"Gradient boosting was not trained for comparison: {said['skipped']}."
    goal, _ = facts.goals(summary)[0]
    score = (said.get("test") or {}).get(goal)
    reached = f"{goal} {facts.shown(goal, score)} on test" if number(score) else f"no figure of {goal}"
    return (
        f"Beside it, scikit-learn's {said['name']} ({said['version']}, default settings, the same split): {reached}, "
        f"{show(float(said['size']), 'B')} pickled, {show(float(said['latency']), 's')} for one row."
    )
