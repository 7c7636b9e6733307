"""A study with several objectives: its hypervolume and its knee, and how the front moved while it went on.

All by the reference point of the front as it is now, so that figures along one study compare; it is told with them, since
without it they mean nothing. Trials count by their objectives alone, within the budget, in the order of their results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nasmyth.report import facts
from nasmyth.report.facts import Summary, number
from nasmyth.report.svg import Frame, axis, image, key_line
from nasmyth.report.tradeoff import Legend, value_axis, writer
from nasmyth.search import pareto
from nasmyth.search.front_quality import hypervolume, ideal_and_nadir, knee, reference_point

SHARES = (0.25, 0.5, 1.0)
"""Of the candidates: after how many a front is drawn."""
STEPS = 60
"""After how many counts of candidates the hypervolume is drawn."""
CHOSEN = "the worst of the front in each objective, and a tenth of the front's range beyond"
Point = tuple[float, ...]


def results(summary: Summary) -> list[tuple[int, Point]]:
    """(trial, objectives, more being better) of what is within the budget and better than chance; earliest result first."""
    order = {trial: i for i, (_, trial, _) in enumerate(summary.get("timeline") or ())}
    found = [
        (one["number"], tuple(map(float, one["objectives"])))
        for one in summary.get("trials") or ()
        if one["state"] == "finished" and one["feasible"] and not one.get("near_chance")
        and one.get("objectives") and all(map(number, one["objectives"]))
    ]  # fmt: skip
    return sorted(found, key=lambda pair: (order.get(pair[0], math.inf), pair[0]))


def quality(summary: Summary) -> dict[str, Any] | None:
    """hypervolume, share (of the box from the reference point to the best of each objective), reference ({objective: value}),
    chosen (how that was chosen) and knee (a trial, or None). None for one objective, or while there is no result."""
    goals, told = facts.goals(summary), results(summary)
    if len(goals) < 2 or not told:
        return None
    points = [point for _, point in told]
    reference = reference_point(points)
    bend = knee(points)
    return {
        "hypervolume": hypervolume(points, reference),
        "share": _share(points, points, reference),
        "reference": {name: _written(value, way) for (name, way), value in zip(goals, reference, strict=True)},
        "chosen": CHOSEN,
        "knee": None if bend is None else told[bend][0],
    }


def sentence(summary: Summary) -> str:
    """ "Hypervolume 3.2e+04, 81 % of the box ..., by the reference point accuracy 0.61, params 31k: ... Knee: #12."; empty
    where there is none."""
    said = quality(summary)
    if said is None:
        return ""
    where = ", ".join(f"{name} {facts.shown(name, value)}" for name, value in said["reference"].items())
    bend = f"#{said['knee']}" if said["knee"] is not None else "none, the front does not bulge"
    return (
        f"Hypervolume {said['hypervolume']:.4g}, {said['share']:.1%} of the box from its reference point to the best of each "
        f"objective. The reference point is {where}: {said['chosen']}. Knee: {bend}."
    )


def over_time(summary: Summary) -> tuple[list[tuple[str, str, Legend]], str]:
    """(title, plot, legend) of the fronts of the first two objectives and of the hypervolume, both by candidates with a
    result; and `sentence`. Empty while there are fewer than four results."""
    goals, told = facts.goals(summary), results(summary)
    if len(goals) < 2 or len(told) < 4:
        return [], sentence(summary)
    points = [point for _, point in told]
    among = f" ({goals[0][0]} and {goals[1][0]} of {len(goals)} objectives)" if len(goals) > 2 else ""
    return [
        (f"Fronts{among}", *_fronts(goals[:2], [point[:2] for point in points])),
        ("Hypervolume", _volumes(points), []),
    ], sentence(summary)


def _share(points: Sequence[Point], all_points: Sequence[Point], reference: Point) -> float:
    ideal = ideal_and_nadir(all_points)[0]
    return hypervolume(points, reference) / math.prod(x - r for x, r in zip(ideal, reference, strict=True))


def _written(value: float, way: str) -> float:
    return value if way == "max" else -value


def _fronts(goals: Sequence[tuple[str, str]], points: Sequence[Point]) -> tuple[str, Legend]:
    """The fronts after shares of all candidates, over one another: the first objective upwards, the second to the right."""
    (goal, way), (cost, side) = goals
    counts = [math.ceil(share * len(points)) for share in SHARES]
    kept = [sorted(points[i] for i in pareto.front(points[:count])) for count in counts]
    lines = [[(_written(x, side), _written(y, way)) for y, x in _stairs(front)] for front in kept]
    xs, ys = ([corner[i] for line in lines for corner in line] for i in range(2))
    hint = "more" if side == "max" else "less"
    frame = Frame(axis(xs, f"{cost} ({hint} is better)", writer(cost)), value_axis(goal, way, ys))
    drawn = [frame.line(line, f"curve s{i}") for i, line in enumerate(lines)]
    legend = [
        (key_line(f"curve s{i}"), f"after {count} candidates ({share:.0%})")
        for i, (count, share) in enumerate(zip(counts, SHARES, strict=True))
    ]
    sizes = ", ".join(f"{len(front)} after {count}" for front, count in zip(kept, counts, strict=True))
    return image("".join([frame.axes(), *drawn]), f"fronts of {goal} against {cost}: {sizes} candidates"), legend


def _stairs(front: Sequence[Point]) -> list[Point]:
    """The corners of what a front of two objectives, worst in the first one first, has reached."""
    corners: list[Point] = []
    for point in front:
        corners += [(corners[-1][0], point[1]), point] if corners else [point]
    return corners


def _volumes(points: Sequence[Point]) -> str:
    reference, total = reference_point(points), len(points)
    counts = sorted({max(1, round(total * i / STEPS)) for i in range(1, STEPS + 1)})
    shares, kept, before = list[float](), list[Point](), 0
    for count in counts:
        here = [*kept, *points[before:count]]
        kept, before = [here[i] for i in pareto.front(here)], count
        shares.append(_share(kept, points, reference))
    frame = Frame(
        axis([1, total], "candidates with a result", "{:g}".format, log=False, pad=0.02),
        axis(shares, "hypervolume (share of the box)", "{:.0%}".format, log=False),
    )
    line = frame.line(list(zip(map(float, counts), shares, strict=True)), "curve c1")
    return image(frame.axes(across=5) + line, f"hypervolume: {shares[-1]:.1%} of the box after {total} candidates")
