"""The figures as text: a row a task with every method, then every method against the plain network, then regrets."""

from __future__ import annotations

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
    """Mean test score and standard deviation over seeds."""
    lines = ["test score, mean ± sd over seeds (accuracy in %; rmse, less is better)"]
    for task in tasks:
        lines.append(task)
        for method in methods:
            told = [one for one in records if (one["task"], one["method"]) == (task, method)]
            got = [one["score"] for one in told if one.get("score") is not None]
            failed = [one for one in told if one.get("score") is None]
            if got:
                mean, sd = spread(got)
                times = 100 if told[0]["metric"] == "accuracy" else 1
                took = sum(one["seconds"] for one in told) / len(told)
                lost = f", {len(failed)} failed" if failed else ""
                figures = f"{times * mean:12,.2f} ± {times * sd:<8,.2f}"
                lines.append(f"  {method:16}{figures} {len(got)} seeds{lost}, {took:.0f} s of {told[0]['spend']:.0f}")
            elif failed:
                lines.append(f"  {method:16}{failed[0]['failure'][:100]}")
    return "\n".join(lines)


def against(records: Sequence[Record], method: str) -> str:
    """Test error as a ratio to the plain network's."""
    found, tight = ratios(records, method), {task.name for task in TASKS if task.tight}
    if not found:
        return f"{method}: nothing to compare with {BASE}"
    groups = {"all tasks": found, "tight budgets": {task: one for task, one in found.items() if task in tight}}
    lines = [f"{method}: test error as a ratio to {BASE}'s, geometric mean [95 %, bootstrap over tasks and seeds]"]
    for name, group in groups.items():
        if group:
            mean, low, high = geometric(group)
            wanted = "  (at least {}, aim {})".format(*WANTED[name]) if method == "design" else ""
            better, same, less = wins(group)
            told = f"{better} wins, {same} ties, {less} losses in {len(group)} tasks"
            lines.append(f"  {name:16}{mean:.3f} [{low:.3f}, {high:.3f}]{wanted}  {told}")
    behind = ", ".join(f"{task} ({by:.1f})" for task, by in worse(records, method).items())
    lines.append(f"  worse than {BASE} by more than one standard deviation of seeds: {behind or 'none'}")
    return "\n".join(lines)


def choice(records: Sequence[Record], method: str, metric: str, unit: str) -> str:
    """The regret of the choice, beside that of other rules."""
    lines = [f"{method}: mean regret against the best of its finals on test, {unit}"]
    for rule, (mean, half, designs) in mean_regrets(records, method, metric).items():
        lines.append(f"  {rule:28}{mean:.3f} ± {half:.3f}  ({designs} designs)")
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
    return ["notes\n  " + "\n  ".join(said)] if said else []
