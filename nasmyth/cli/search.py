"""`nasmyth search`: a strategy in a space of your own, every candidate trained the same way."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nasmyth.cli import address as addresses
from nasmyth.cli import options
from nasmyth.cli.console import only_results
from nasmyth.cli.ending import end
from nasmyth.cli.errors import typed
from nasmyth.cli.imports import import_files, remember
from nasmyth.cli.loading import lookup
from nasmyth.progress import Progress, shown


def search(
    ctx: typer.Context,
    space: Annotated[
        str, typer.Argument(metavar="FILE.py:SPACE", help="mine.py:space, package.module:space, or a registered space.")
    ],
    data: Annotated[str, typer.Option("--data", help="What the candidates are trained on.")],
    maximize: options.Maximize = None,
    minimize: options.Minimize = None,
    under: options.Under = None,
    strategy: Annotated[
        str, typer.Option(metavar="NAME", help="auto, random, evolution, or 'evolution(population=16)'.")
    ] = "auto",
    warm_start: Annotated[
        str | None,
        typer.Option(
            "--warm-start", metavar="STUDY", help="Begin with the best of another study, even of another space."
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="How many candidates in all.")] = 50,
    epochs: Annotated[
        float | None, typer.Option(help="How long each is trained; the recipe's own unless said.")
    ] = None,
    on: Annotated[
        str, typer.Option(help="Where candidates are trained: here, processes (several at once, each guarded), or ray.")
    ] = "here",
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many at once, on processes or ray; one a core unless said.")
    ] = None,
    limit_seconds: Annotated[
        str | None, typer.Option("--limit-seconds", metavar="TIME", help="The most that one candidate may take: 10min.")
    ] = None,
    limit_memory: Annotated[
        str | None, typer.Option("--limit-memory", metavar="BYTES", help="The most that one candidate may hold: 4GB.")
    ] = None,
    seed: options.Seed = 0,
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="The study file.")] = "search.db",
    target: options.Target = None,
    size: options.Size = None,
    on_bad: options.OnBad = None,
    kind: options.Kind = None,
    domain: options.Domain = None,
    imports: options.Imports = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Search SPACE on DATA. The same line again goes on where it stopped; several at once share the work.

    Exit status: 0 if something within the budget was found; 1 if nothing was, or for an error; 2 for a wrong line.
    """
    reading = options.reading(target, size, on_bad, kind, domain)
    with only_results(), shown(not (quiet or json)) as live:
        from nasmyth.cli.strategies import strategy_of
        from nasmyth.domains import read
        from nasmyth.measure import constraints
        from nasmyth.report import summary_of
        from nasmyth.search import Auto
        from nasmyth.study import Study, ahead, warm

        import_files(imports)
        if ":" in space or space.endswith(".py"):
            lookup(space)  # first, since the file may define the measures and strategies that are asked for
        chosen, limits, goals = strategy_of(strategy), constraints(under or ()), _goals(maximize, minimize)
        begun = warm.begun(out, chosen, warm_start) if warm_start else None
        ahead.look(out, under=limits, strategy=begun or chosen, seed=seed, **goals)
        ahead.refuse_limits(on, limit_seconds, limit_memory)
        live(Progress("reading"))
        task = read(data, seed=seed, **reading)
        goals = goals or _goals(*_usual(task))
        within = addresses.space_of(space, task.input)
        remember(within)
        if warm_start and not begun:
            begun, carried = warm.warm_start(warm_start, within, chosen, under=limits)
            print(carried)  # to stderr, with whatever else is no result
        study = Study(
            out, within, under=limits, strategy=begun or chosen, seed=seed, task=task, command=typed(ctx), **goals
        )
        if isinstance(study.strategy, Auto) and not (quiet or json):
            print(f"strategy: {study.strategy.chosen(study.goals.narrowed(within))}")
        with study:
            ended = study.run(
                task, trials, on=on, epochs=epochs, workers=workers, limit_seconds=limit_seconds, limit_memory=limit_memory,
                progress=live,
            )  # fmt: skip
            summary = summary_of(study)
    end(summary, out, ended.reason == "interrupted", json, quiet)


def _goals(maximize: list[str] | None, minimize: list[str] | None) -> dict[str, Any]:
    """The objectives as measures; none where none is given."""
    from nasmyth.measure import find

    given = {"maximize": [find(name) for name in maximize or ()], "minimize": [find(name) for name in minimize or ()]}
    return given if maximize or minimize else {}


def _usual(task: Any) -> tuple[list[str], list[str]]:
    """What such a task is judged by: what to maximise, and what to minimise."""
    from nasmyth.measure import find

    return ([task.objective], []) if find(task.objective).direction == "max" else ([], [task.objective])
