"""Lines: how the best candidates learned, epoch by epoch, and how the study got better, by time and by candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nasmyth.report import facts
from nasmyth.report.facts import Summary, number
from nasmyth.report.svg import Frame, axis, image, key_line, key_mark, mark
from nasmyth.report.tradeoff import Legend, value_axis
from nasmyth.units import show

Series = list[tuple[float, float]]
MOST_DOTS = 400
PLAIN, TRAINING = OTHER = "plain network", "training loss"
"""What is drawn dashed, beside the line that matters."""


def curves(summary: Summary) -> list[tuple[str, str, Legend]]:
    """(title, plot, legend) of the learning curves: losses of the winner, and the objective of the winner and its
    rivals."""
    best, baseline = facts.winner(summary), summary.get("baseline")
    own = curve_of(best)
    if best is None or len(own) < 2:
        return []
    goal = facts.goals(summary)[0][0]
    losses = {TRAINING: _series(own, "train_loss"), "validation loss": _series(own, "loss")}
    scores: dict[str, Series] = {}
    if baseline and baseline["number"] != best["number"]:
        scores[PLAIN] = _series(curve_of(baseline), goal)
    scores[f"handed over, #{best['number']}"] = _series(own, goal)
    rivals = [
        one for one in facts.front(summary) if one["number"] not in {best["number"], (baseline or {}).get("number")}
    ]
    grey = [series for one in rivals[:8] if len(series := _series(curve_of(one), goal)) > 1]
    found = []
    if any(len(series) > 1 for series in losses.values()):
        found.append((f"Loss of what is handed over, #{best['number']}", *_lines(losses, [], "loss")))
    if goal != "loss" and len(_series(own, goal)) > 1:
        found.append((f"{goal} in validation", *_lines(scores, grey, goal)))
    return found


def curve_of(one: Any) -> list[Mapping[str, Any]]:
    """The longest learning curve that was recorded for a candidate."""
    stages = (one or {}).get("stages") or {}
    return max((stage.get("curve") or [] for stage in stages.values()), key=len, default=[])


def _series(curve: Sequence[Mapping[str, Any]], name: str) -> Series:
    return [(float(row.get("epoch", i)), float(row[name])) for i, row in enumerate(curve) if number(row.get(name))]


def _lines(named: Mapping[str, Series], grey: Sequence[Series], title: str) -> tuple[str, Legend]:
    named = {name: series for name, series in named.items() if len(series) > 1}
    values = [y for series in (*named.values(), *grey) for _, y in series]
    epochs = [x for series in (*named.values(), *grey) for x, _ in series]
    spread = min((v for v in values if v > 0), default=1.0)
    frame = Frame(
        axis(epochs, "epoch", "{:g}".format, log=False, pad=0.0),
        axis(values, title, "{:g}".format, log=title == "loss" and max(values) / spread > 30),
    )
    parts = [frame.axes(), *(frame.line(series, "curve grey") for series in grey)]
    colours = {name: f"curve c{int(not name.startswith(OTHER))}" for name in named}
    parts += [frame.line(series, colours[name]) for name, series in named.items()]
    said = [f"{name} ends at {series[-1][1]:.4g}" for name, series in named.items()]
    legend = [(key_line(colours[name]), name) for name in named]
    legend += [(key_line("curve grey"), "others on the front")] if grey else []
    return image("".join(parts), f"{title} over {max(epochs):g} epochs: {'; '.join(said)}"), legend


# --- progress -----------------------------------------------------------------------------------------------------


def improvements(summary: Summary) -> list[tuple[float, int, float]]:
    """(seconds of work, candidates with a result, value) whenever the best so far became better."""
    way = facts.goals(summary)[0][1]
    feasible = {one["number"] for one in summary.get("trials") or () if one.get("feasible")}
    seen: set[int] = set()
    found: list[tuple[float, int, float]] = []
    for seconds, trial, value in summary.get("timeline") or ():
        seen.add(trial)
        better = number(value) and (not found or (value > found[-1][2] if way == "max" else value < found[-1][2]))
        if trial in feasible and better:
            found.append((seconds, len(seen), value))
    return found


def progress(summary: Summary) -> tuple[list[tuple[str, str]], Legend]:
    """(title, plot) of the best so far, by time and by candidates; nothing while there are fewer than three results."""
    steps, told = improvements(summary), summary.get("timeline") or ()
    known = [(x, trial, y) for x, trial, y in told if number(y)]
    if len(known) < 3 or not steps:
        return [], []
    (goal, way), seen, counts = facts.goals(summary)[0], set[int](), []
    for _, trial, _ in known:
        seen.add(trial)
        counts.append(len(seen))
    ranked = sorted((y for *_, y in known), reverse=way == "max")
    up = value_axis(goal, way, ranked[: max(3, len(ranked) * 9 // 10)])
    worked = max((summary.get("spend") or {}).get("worked") or 0.0, known[-1][0])
    time = axis([0.0, worked], "time at work", lambda s: show(s, "s"), log=False, pad=0.0)
    trials = axis([1, max(2, counts[-1])], "candidates with a result", _whole, log=False, pad=0.02)
    plots = [
        ("By time", _steps(Frame(time, up), [(x, y) for x, _, y in known], [(x, y) for x, _, y in steps], way)),
        ("By candidates", _steps(
            Frame(trials, up), list(zip(counts, (y for *_, y in known), strict=True)), [(n, y) for _, n, y in steps], way
        )),
    ]  # fmt: skip
    return plots, [(key_line("curve c1"), "best so far"), (key_mark("circle", "point dot", 3.5), "a result")]


def _whole(number: float) -> str:
    return f"{number:g}" if number == int(number) else ""


def _steps(frame: Frame, dots: Sequence[tuple[float, float]], steps: Series, way: str) -> str:
    """The best so far as a staircase to the end of the axis, over all results as dots."""
    stairs: Series = []
    for x, y in steps:
        stairs += [(x, stairs[-1][1])] if stairs else []
        stairs.append((x, y))
    stairs.append(
        (max(frame.x.high if frame.x.title.startswith("time") else dots[-1][0], stairs[-1][0]), stairs[-1][1])
    )
    shown = dots[:: max(1, -(-len(dots) // MOST_DOTS))]
    parts = [frame.axes(across=5), *(mark("circle", *frame.at(x, y), 3, class_="point dot") for x, y in shown)]
    parts.append(frame.line(stairs, "curve c1"))
    last = f"{steps[-1][1]:.4g} after {frame.x.write(steps[-1][0])}"
    return image("".join(parts), f"best so far against {frame.x.title}: {len(steps)} improvements, the last to {last}")
