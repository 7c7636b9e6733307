"""`nasmyth audit`: whether training-free scores are worth anything on a space and some data."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nasmyth.cli import address as addresses
from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json, print_table, terminal
from nasmyth.cli.errors import typed
from nasmyth.cli.imports import import_files, remember
from nasmyth.cli.loading import lookup
from nasmyth.cli.measure import names
from nasmyth.progress import Progress, shown


def audit(
    ctx: typer.Context,
    space: Annotated[str, typer.Argument(metavar="SPACE", help="mine.py:space, or a registered space.")],
    by: Annotated[
        str, typer.Option("--by", metavar="MEASURES", help="Scores, with commas between; params and macs stand beside.")
    ],
    data: Annotated[
        str | None,
        typer.Option("--data", help="What networks are trained on, and scores measured on: digits, photos/."),
    ] = None,
    truth: Annotated[int, typer.Option(min=3, help="How many networks are trained.")] = 20,
    truth_table: Annotated[
        str | None,
        typer.Option("--truth-table", metavar="FILE", help="Train none: the truth is a column of this table."),
    ] = None,
    column: Annotated[str | None, typer.Option("--column", help="Which column of --truth-table.")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="The table lacks some networks of the space.")] = False,
    sample: Annotated[
        int | None,
        typer.Option("--sample", "-n", min=3, help="How many are scored; those with a truth, or 1000 of a table."),
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(help="The most epochs of a training; the recipe's unless said.")
    ] = None,
    seconds: Annotated[
        str | None,
        typer.Option("--seconds", metavar="TIME", help="The most time of a training: 6s unless --epochs is said."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="First weights, and batches, that luck is told from.")] = 3,
    on: Annotated[
        str, typer.Option(help="Where networks are trained: here, processes (each guarded), or ray.")
    ] = "here",
    workers: Annotated[int | None, typer.Option(min=1, help="How many at once, on processes or ray.")] = None,
    limit_seconds: Annotated[
        str | None,
        typer.Option("--limit-seconds", metavar="TIME", help="A training that takes longer is ended: 10min."),
    ] = None,
    limit_memory: Annotated[
        str | None, typer.Option("--limit-memory", metavar="BYTES", help="The most that a training may hold: 4GB.")
    ] = None,
    seed: options.Seed = 0,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FILE", help="Keep the trainings in this study; audit.db unless said."),
    ] = None,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="A page, with every score against the truth.")
    ] = None,
    read_target: options.Target = None,
    size: options.Size = None,
    on_bad: options.OnBad = None,
    kind: options.Kind = None,
    domain: options.Domain = None,
    imports: options.Imports = None,
    json: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Score random networks of SPACE, train some of them, and say which scores rank those better than counting does.

    The same line again goes on where it stopped; with other scores, it trains nothing anew.
    """
    reading = options.reading(read_target, size, on_bad, kind, domain)
    with only_results(), shown(not (quiet or json)) as live:
        from nasmyth.bench import Table, audit_on_table, audit_scores
        from nasmyth.bench.scoring import refuse
        from nasmyth.measure import find
        from nasmyth.study import ahead

        import_files(imports)
        if ":" in space or space.endswith(".py"):
            lookup(space)  # its file may define the scores of this line
        else:
            addresses.named(space)  # before the data is read
        scores = [find(name) for name in names(by)]
        refuse([one for one in scores if one.requires & {"trained", "training"}], None)
        ahead.refuse_limits(on, limit_seconds, limit_memory)
        _refuse_unclear(data, truth_table, column, partial)
        task = _task(data, seed, reading, live)
        if truth_table is not None:
            table = Table.read(space, truth_table, partial=partial)
            found = audit_on_table(
                table, str(column), scores, task, sample=sample or 1000, seeds=seeds, seed=seed, progress=live
            )
        else:
            within = addresses.space_for(space, task)
            remember(within)
            found = audit_scores(
                within, task, scores, truth=truth, sample=sample, epochs=epochs, seconds=seconds, seeds=seeds, seed=seed,
                out=out or "audit.db", on=on, workers=workers, limit_seconds=limit_seconds, limit_memory=limit_memory,
                progress=live, command=typed(ctx),
            )  # fmt: skip
        if html:
            from nasmyth.report.scores import save

            save(html, found, typed(ctx))
    if json:
        print_json(found.to_json())
        return
    _print(found)


def _refuse_unclear(data: str | None, truth_table: str | None, column: str | None, partial: bool) -> None:
    """Raise DataError where it is not said what the truth is, trainings or a column of a table."""
    from nasmyth.errors import DataError

    if truth_table is None and (column or partial):
        raise DataError("--column and --partial are of a table: name it with --truth-table FILE")
    if truth_table is None and data is None:
        raise DataError("networks are trained on data: say which with --data, such as --data digits")
    if truth_table is not None and column is None:
        raise DataError("say which column of the table is the truth with --column, such as --column valid_acc_200ep")


def _task(data: str | None, seed: int, reading: dict[str, Any], live: Any) -> Any:
    if data is None:
        return None
    from nasmyth.domains import read

    live(Progress("reading"))
    return read(data, seed=seed, **reading)


def _print(found: Any) -> None:
    heads, rows = found.table()
    console = terminal()
    console.print(found.headline + "\n", markup=False)
    print_table([(head, "right" if i else "left") for i, head in enumerate(heads)], rows)
    for said in found.warnings:
        console.print(f"- {said}", markup=False)
