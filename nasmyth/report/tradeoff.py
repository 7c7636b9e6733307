"""The Pareto plot: every candidate, objective against cost, with how far it was trained, drawn as SVG by hand.

Plotly's script alone is 4.8 MB, takes its colours from Python and not from the reader's light or dark setting, and shows
nothing before it has run. These plots are a few kilobytes, print sharply, follow the style sheet, work without a script
(each point has a `<title>`) and can be read by a screen reader.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nasmyth.report import facts, training
from nasmyth.report.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Frame,
    axis,
    image,
    key_line,
    key_mark,
    mark,
    share_axis,
    tag,
    words,
)  # fmt: skip
from nasmyth.units import show

MOST_POINTS = 1000
Legend = list[tuple[str, str]]
"""(key, what it stands for) of what a plot shows; keys are elements."""


def tradeoff(summary: Mapping[str, Any]) -> tuple[str, Legend]:
    """Every candidate; the front joined; baseline, winner, budget and level of chance marked. ("", []) if there is none."""
    goal, way = facts.goals(summary)[0]
    cost, front = facts.costs(summary)[0], facts.front(summary)
    rest = _rest(summary, cost)
    if not rest and not front:
        return "", []
    everything = [*rest, *front]
    frame = Frame(_cost_axis(summary, cost, everything), goal_axis(goal, way, everything, front))
    chance = _chance(frame, summary, goal)
    parts = [frame.axes(), _budget(frame, summary, cost), chance]
    parts.append(frame.line(_steps(front, cost, goal, way), "front-line"))
    parts += [_point(frame, summary, one, cost, goal, "other") for one in rest]
    parts += [_point(frame, summary, one, cost, goal, "front") for one in reversed(front)]
    label = f"{goal} against {cost} for {len(everything)} candidates, {len(front)} of them on the Pareto front"
    return image("".join(parts), label), _legend(summary, rest, front, bool(chance))


def _rest(summary: Mapping[str, Any], cost: str) -> list[Any]:
    """What is not on the front, thinned out where it is many, the winner and the baseline last, to lie on top."""
    on_front = {one["number"] for one in facts.front(summary)}
    rest = [
        one
        for one in facts.finished(summary)
        if one["number"] not in on_front and math.isfinite(facts.value(one, cost))
    ]
    drawn = rest[:: max(1, math.ceil(len(rest) / MOST_POINTS))]
    drawn += [one for one in rest if facts.role(summary, one) and one not in drawn]
    return sorted(drawn, key=lambda one: bool(facts.role(summary, one)))


def _cost_axis(summary: Mapping[str, Any], cost: str, drawn: Sequence[Any]) -> Axis:
    bounds = [limit.bound for limit in facts.limits(summary) if limit.name == cost]
    hint = "less is better" if facts.direction(cost) == "min" else "more is better"
    return axis([*(facts.value(one, cost) for one in drawn), *bounds], f"{cost} ({hint})", writer(cost))


def goal_axis(goal: str, way: str, drawn: Sequence[Any], front: Sequence[Any]) -> Axis:
    """Chosen by the better half and the front: what is far worse is held at the edge."""
    values = sorted((facts.value(one, goal) for one in drawn), reverse=way == "max")
    return value_axis(
        goal, way, [*values[: max(2, (len(values) * 3 + 3) // 4)], *(facts.value(f, goal) for f in front)]
    )


def value_axis(goal: str, way: str, values: Sequence[float]) -> Axis:
    """An axis for these values of an objective."""
    title = f"{goal} ({'more' if way == 'max' else 'less'} is better)"
    if way == "max" and facts.about(goal)[0] == "1":
        return share_axis(values, title, writer(goal))
    return axis(values, title, writer(goal), log=False)


def writer(name: str) -> Callable[[float], str]:
    """How ticks of a measure are written."""
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
            label = {"x": x - 6 if right else x + 6, "y": TOP + 4, "class_": "title" + (" end" if right else "")}
            parts.append(tag("line", x1=x, x2=x, y1=TOP - 8, y2=HEIGHT - BOTTOM, class_="budget"))
            parts.append(tag("text", "budget", **label))
    return "".join(parts)


def _chance(frame: Frame, summary: Mapping[str, Any], goal: str) -> str:
    """A line at the level of chance, where the axis reaches so far."""
    level = summary.get("chance") or {}
    if level.get("score") != goal or not frame.y.low <= level.get("value", math.nan) <= frame.y.high:
        return ""
    y = frame.at(frame.x.low, level["value"])[1]
    return tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="chance")


def _point(frame: Frame, summary: Mapping[str, Any], one: Any, cost: str, goal: str, kind: str) -> str:
    x, y = frame.at(facts.value(one, cost), facts.value(one, goal))
    role, tip = facts.role(summary, one), candidate_tip(summary, one)
    focus: dict[str, Any] = {"tabindex": 0, "role": "listitem", "aria_label": tip} if kind == "front" else {}
    class_ = " ".join(filter(None, ("point", kind, role, "" if one["feasible"] else "over")))
    radius = {"best": 8.0, "baseline": 6.5}.get(role, 6.0 if kind == "front" else 4.0)
    title = tag("title", words(tip))
    return mark(
        _shape(summary, one), x, y, radius, title, data_tip=tip, data_trial=one["number"], class_=class_, **focus
    )


def _shape(summary: Mapping[str, Any], one: Any) -> str:
    """The baseline is a diamond; of others, the shape tells how far they were trained."""
    if facts.role(summary, one) == "baseline":
        return "diamond"
    if one.get("near_chance") and not facts.role(summary, one):
        return "cross"
    return "circle" if training.in_full(summary, one) else "triangle"


def _legend(summary: Mapping[str, Any], rest: Sequence[Any], front: Sequence[Any], chance: bool) -> Legend:
    """What can be seen, and nothing else: colours first, then shapes."""
    drawn = [*rest, *front]
    roles = {facts.role(summary, one) for one in drawn}
    shapes = {_shape(summary, one) for one in drawn}
    others = any(one["feasible"] and not facts.role(summary, one) for one in rest)
    wanted = [
        (bool(front), key_mark("circle", "point front"), "on the front"),
        ("best" in roles, key_mark("circle", "point best", 7), "handed over"),
        ("baseline" in roles, key_mark("diamond", "point baseline"), "plain network"),
        (others, key_mark("circle", "point other", 4.5), "other"),
        (any(not one["feasible"] for one in rest), key_mark("circle", "point over", 4.5), "over budget"),
        ("triangle" in shapes, key_mark("triangle", "point other", 5), "short training, or cut short (triangle)"),
        ("cross" in shapes, key_mark("cross", "point other", 5), "no better than chance (cross)"),
        (chance, key_line("chance"), "level of chance"),
    ]
    return [(element, what) for there, element, what in wanted if there]


def candidate_tip(summary: Mapping[str, Any], one: Any) -> str:
    """A candidate in one line: "#12 (best, final training, 60 of 60 epochs): accuracy 0.9861, params 9.8k"."""
    told = [f"{name} {facts.shown(name, one['measures'].get(name))}" for name in facts.columns(summary, [one])]
    role, stage, reached = facts.role(summary, one), facts.trained(one), training.epochs_text(summary, one)
    notes = ", ".join(filter(None, (
        role, f"{stage} training" if stage else "", f"{reached} epochs" if reached else "",
        "no better than chance" if one.get("near_chance") else "",
    )))  # fmt: skip
    over = "" if one["feasible"] else "; over budget"
    return f"#{one['number']}{f' ({notes})' if notes else ''}: {', '.join(told)}{over}"
