"""The figures as text: a row a task with every method, then every method against the plain network, then regrets."""

from __future__ import annotations

import math
from collections.abc import Sequence

from worth_of.figures import BASE, Record, geometric, mean_regrets, ratios, spread, wins, worse
from worth_of.tasks import TASKS

WANTED = {"all tasks": (0.90, 0.75), "tight budgets": (0.80, 0.60)}
"""Of `design`: the ratio to the plain network's error that is wanted at least, and the aim."""


def page(records: Sequence[Record]) -> str:
    """Everything that the results say."""
    order = [task.name for task in TASKS]
    tasks = sorted({one["task"] for one in records}, key=order.index)
    methods = list(dict.fromkeys(one["method"] for one in records))
    methods.sort(key=lambda name: name != BASE)
    parts = [scores(records, tasks, methods), *(against(records, name) for name in methods if name != BASE)]
    for metric, unit in (("accuracy", "points of accuracy"), ("rmse", "% of the least rmse")):
        parts += [choice(records, name, metric, unit) for name in methods if mean_regrets(records, name, metric)]
    return "\n\n".join([*parts, *warnings(records)])


def scores(records: Sequence[Record], tasks: Sequence[str], methods: Sequence[str]) -> str:
    """Mean test score and standard deviation over seeds, and the error as a ratio to the plain network's."""
    lines = [f"test score, mean ± sd over seeds (accuracy in %; rmse, less is better); error as a ratio to {BASE}'s"]
    for task in tasks:
        told = [one for one in records if one["task"] == task]
        lines += [task, *(row(told, method) for method in methods if any(one["method"] == method for one in told))]
    return "\n".join(lines)


def row(of_task: Sequence[Record], method: str) -> str:
    """What a method did on a task."""
    told = [one for one in of_task if one["method"] == method]
    got = [one for one in told if one.get("score") is not None]
    if not got:
        return f"  {method:16}failed: {told[0]['failure'][:100]}"
    times = 100 if got[0]["metric"] == "accuracy" else 1
    mean, sd = spread([times * one["score"] for one in got])
    ratio = next(iter(ratios(of_task, method).values()), None)
    beside = "" if ratio is None else f"{geometric({'': ratio})[0]:.3f}"
    lost = f", {len(told) - len(got)} failed" if len(told) > len(got) else ""
    took = sum(one["seconds"] for one in got) / len(got)
    within = f"{took:.0f} s of {got[0]['spend']:.0f}"
    return f"  {method:16}{plus_minus(mean, sd):26}{beside:8}{count(len(got), 'seed')}{lost}, {within}"


def plus_minus(mean: float, spread: float, digits: int = 2) -> str:
    """A figure, with its spread where there is one."""
    return f"{mean:12,.{digits}f}" + ("" if math.isnan(spread) else f" ± {spread:,.{digits}f}")


def count(number: int, what: str) -> str:
    """ "1 seed", "2 seeds"."""
    return f"{number} {what}{'es' if what.endswith('s') else 's'}" if number != 1 else f"1 {what}"


def against(records: Sequence[Record], method: str) -> str:
    """Test error as a ratio to the plain network's; of a design without a part, to that of a design with all of them."""
    base = "design" if method.startswith("without-") else BASE
    found, tight = ratios(records, method, base), {task.name for task in TASKS if task.tight}
    if not found:
        return f"{method}: nothing to compare with {base}"
    groups = {"all tasks": found, "tight budgets": {task: one for task, one in found.items() if task in tight}}
    lines = [f"{method}: test error as a ratio to {base}'s, geometric mean [95 %, bootstrap over tasks and seeds]"]
    for name, group in groups.items():
        if group:
            mean, low, high = geometric(group)
            wanted = "  (at least {}, aim {})".format(*WANTED[name]) if method == "design" else ""
            better, same, less = wins(group)
            told = f"{count(better, 'win')}, {count(same, 'tie')}, {count(less, 'loss')} in {count(len(group), 'task')}"
            lines.append(f"  {name:16}{mean:.3f} [{low:.3f}, {high:.3f}]{wanted}  {told}")
    behind = ", ".join(f"{task} ({by:.1f})" for task, by in worse(records, method, base).items())
    unknown = "" if any(len(one) > 1 for one in found.values()) else "not told by one seed"
    lines.append(f"  worse than {base} by more than one standard deviation of seeds: {behind or unknown or 'none'}")
    return "\n".join(lines)


def choice(records: Sequence[Record], method: str, metric: str, unit: str) -> str:
    """The regret of the choice, beside that of other rules."""
    lines = [f"{method}: mean regret against the best of its finals on test, {unit}"]
    for rule, (mean, half, designs) in mean_regrets(records, method, metric).items():
        lines.append(f"  {rule:28}{plus_minus(mean, half, 3):22}({count(designs, 'design')})")
    return "\n".join(lines)


def warnings(records: Sequence[Record]) -> list[str]:
    """What makes results hard to compare."""
    said = []
    for method in dict.fromkeys(one["method"] for one in records):
        made = sorted({str(one["checkout"]) for one in records if one["method"] == method and one.get("checkout")})
        if len(made) > 1:
            said.append(f"{method}: results of several states of the code: {', '.join(made)}")
    over = [one for one in records if one.get("score") is not None and one["seconds"] > 1.15 * one["spend"] + 5]
    said += [
        f"{one['task']}, {one['method']}, seed {one['seed']}: {one['seconds']:.0f} s of {one['spend']:.0f}"
        for one in over
    ]
    for one in records:
        for missed in (one.get("details") or {}).get("missed", ()):
            said.append(
                f"{one['task']}, {one['method']}, seed {one['seed']}: {missed['limit']} missed, {missed['value']:.3g}"
            )
    return ["notes\n  " + "\n  ".join(said)] if said else []
