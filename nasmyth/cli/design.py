"""`nasmyth design`: from data and a budget to a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasmyth.cli import options
from nasmyth.cli.console import only_results
from nasmyth.cli.ending import end
from nasmyth.cli.errors import typed
from nasmyth.cli.imports import import_files
from nasmyth.cli.measure import names
from nasmyth.progress import shown


def design(
    ctx: typer.Context,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A known name (digits), a folder with a folder of pictures for each class, .npz, .csv, .parquet, hf:NAME.",
        ),
    ],
    maximize: options.Maximize = None,
    minimize: options.Minimize = None,
    under: options.Under = None,
    spend: Annotated[
        str, typer.Option(metavar="TIME", help="How long to search: 90s, 2h, '300 trials', or '2h, 300 trials'.")
    ] = "10m",
    scores: Annotated[
        str,
        typer.Option(
            "--scores",
            metavar="MEASURES",
            help="Training-free scores that may choose what is trained, where they prove themselves: jacov,naswot",
        ),
    ] = "",
    seed: options.Seed = 0,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FILE", help="The study file; NAME.db after the data unless said."),
    ] = None,
    on: Annotated[
        str,
        typer.Option(
            help="Where networks are trained: here, processes or ray; a process a core from a minute on unless said."
        ),
    ] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many at once, on processes or ray; one a core unless said.")
    ] = None,
    target: options.Target = None,
    size: options.Size = None,
    on_bad: options.OnBad = None,
    kind: options.Kind = None,
    domain: options.Domain = None,
    imports: options.Imports = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Design a network for DATA under a budget, train it, and compare it with a plain one.

    Ctrl-C keeps the best so far; the same line again goes on where it stopped. Exit status: 0 if a network within the
    budget was found; 1 if none was, or for an error; 2 for a wrong line.
    """
    reading = options.reading(target, size, on_bad, kind, domain)
    out = out or f"{Path(data.removeprefix('hf:').rstrip('/')).stem or 'study'}.db"
    with only_results(), shown(not (quiet or json)) as live:
        from nasmyth.design import design as run
        from nasmyth.report import summary_of

        import_files(imports)
        found = run(
            data, maximize=options.one_or_several(maximize), minimize=options.one_or_several(minimize), under=under or (),
            spend=spend, scores=names(scores), seed=seed, out=out, on=on, workers=workers, progress=live, command=typed(ctx),
            **reading,
        )  # fmt: skip
        summary = summary_of(found.study)
        found.study.close()
    end(summary, out, found.interrupted, json, quiet)
