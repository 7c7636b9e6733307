"""A study as a notebook shows it: the report's tables and sentences, and a drawing of the best network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasmyth.markup import table, tag, words
from nasmyth.report import drawing, facts
from nasmyth.report.verdict import verdict

MOST_ROWS = 12
STYLE = """
.nasmyth svg.network { max-width: 100%; height: auto; }
.nasmyth .network text { font: 12px system-ui, sans-serif; fill: #1c2024; }
.nasmyth .network .box { fill: #eceff1; stroke: #cfd4d8; } .nasmyth .network .box.conv { fill: #dbe9fb; }
.nasmyth .network .box.dense { fill: #ece2fa; } .nasmyth .network .box.attend { fill: #fbe1ee; }
.nasmyth .network .box.pool { fill: #d9f1ea; } .nasmyth .network .box.join { fill: #ffefcf; }
.nasmyth .network .shape, .nasmyth .network .group-name { text-anchor: end; }
.nasmyth .network .join-name { text-anchor: middle; }
.nasmyth .network .edge { fill: none; stroke: #5b636b; stroke-width: 1.4; }
.nasmyth .network .group { fill: none; stroke: #cfd4d8; stroke-dasharray: 3 3; }
"""
"""Every rule is for what stands here alone: a notebook shares its styles with all cells."""


def html(summary: Mapping[str, Any]) -> str:
    """The headline, what was asked for, the front, the verdict and the best network; everything escaped."""
    rows = facts.shortlist(summary, MOST_ROWS)
    names = facts.columns(summary, rows)
    cells = [
        (one["number"], *(facts.shown(name, one["measures"].get(name)) for name in names), facts.role(summary, one),
         facts.trained(one), str(one["key"])[:8])
        for one in rows
    ]  # fmt: skip
    about = " · ".join(filter(None, (facts.asked(summary), facts.task_sentence(summary), facts.spent(summary))))
    parts = [tag("p", tag("b", words(facts.headline(summary)))), tag("p", words(about))]
    if rows:
        parts.append(table(("#", *names, "", "stage", "key"), cells, range(len(names) + 1)))
    parts += [tag("p", words(said)) for said in (verdict(summary),) if said]
    if layers := summary.get("layers"):
        parts.append(tag("details", tag("summary", "The best network") + drawing.draw(layers)))
    if command := facts.reproduce(summary):
        parts.append(tag("p", "Again: " + tag("code", words(command))))
    return tag("div", tag("style", STYLE) + "".join(parts), class_="nasmyth")
