"""A study in the terminal: Pareto table, baseline, funnel, where the time went, and the line that does it again."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from nasmyth.report import facts, troubles
from nasmyth.units import show

MOST_ROWS = 12


def render(summary: Mapping[str, Any], console: Console) -> None:
    """Print the report of a study."""
    for part in parts(summary):
        console.print(part, soft_wrap=isinstance(part, Text))


def plain(summary: Mapping[str, Any], width: int = 110) -> str:
    """The same as text without colour, `width` characters wide."""
    out = io.StringIO()
    render(summary, Console(file=out, width=width, color_system=None, force_terminal=False))
    return out.getvalue().rstrip() + "\n"


def parts(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What `render` prints, piece by piece."""
    yield Text(facts.headline(summary), style="bold")
    yield Text(" · ".join(t for t in (facts.asked(summary), facts.task_sentence(summary), facts.spent(summary)) if t))
    if rows := facts.shortlist(summary, MOST_ROWS):
        yield Text(f"\n{_title(summary)}", style="bold")
        yield candidates(summary, rows)
    if said := facts.verdict(summary):
        yield Text(said)
    if missed := troubles.missed(summary):
        yield Text(missed, style="yellow")
    if stages := facts.funnel(summary):
        yield Text("\nFunnel", style="bold")
        yield _funnel(stages)
    if phases := facts.times(summary):
        yield Text("\nWhere the time went", style="bold")
        yield _times(phases)
    if reasons := facts.failures(summary):
        yield Text("\nFailed: " + ", ".join(f"{count} {reason}" for reason, count in reasons), style="yellow")
    for lost in troubles.damaged(summary):
        yield Text(lost, style="yellow")
    if command := facts.reproduce(summary):
        yield ""
        yield Text.assemble(("Again: ", "dim"), command)


def _title(summary: Mapping[str, Any]) -> str:
    count = len(facts.front(summary))
    more = f" (the best of {count})" if count > MOST_ROWS else ""
    return f"Pareto front: {', '.join(facts.weighed(summary))}{more}"


def candidates(summary: Mapping[str, Any], rows: list[Any]) -> Table:
    """A table of candidates; the winner and the baseline are marked."""
    names = facts.columns(summary, rows)
    table = _table(
        [("#", "right"), *[(name, "right") for name in names], ("", "left"), ("stage", "left"), ("key", "left")]
    )
    for one in rows:
        role = facts.role(summary, one)
        told = [facts.shown(name, one["measures"].get(name)) for name in names]
        style = {"best": "bold green", "baseline": "cyan"}.get(role, "")
        table.add_row(str(one["number"]), *told, role, facts.trained(one), str(one["key"])[:8], style=style)
    return table


def _funnel(stages: list[dict[str, Any]]) -> Table:
    table = _table([("stage", "left"), ("entered", "right"), ("passed", "right"), ("each", "right")])
    for row in stages:
        price = "-" if row["price_s"] is None else show(float(row["price_s"]), "s")
        table.add_row(row["stage"], f"{row['entered']:,}", f"{row['passed']:,}", price)
    return table


def _times(phases: list[tuple[str, float, float]]) -> Table:
    table = _table([("phase", "left"), ("time", "right"), ("share", "right")])
    for name, seconds, share in phases:
        table.add_row(name, show(seconds, "s"), f"{share:.0%}")
    return table


def _table(heads: list[tuple[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head, justify in heads:
        table.add_column(head, justify=justify, no_wrap=True)
    return table
