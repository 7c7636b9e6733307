"""The plots of the page, drawn as SVG by hand.

Plotly's script alone is 4.8 MB, takes its colours from Python and not from the reader's light or dark setting, and shows
nothing before it has run. These plots are a few kilobytes, print sharply, follow the style sheet, work without a script
(each point has a `<title>`) and can be read by a screen reader.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nasmyth.report import facts
from nasmyth.report.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Frame, axis, image, share_axis, tag, words
from nasmyth.units import show

MOST_POINTS = 1500


def tradeoff(summary: Mapping[str, Any]) -> str:
    """Every candidate, objective against cost; the front joined; baseline, winner and budget marked. "" if none."""
    goal, way = facts.goals(summary)[0]
    cost = facts.costs(summary)[0]
    front = facts.front(summary)
    on_front = {one["number"] for one in front}
    rest = [
        one
        for one in facts.finished(summary)
        if one["number"] not in on_front and math.isfinite(facts.value(one, cost))
    ]
    drawn = rest[:: max(1, math.ceil(len(rest) / MOST_POINTS))]
    drawn += [one for one in rest if facts.role(summary, one) and one not in drawn]
    if not drawn and not front:
        return ""
    frame = Frame(_cost_axis(summary, cost, [*drawn, *front]), _goal_axis(goal, way, [*drawn, *front], front))
    parts = [frame.axes(), _budget(frame, summary, cost)]
    parts.append(frame.line(_steps(front, cost, goal, way), "front-line"))
    drawn.sort(key=lambda one: bool(facts.role(summary, one)))
    parts += [_point(frame, summary, one, cost, goal, "other") for one in drawn]
    parts += [_point(frame, summary, one, cost, goal, "front") for one in reversed(front)]
    label = f"{goal} against {cost} for {len(drawn) + len(front)} candidates, {len(front)} of them on the Pareto front"
    return image("".join(parts), label)


def _cost_axis(summary: Mapping[str, Any], cost: str, drawn: Sequence[Any]) -> Axis:
    bounds = [limit.bound for limit in facts.limits(summary) if limit.name == cost]
    hint = "less is better" if facts.direction(cost) == "min" else "more is better"
    return axis([*(facts.value(one, cost) for one in drawn), *bounds], f"{cost} ({hint})", _writer(cost))


def _goal_axis(goal: str, way: str, drawn: Sequence[Any], front: Sequence[Any]) -> Axis:
    """Chosen by the better half and the front: what is far worse is held at the edge."""
    values = sorted((facts.value(one, goal) for one in drawn), reverse=way == "max")
    kept = [*values[: max(2, (len(values) * 3 + 3) // 4)], *(facts.value(one, goal) for one in front)]
    title = f"{goal} ({'more' if way == 'max' else 'less'} is better)"
    if way == "max" and facts.about(goal)[0] == "1":
        return share_axis(kept, title, _writer(goal))
    return axis(kept, title, _writer(goal), log=False)


def _writer(name: str) -> Callable[[float], str]:
    unit = facts.about(name)[0]
    return "{:g}".format if unit in ("1", "raw") else lambda value: show(value, unit)


def _steps(front: Sequence[Any], cost: str, goal: str, way: str) -> list[tuple[float, float]]:
    """The staircase along a front: the best that is reachable at each cost."""
    sign = (1 if facts.direction(cost) == "min" else -1, 1 if way == "max" else -1)
    points = sorted((sign[0] * facts.value(one, cost), sign[1] * facts.value(one, goal)) for one in front)
    stairs: list[tuple[float, float]] = []
    for x, y in points:
        if not stairs or y > stairs[-1][1]:
            stairs += [(x, stairs[-1][1])] if stairs else []
            stairs.append((x, y))
    return [(sign[0] * x, sign[1] * y) for x, y in stairs]


def _budget(frame: Frame, summary: Mapping[str, Any], cost: str) -> str:
    parts = []
    for limit in facts.limits(summary):
        if limit.name == cost:
            x = frame.at(limit.bound, frame.y.low)[0]
            right = x > LEFT + 0.6 * (WIDTH - LEFT - RIGHT)
            parts.append(tag("line", x1=x, x2=x, y1=TOP - 8, y2=HEIGHT - BOTTOM, class_="budget"))
            label = {
                "x": x - 6 if right else x + 6,
                "y": HEIGHT - BOTTOM - 8,
                "class_": "title" + (" end" if right else ""),
            }
            parts.append(tag("text", "budget", **label))
    return "".join(parts)


def _point(frame: Frame, summary: Mapping[str, Any], one: Any, cost: str, goal: str, kind: str) -> str:
    x, y = frame.at(facts.value(one, cost), facts.value(one, goal))
    role = facts.role(summary, one)
    tip = candidate_tip(summary, one)
    focus: dict[str, Any] = {"tabindex": 0, "role": "listitem", "aria_label": tip} if kind == "front" else {}
    shape = {"data_tip": tip, "data_trial": one["number"], "class_": f"point {kind} {role}".rstrip(), **focus}
    shape["class_"] += "" if one["feasible"] else " over"
    title = tag("title", words(tip))
    if role == "baseline":
        corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in ((0, -8), (8, 0), (0, 8), (-8, 0)))
        return tag("polygon", title, points=corners, **shape)
    radius = {"best": 8.0, "": 6.0 if kind == "front" else 4.0}[role]
    return tag("circle", title, cx=round(x, 1), cy=round(y, 1), r=radius, **shape)


def candidate_tip(summary: Mapping[str, Any], one: Any) -> str:
    """A candidate in one line: "#12 (best): accuracy 0.9861, params 9.8k, macs 310k"."""
    told = [f"{name} {facts.shown(name, one['measures'].get(name))}" for name in facts.columns(summary, [one])]
    role, stage = facts.role(summary, one), facts.trained(one)
    notes = ", ".join(
        part for part in (role, f"{stage} training" if stage in ("short", "long", "final") else "") if part
    )
    return f"#{one['number']}{f' ({notes})' if notes else ''}: {', '.join(told)}" + (
        "" if one["feasible"] else "; over budget"
    )


# --- curves ---------------------------------------------------------------------------------------------------------


def curves(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(title, plot) of the learning curves: losses of the winner, and the objective of the winner and its rivals."""
    best, baseline = facts.winner(summary), summary.get("baseline")
    own = curve_of(best)
    if best is None or len(own) < 2:
        return []
    goal = facts.goals(summary)[0][0]
    losses = {"training loss": _series(own, "train_loss"), "validation loss": _series(own, "loss")}
    scores: dict[str, list[tuple[float, float]]] = {}
    if baseline and baseline["number"] != best["number"]:
        scores["baseline"] = _series(curve_of(baseline), goal)
    scores["best"] = _series(own, goal)
    rivals = [
        one for one in facts.front(summary) if one["number"] not in {best["number"], (baseline or {}).get("number")}
    ]
    grey = [series for one in rivals[:8] if len(series := _series(curve_of(one), goal)) > 1]
    found = []
    if any(len(series) > 1 for series in losses.values()):
        found.append(("Loss of the best candidate", _lines(losses, [], "loss")))
    if goal != "loss" and len(scores["best"]) > 1:
        found.append((f"{goal} in validation", _lines(scores, grey, goal)))
    return found


def curve_of(one: Any) -> list[Mapping[str, Any]]:
    """The longest learning curve that was recorded for a candidate."""
    stages = (one or {}).get("stages") or {}
    return max((stage.get("curve") or [] for stage in stages.values()), key=len, default=[])


def _series(curve: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [
        (float(row.get("epoch", i)), float(row[name]))
        for i, row in enumerate(curve)
        if isinstance(row.get(name), (int, float))
    ]


def _lines(
    named: Mapping[str, list[tuple[float, float]]], grey: Sequence[list[tuple[float, float]]], title: str
) -> str:
    named = {name: series for name, series in named.items() if len(series) > 1}
    values = [y for series in (*named.values(), *grey) for _, y in series]
    epochs = [x for series in (*named.values(), *grey) for x, _ in series]
    spread = min((v for v in values if v > 0), default=1.0)
    frame = Frame(
        axis(epochs, "epoch", "{:g}".format, log=False, pad=0.0),
        axis(values, title, "{:g}".format, log=title == "loss" and max(values) / spread > 30),
    )
    parts = [frame.axes(), *(frame.line(series, "curve grey") for series in grey)]
    parts += [frame.line(series, f"curve c{i}") for i, series in enumerate(named.values())]
    said = []
    for i, (name, series) in enumerate(named.items()):
        x, y = WIDTH - RIGHT - 196, TOP + 4 + 24 * i
        below = title != "loss"  # a score rises to the top right, a loss falls to the bottom right
        y = HEIGHT - BOTTOM - 16 - 24 * (len(named) - 1 - i) if below else y
        parts.append(tag("line", x1=x, x2=x + 22, y1=y, y2=y, class_=f"curve c{i}"))
        parts.append(tag("text", words(name), x=x + 29, y=y + 5, class_="title"))
        said.append(f"{name} ends at {series[-1][1]:.4g}")
    return image("".join(parts), f"{title} over {len(epochs) and max(epochs):g} epochs: {'; '.join(said)}")


# --- residuals ------------------------------------------------------------------------------------------------------


def residuals(actual: Sequence[float], predicted: Sequence[float], name: str) -> str:
    """Predicted against actual values (at most MOST_POINTS, evenly taken), with the line where they agree."""
    pairs = [(a, p) for a, p in zip(actual, predicted, strict=False) if _finite(a) and _finite(p)]
    if not pairs:
        return ""
    shown = pairs[:: max(1, math.ceil(len(pairs) / MOST_POINTS))]
    both = [v for pair in shown for v in pair]
    frame = Frame(
        axis(both, f"actual {name}", "{:g}".format, log=False),
        axis(both, f"predicted {name}", "{:g}".format, log=False),
    )
    ends = (max(frame.x.low, frame.y.low), min(frame.x.high, frame.y.high))
    parts = [frame.axes(), frame.line([(ends[0], ends[0]), (ends[1], ends[1])], "ideal")]
    for a, p in shown:
        x, y = frame.at(a, p)
        parts.append(
            tag(
                "circle",
                cx=round(x, 1),
                cy=round(y, 1),
                r=3,
                class_="point residual",
                data_tip=f"actual {a:.5g}, predicted {p:.5g}",
            )
        )
    return image("".join(parts), f"predicted against actual {name} for {len(shown)} examples")


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
