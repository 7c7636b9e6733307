"""One self-contained HTML page about a study, or about several. No request leaves it: styles, script and pictures are
in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import log10
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from nasmyth.record import below
from nasmyth.report import answers, compare, curves, drawing, facts, fronts, mistakes, tradeoff, training
from nasmyth.report.added import bars
from nasmyth.report.boosting import boosting_sentence
from nasmyth.report.importance import importance
from nasmyth.report.verdict import verdict
from nasmyth.units import show

MOST_FRONT, MOST_TRIALS, MOST_FAILURES, MOST_DECISIONS = 12, 300, 100, 12


def render(summary: Mapping[str, Any], live: Mapping[str, Any] | None = None) -> str:
    """The page as text. `live` is what is going on, for a page that renews itself: see `live.py`."""
    return template("page.html.j2").render(contents(summary), live=live)


def render_several(summaries: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """The page of several studies side by side."""
    plot, legend = compare.progress(summaries, names)
    return template("several.html.j2").render(
        title=" · ".join(names), names=names, caveats=compare.caveats(summaries), table=compare.table(summaries),
        progress=Markup(plot), legend=marked(legend), live=None,
        studies=[
            {"name": name, "headline": facts.headline(one), "verdict": verdict(one), "warnings": training.warnings(one),
             "command": facts.reproduce(one)}
            for name, one in zip(names, summaries, strict=True)
        ],
    )  # fmt: skip


@lru_cache(maxsize=4)
def template(name: str) -> Template:
    """A template of this package, by its file."""
    environment = Environment(
        loader=PackageLoader("nasmyth.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def contents(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the template shows, by section; an empty section is left out."""
    every = sorted(facts.finished(summary), key=lambda one: one["number"])
    result = facts.result(summary)
    plot, legend = tradeoff.tradeoff(summary)
    steps, steps_legend = curves.progress(summary)
    moved, spread = fronts.over_time(summary)
    return {
        "title": facts.headline(summary),
        "asked": facts.asked(summary),
        "task": facts.task_sentence(summary),
        "spent": facts.spent(summary),
        "verdict": verdict(summary),
        "boosting": boosting_sentence(summary),
        "added": bars(summary),
        "warnings": training.warnings(summary),
        "tiles": tiles(summary),
        "tradeoff": Markup(plot),
        "legend": marked(legend),
        "front": table(summary, facts.shortlist(summary, MOST_FRONT)),
        "front_count": len(facts.front(summary)),
        "weighed": facts.weighed(summary),
        "trials": table(summary, every[:MOST_TRIALS]),
        "trials_left": max(0, len(every) - MOST_TRIALS),
        "network": Markup(drawing.draw(summary.get("layers") or ())),
        "layers": layers(summary.get("layers") or ()),
        "layers_missing": summary.get("layers_missing", ""),
        "genome": decisions(facts.winner(summary)),
        "curves": [(title, Markup(drawn), marked(keys)) for title, drawn, keys in curves.curves(summary)],
        "moved": [(title, Markup(drawn), marked(keys)) for title, drawn, keys in moved],
        "spread": spread,
        "progress": [(title, Markup(drawn)) for title, drawn in steps],
        "progress_legend": marked(steps_legend),
        "mattered": mattered(summary),
        "confusion": answers.confusion(result),
        "residuals": answers.residuals(result),
        "mistakes": mistakes.shown(summary),
        "funnel": stages(summary),
        "times": [(name, show(seconds, "s"), share) for name, seconds, share in facts.times(summary)],
        "failures": [
            (one["number"], one["error"]["reason"], one["error"]["message"]) for one in summary.get("failures") or ()
        ][:MOST_FAILURES],
        "reasons": facts.failures(summary),
        "about": about(summary),
        "environment": environment(summary),
        "command": facts.reproduce(summary),
    }


def marked(legend: tradeoff.Legend) -> list[tuple[Markup, str]]:
    """A legend for the template: keys are elements, and what they stand for is text."""
    return [(Markup(key), what) for key, what in legend]


def tiles(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, figure, remark) of the few figures that matter most."""
    best = facts.winner(summary)
    if best is None:
        return []
    goal = facts.goals(summary)[0][0]
    figures, where = facts.final(summary)
    level = {
        place: facts.shown(goal, one["value"]) for place, one in training.levels(summary) if one.get("score") == goal
    }
    tested, seen = (f"chance {level[place]}" if place in level else "" for place in (" on test", " in validation"))
    found = [(f"{goal}{where}", facts.shown(goal, figures.get(goal)), tested if where == " on test" else seen)]
    if where == " on test" and goal in best["measures"]:
        found.append((f"{goal} on validation", facts.shown(goal, best["measures"][goal]), seen))
    bounds = {limit.name: limit for limit in facts.limits(summary)}
    for name in dict.fromkeys([*bounds, "params", "macs"]):
        measured = figures.get(name, best["measures"].get(name))
        if name != goal and measured is not None:
            found.append((name, facts.shown(name, measured), facts.limit_text(bounds[name]) if name in bounds else ""))
    if reached := training.epochs(summary, best):
        found.append(("epochs", f"{reached[0]:.3g}", f"of {reached[1]:.3g} planned"))
    return found


def table(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Heads and rows of a table of candidates."""
    names = facts.columns(summary, rows)
    told = [
        {
            "number": one["number"],
            "figures": [facts.shown(name, one["measures"].get(name)) for name in names],
            "role": facts.role(summary, one) or ("" if one["feasible"] else "over budget"),
            "chance": one.get("near_chance", False),
            "stage": facts.trained(one),
            "epochs": training.epochs_text(summary, one),
            "seconds": show(one["seconds"], "s"),
            "key": str(one["key"])[:8],
        }
        for one in rows
    ]
    return {"names": names, "rows": told, "epochs": any(row["epochs"] for row in told)}


def layers(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The cost table: address, op, shape, parameters, MACs and their shares of the whole."""
    totals = {name: sum(row.get(name) or 0 for row in rows) for name in ("params", "macs")}
    return [
        {
            "address": row["address"],
            "op": row["op"],
            "shape": "×".join(map(str, row["shape"])),
            "shared": row.get("shared", False),
            **{name: "?" if row.get(name) is None else f"{row[name]:,}" if row[name] else "" for name in totals},
            **{f"{name}_share": (row.get(name) or 0) / totals[name] if totals[name] else 0.0 for name in totals},
        }
        for row in rows
    ]


def decisions(best: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The genome of the winner, address by address, and its training settings."""
    if best is None:
        return []
    recipe = best.get("recipe")
    settings = dict(_settings(recipe, "recipe")) if isinstance(recipe, Mapping) else {}
    return [(str(name), str(value)) for name, value in {**settings, **(best.get("genome") or {})}.items()]


def _settings(part: Any, address: str) -> Iterator[tuple[str, Any]]:
    """The settings in the JSON of a recipe, by address; of a part also its class, such as SGD."""
    if isinstance(part, Mapping):
        if address != "recipe":
            yield address, part.get("$", "")
        for name, value in part.items():
            if name != "$":
                yield from _settings(value, below(address, name))
    elif isinstance(part, (list, tuple)):
        for i, value in enumerate(part):
            yield from _settings(value, below(address, i))
    else:
        yield address, part


def mattered(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """Which decisions mattered, most important first; those below a hundredth are left out."""
    found = importance(summary)
    rows = [row for row in found.rows if row[1] >= 0.01][:MOST_DECISIONS] if found else []
    if found is None or not rows:
        return None
    rest = max(0.0, 1 - sum(share for _, share, _, _ in found.rows))
    return {"rows": rows, "explained": found.explained, "trials": found.trials, "stage": found.stage, "rest": rest}


def stages(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The funnel with the length of each bar, on a logarithmic scale so that few of many can be seen."""
    funnel = facts.funnel(summary)
    most = max((row["entered"] for row in funnel), default=0)

    def length(count: int) -> float:
        return log10(1 + count) / log10(1 + most) if most else 0.0

    return [
        {**row, "price": show(float(row["price_s"]), "s") if row["price_s"] else "",
         "epochs": training.epochs_of_stage(summary, row["stage"]),
         "entered_length": length(row["entered"]), "passed_length": length(row["passed"])}
        for row in funnel
    ]  # fmt: skip


def about(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was decided about the data and the training: (what, sentence)."""
    notes = [("data", note) for note in facts.data_notes(summary)]
    notes += (
        [("level of chance", told.removeprefix("chance is "))] if (told := training.chance_sentence(summary)) else []
    )
    notes += [("recipe", recipe)] if (recipe := training.recipe(summary)[0]) else []
    notes += [("recipe", why)] if (why := training.why(summary)) else []
    notes += [("size", sized)] if (sized := training.sized(summary)) else []
    return [*notes, *([("search", screened)] if (screened := training.screened(summary)) else [])]


def environment(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What it ran with, and on what."""
    said = dict(summary.get("environment") or {})
    packages = said.pop("packages", None) or {}
    if isinstance(said.get("memory"), (int, float)):
        said["memory"] = show(float(said["memory"]), "B")
    threads = said.pop("threads", None) or {}
    rows = [(name, str(value)) for name, value in said.items() if value not in (None, "", {})]
    rows += [(name, version) for name, version in packages.items() if name not in said]
    rows += [(name, str(value)) for name, value in threads.items()]
    rows += [("seed", str(summary["seed"]))] if summary.get("seed") is not None else []
    return [*rows, *([("space", str(summary["space"]))] if summary.get("space") else [])]
