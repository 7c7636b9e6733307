"""A study in the terminal: Pareto table, baseline, funnel, where the time went, and the line that does it again."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from nasmyth.report import compare, facts, fronts, training, troubles
from nasmyth.report.added import Bar, bars
from nasmyth.report.boosting import boosting_sentence
from nasmyth.report.verdict import verdict
from nasmyth.units import show

MOST_ROWS = 12


def render(summary: Mapping[str, Any], console: Console) -> None:
    """Print the report of a study."""
    _print(parts(summary), console)


def to_text(summary: Mapping[str, Any], width: int = 110) -> str:
    """The same as text without colour, `width` characters wide."""
    return _as_text(parts(summary), width)


def render_several(summaries: Sequence[Mapping[str, Any]], names: Sequence[str], console: Console) -> None:
    """Print studies side by side."""
    _print(compared(summaries, names), console)


def several_to_text(summaries: Sequence[Mapping[str, Any]], names: Sequence[str], width: int = 110) -> str:
    """The same as text without colour."""
    return _as_text(compared(summaries, names), width)


def _print(told: Iterable[RenderableType], console: Console) -> None:
    for part in told:
        console.print(part, soft_wrap=isinstance(part, Text))


def _as_text(told: Iterable[RenderableType], width: int) -> str:
    out = io.StringIO()
    _print(told, Console(file=out, width=width, color_system=None, force_terminal=False))
    return out.getvalue().rstrip() + "\n"


def parts(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What `render` prints, piece by piece."""
    yield safe(facts.headline(summary), style="bold")
    yield safe(" · ".join(t for t in (facts.asked(summary), facts.task_sentence(summary), facts.spent(summary)) if t))
    for warning in training.warnings(summary):
        yield safe(f"Warning: {warning}", style="yellow")
    if rows := facts.shortlist(summary, MOST_ROWS):
        yield safe(f"\n{_title(summary)}", style="bold")
        yield candidates(summary, rows)
    if spread := fronts.sentence(summary):
        yield safe(spread)
    if said := verdict(summary):
        yield safe(said)
    if beside := boosting_sentence(summary):
        yield safe(beside)
    if missed := troubles.missed(summary):
        yield safe(missed, style="yellow")
    if added := bars(summary):
        yield Text("\nWhat was added to the plain network, in validation", style="bold")
        yield _added(added)
    if stages := facts.funnel(summary):
        yield Text("\nFunnel", style="bold")
        yield _funnel(summary, stages)
    if phases := facts.times(summary):
        yield Text("\nWhere the time went", style="bold")
        yield _times(phases)
    yield from _about(summary)
    if reasons := facts.failures(summary):
        yield safe("\nFailed: " + ", ".join(f"{count} {reason}" for reason, count in reasons), style="yellow")
    for lost in troubles.damaged(summary):
        yield safe(lost, style="yellow")
    if command := facts.reproduce(summary):
        yield ""
        yield Text.assemble(("Again: ", "dim"), safe(command))


def _about(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What was decided about the data and the training, and which decisions mattered."""
    from nasmyth.report.importance import importance, sentence

    notes = [("Data: ", note) for note in facts.data_notes(summary)]
    notes += [("Data: ", chance)] if (chance := training.chance_sentence(summary)) else []
    notes += [("Recipe: ", recipe)] if (recipe := training.recipe(summary)[0]) else []
    notes += [("Recipe: ", why)] if (why := training.why(summary)) else []
    notes += [("Size: ", sized)] if (sized := training.sized(summary)) else []
    notes += [("Search: ", screened)] if (screened := training.screened(summary)) else []
    mattered = importance(summary)
    notes += [("", told)] if mattered and (told := sentence(mattered)) else []
    if notes:
        yield ""
    for label, note in notes:
        yield Text.assemble((label, "dim"), safe(note))


def _title(summary: Mapping[str, Any]) -> str:
    count = len(facts.front(summary))
    if not count:
        return "Best so far: no candidate is better than chance" if training.levels(summary) else "Best so far"
    more = f" (the best of {count})" if count > MOST_ROWS else ""
    return f"Pareto front: {', '.join(facts.weighed(summary))}{more}"


def candidates(summary: Mapping[str, Any], rows: list[Any]) -> Table:
    """A table of candidates; the winner and the baseline are marked."""
    names = facts.columns(summary, rows)
    reached = [training.epochs_text(summary, one) for one in rows]
    heads: list[tuple[str, Any]] = [
        ("#", "right"),
        *[(name, "right") for name in names],
        ("", "left"),
        ("stage", "left"),
    ]
    table = _table([*heads, *([("epochs", "left")] if any(reached) else []), ("key", "left")])
    for one, epochs in zip(rows, reached, strict=True):
        role = facts.role(summary, one)
        told = [facts.shown(name, one["measures"].get(name)) for name in names]
        style = {"best": "bold green", "baseline": "cyan"}.get(role, "")
        tail = [epochs] if any(reached) else []
        row = [str(one["number"]), *told, role, facts.trained(one), *tail, str(one["key"])[:8]]
        table.add_row(*map(safe, row), style=style)
    return table


def _funnel(summary: Mapping[str, Any], stages: list[dict[str, Any]]) -> Table:
    reached = [training.epochs_of_stage(summary, row["stage"]) for row in stages]
    heads: list[tuple[str, Any]] = [("stage", "left"), ("entered", "right"), ("passed", "right"), ("each", "right")]
    table = _table([*heads, *([("epochs", "left")] if any(reached) else [])])
    for row, epochs in zip(stages, reached, strict=True):
        price = show(float(row["price_s"]), "s") if row["price_s"] else "-"
        tail = [epochs] if any(reached) else []
        table.add_row(*map(safe, [row["stage"], f"{row['entered']:,}", f"{row['passed']:,}", price, *tail]))
    return table


def _added(added: list[Bar]) -> Table:
    table = _table(
        [("by", "left"), ("gain", "right"), ("95 % interval", "left"), ("chance of a gain", "right"), ("", "left")]
    )
    for one in added:
        table.add_row(*map(safe, [one.what, one.gain, one.interval, one.chance, one.letters]))
    return table


def _times(phases: list[tuple[str, float, float]]) -> Table:
    table = _table([("phase", "left"), ("time", "right"), ("share", "right")])
    for name, seconds, share in phases:
        table.add_row(*map(safe, [name, show(seconds, "s"), f"{share:.0%}"]))
    return table


def compared(summaries: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[RenderableType]:
    """What `render_several` prints, piece by piece."""
    for caveat in compare.caveats(summaries):
        yield safe(f"Warning: {caveat}", style="yellow")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(safe(name), overflow="fold")
    for what, texts in compare.table(summaries):
        table.add_row(*map(safe, [what, *texts]))
    yield table
    for name, summary in zip(names, summaries, strict=True):
        for warning in training.warnings(summary):
            yield safe(f"{name}: {warning}", style="yellow")


def _table(heads: list[tuple[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head, justify in heads:
        table.add_column(safe(head), justify=justify, no_wrap=True)
    return table


def safe(text: str, style: str = "") -> Text:
    """Text that is printed as it is: no markup, and no control characters, which a stranger's study may hold."""
    return Text(
        "".join("\N{REPLACEMENT CHARACTER}" if (c < " " and c != "\n") or "\x7f" <= c <= "\x9f" else c for c in text),
        style,
    )
