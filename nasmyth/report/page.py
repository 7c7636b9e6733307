"""One self-contained HTML page about a study. No request leaves it: styles, script and pictures are in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from nasmyth.report import answers, drawing, facts, plots
from nasmyth.units import show

MOST_FRONT, MOST_TRIALS, MOST_FAILURES = 12, 300, 100


def render(summary: Mapping[str, Any]) -> str:
    """The page as text."""
    return _template().render(contents(summary))


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("nasmyth.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def contents(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the template shows, by section; an empty section is left out."""
    every = sorted(facts.finished(summary), key=lambda one: one["number"])
    result = facts.result(summary)
    return {
        "title": facts.headline(summary),
        "asked": facts.asked(summary),
        "task": facts.task_sentence(summary),
        "spent": facts.spent(summary),
        "verdict": facts.verdict(summary),
        "tiles": tiles(summary),
        "tradeoff": Markup(plots.tradeoff(summary)),
        "front": table(summary, facts.shortlist(summary, MOST_FRONT)),
        "front_count": len(facts.front(summary)),
        "weighed": facts.weighed(summary),
        "trials": table(summary, every[:MOST_TRIALS]),
        "trials_left": max(0, len(every) - MOST_TRIALS),
        "network": Markup(drawing.draw(summary.get("layers") or ())),
        "layers": layers(summary.get("layers") or ()),
        "layers_missing": summary.get("layers_missing", ""),
        "genome": decisions(facts.winner(summary)),
        "curves": [(title, Markup(plot)) for title, plot in plots.curves(summary)],
        "confusion": answers.confusion(result),
        "residuals": answers.residuals(result),
        "funnel": stages(facts.funnel(summary)),
        "times": [(name, show(seconds, "s"), share) for name, seconds, share in facts.times(summary)],
        "failures": [
            (one["number"], one["error"]["reason"], one["error"]["message"]) for one in summary.get("failures") or ()
        ][:MOST_FAILURES],
        "reasons": facts.failures(summary),
        "environment": environment(summary),
        "command": facts.reproduce(summary),
    }


def tiles(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, figure, remark) of the few figures that matter most."""
    best = facts.winner(summary)
    if best is None:
        return []
    goal = facts.goals(summary)[0][0]
    figures, where = facts.final(summary)
    found = [(f"{goal}{where}", facts.shown(goal, figures.get(goal)), "")]
    if where == " on test" and goal in best["measures"]:
        found.append((f"{goal} on validation", facts.shown(goal, best["measures"][goal]), ""))
    bounds = {limit.name: limit for limit in facts.limits(summary)}
    for name in dict.fromkeys([*bounds, "params", "macs"]):
        measured = figures.get(name, best["measures"].get(name))
        if name != goal and measured is not None:
            found.append((name, facts.shown(name, measured), facts.limit_text(bounds[name]) if name in bounds else ""))
    return found


def table(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Heads and rows of a table of candidates."""
    names = facts.columns(summary, rows)
    return {
        "names": names,
        "rows": [
            {
                "number": one["number"],
                "figures": [facts.shown(name, one["measures"].get(name)) for name in names],
                "role": facts.role(summary, one) or ("" if one["feasible"] else "over budget"),
                "stage": facts.trained(one),
                "seconds": show(one["seconds"], "s"),
                "key": str(one["key"])[:8],
            }
            for one in rows
        ],
    }


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
    recipe = best.get("recipe") or {}
    settings = (
        {f"recipe.{name}": value for name, value in recipe.items() if name != "$"}
        if isinstance(recipe, Mapping)
        else {}
    )
    return [(str(name), str(value)) for name, value in {**settings, **(best.get("genome") or {})}.items()]


def stages(funnel: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The funnel with the length of each bar, on a logarithmic scale so that few of many can be seen."""
    from math import log10

    most = max((row["entered"] for row in funnel), default=0)

    def length(count: int) -> float:
        return log10(1 + count) / log10(1 + most) if most else 0.0

    return [
        {**row, "price": "" if row["price_s"] is None else show(float(row["price_s"]), "s"),
         "entered_length": length(row["entered"]), "passed_length": length(row["passed"])}
        for row in funnel
    ]  # fmt: skip


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
