"""Studies side by side: what was asked of each, what it found, and what that took. Pure functions of summaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nasmyth.report import facts, training
from nasmyth.report.curves import Series, improvements
from nasmyth.report.facts import Summary, number
from nasmyth.report.svg import Frame, axis, image, key_line
from nasmyth.report.tradeoff import Legend, value_axis
from nasmyth.units import show

MOST = 6
"""Studies that can be told apart in one table and one plot."""


def table(summaries: Sequence[Summary]) -> list[tuple[str, list[str]]]:
    """(what, one text a study), without the lines that none has anything to say to."""
    names = dict.fromkeys(name for one in summaries for name in [*facts.costs(one), "params", "macs"])
    lines: list[tuple[str, Callable[[Summary], str]]] = [
        ("data", facts.task_name),
        ("task", facts.task_sentence),
        ("goal", lambda one: facts.asked(one).partition(" under ")[0]),
        ("budget", lambda one: ", ".join(map(facts.limit_text, facts.limits(one)))),
        ("on test", lambda one: _figure(one, " on test")),
        ("in validation", lambda one: _figure(one, "")),
        ("plain network", _baseline),
        *[(name, lambda one, name=name: _cost(one, name)) for name in names if name != "seconds"],
        ("candidates", lambda one: str((one.get("spend") or {}).get("trials", ""))),
        ("time", lambda one: facts.spent(one).partition(" in ")[2]),
        ("epochs", lambda one: training.epochs_text(one, best) if (best := facts.winner(one)) else ""),
        ("recipe", lambda one: training.recipe(one)[0]),
        ("search", _strategy),
        ("seed", lambda one: "" if one.get("seed") is None else str(one["seed"])),
        ("Nasmyth", lambda one: str(one.get("nasmyth") or "")),
    ]
    told = [(what, [tell(one) for one in summaries]) for what, tell in lines]
    return [(what, [text or "-" for text in texts]) for what, texts in told if any(texts)]


def caveats(summaries: Sequence[Summary]) -> list[str]:
    """What keeps the figures from being compared: other data, another goal, another budget."""
    said = []
    data = {str((task.get("fingerprint"), task.get("name")) if isinstance(task, Mapping) else task)
            for task in (one.get("task") for one in summaries)}  # fmt: skip
    if len(data) > 1:
        said.append(
            "They are not about the same data, or not about the same splits of it: figures on test do not compare."
        )
    if len({str(facts.goals(one)) for one in summaries}) > 1:
        said.append("They do not have the same goal.")
    if len({str(sorted(map(str, facts.limits(one)))) for one in summaries}) > 1:
        said.append("They do not have the same budget.")
    return said


def progress(summaries: Sequence[Summary], names: Sequence[str]) -> tuple[str, Legend]:
    """The best so far of each study by time at work, on shared axes; ("", []) where their goals differ or nothing is
    known."""
    if len({str(facts.goals(one)[0]) for one in summaries}) > 1:
        return "", []
    goal, way = facts.goals(summaries[0])[0]
    found = [improvements(one) for one in summaries]
    ends = [max((one.get("spend") or {}).get("worked") or 0.0, steps[-1][0]) if steps else 0.0
            for one, steps in zip(summaries, found, strict=True)]  # fmt: skip
    values = [y for steps in found for *_, y in steps]
    if not values:
        return "", []
    time = axis([0.0, *ends], "time at work", lambda s: show(s, "s"), log=False, pad=0.0)
    frame = Frame(time, value_axis(goal, way, values))
    parts = [frame.axes()]
    parts += [
        frame.line(_staircase(steps, end), f"curve s{i}")
        for i, (steps, end) in enumerate(zip(found, ends, strict=True))
    ]
    return image("".join(parts), f"best {goal} so far in {len(found)} studies"), [
        (key_line(f"curve s{i}"), name) for i, name in enumerate(names)
    ]


def _staircase(steps: Sequence[tuple[float, int, float]], end: float) -> Series:
    stairs: Series = []
    for x, _, y in steps:
        stairs += [(x, stairs[-1][1])] if stairs else []
        stairs.append((x, y))
    return [*stairs, (end, stairs[-1][1])] if stairs else []


def _figure(one: Summary, where: str) -> str:
    goal, best = facts.goals(one)[0][0], facts.winner(one)
    figures = facts.result(one).get("test") if where else (best or {}).get("measures")
    found = (figures or {}).get(goal)
    return f"{goal} {facts.shown(goal, found)}" if number(found) else ""


def _baseline(one: Summary) -> str:
    goal, plain = facts.goals(one)[0][0], one.get("baseline")
    tested = ((facts.result(one).get("baseline") or {}).get("test") or {}).get(goal)
    if number(tested):
        return f"{goal} {facts.shown(goal, tested)} on test"
    return f"{goal} {facts.shown(goal, facts.value(plain, goal))}" if plain and not plain.get("error") else ""


def _cost(one: Summary, name: str) -> str:
    best = facts.winner(one)
    found = facts.final(one)[0].get(name, facts.value(best, name)) if best else None
    return facts.shown(name, found) if number(found) else ""


def _strategy(one: Summary) -> str:
    said = one.get("strategy")
    return str(said.get("$", "")) if isinstance(said, Mapping) else str(said or "")
