"""`nasmyth measure`: figures of networks, without training any; on data where they need some."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from nasmyth.cli import address as addresses
from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json, print_table
from nasmyth.cli.imports import import_files, remember
from nasmyth.cli.loading import lookup


def measure(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SPACE|CANDIDATE",
            help="mine.py:space, a registered space, digits.db#best, net.safetensors, net.onnx",
        ),
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="MEASURES", help="Several with commas between: params,macs,latency@cpu")
    ] = "params,macs",
    data: Annotated[
        str | None, typer.Option("--data", help="What they are measured on, where they need data: digits, photos/.")
    ] = None,
    sample: Annotated[int, typer.Option("--sample", "-n", min=1, help="How many networks of a space.")] = 20,
    seed: options.Seed = 0,
    under: options.Under = None,
    read_target: options.Target = None,
    size: options.Size = None,
    on_bad: options.OnBad = None,
    kind: options.Kind = None,
    domain: options.Domain = None,
    imports: options.Imports = None,
    json: options.Json = False,
) -> None:
    """Measure networks drawn from a space, or one network.

    With --data, figures of a saved network, or of a study's candidate, are those of its validation split.
    """
    reading = options.reading(read_target, size, on_bad, kind, domain)
    with only_results():
        from nasmyth.errors import UnitError
        from nasmyth.measure import constraints, find

        import_files(imports)
        if ":" in target:
            lookup(target)  # its file may define the measures of this line
        measures = [find(name) for name in names(by)]
        limits = constraints(under or ())
        trained = [m.name for m in measures if m.requires & {"trained", "training"}]
        if trained and not is_network(target):
            raise UnitError(
                f"{trained[0]} needs training: `nasmyth search` measures it; networks of a space are not trained here"
            )
        task = _task(data, measures, seed, reading)
        for one in measures:
            one.check_task(task, "valid")
        drawn = _drawn(target, sample, seed, limits, task, bool(trained))
        rows = [
            {"number": i, "key": candidate.graph.key, "genome": genome, "measures": values}
            for i, ((genome, candidate), values) in enumerate(zip(drawn, _measured(drawn, measures), strict=True), 1)
        ]
    if json:
        print_json({"target": target, "seed": seed, "candidates": rows, "spread": _summary_statistics(rows)})
        return
    heads = [("#", "right"), *[(m.name, "right") for m in measures], ("key", "left")]
    table = [(row["number"], *(m.show(row["measures"][m.name]) for m in measures), row["key"][:8]) for row in rows]
    if len(rows) > 1:
        spread = _summary_statistics(rows)
        table += [(what, *(m.show(spread[m.name][what]) for m in measures), "") for what in ("least", "median", "most")]
    print_table(heads, table)


def names(text: str) -> list[str]:
    """ "params,latency@cpu,batch=8" in its names: a setting belongs to the measure before it."""
    return [name.strip() for name in re.split(r",(?!\s*\w+=)", text) if name.strip()]


def is_network(target: str) -> bool:
    """Whether this is one network, and not a space."""
    return target.endswith((".safetensors", ".onnx", ".db")) or "#" in target


def _task(data: str | None, measures: Any, seed: int, reading: dict[str, Any]) -> Any:
    """The data, where any is given. Raises UnitError where it is missing."""
    from nasmyth.errors import UnitError

    needy = [m.name for m in measures if "task" in m.requires]
    if data is None:
        if needy:
            raise UnitError(f"{needy[0]} needs data: say which with --data, such as --data digits")
        return None
    from nasmyth.domains import read

    return read(data, seed=seed, **reading)


def _drawn(target: str, sample: int, seed: int, limits: Any, task: Any, trained: bool) -> list[tuple[Any, Any]]:
    """(genome or None, candidate) of each network."""
    from nasmyth.measure import Candidate

    if target.endswith((".safetensors", ".onnx")):
        return [(None, Candidate.of(addresses.network_of(target), task, seed=seed))]
    if "#" in target or target.endswith(".db"):
        where = addresses.parse(target)
        with addresses.open_study(where.study) as study:
            trial = addresses.trial_of(study, where.which)
            graph = addresses.graph_of(study, trial)
        if trained:
            return [(trial.genome, Candidate.of(addresses.network_of(target), task, seed=seed))]
        return [(trial.genome, Candidate(graph, seed=seed, task=task))]
    space = addresses.space_of(target, task.input if task is not None else None)
    remember(space)
    if limits:
        space = space.narrow(*limits)
    genomes = [space.sample(f"{seed} {i}") for i in range(sample)]
    return [(genome, Candidate(space.decode(genome), seed=seed, task=task)) for genome in genomes]


def _measured(drawn: list[tuple[Any, Any]], measures: Any) -> list[dict[str, float]]:
    """The values of each."""
    from nasmyth.measure import evaluate

    told = evaluate([candidate for _, candidate in drawn], measures)
    for one in told:
        if one.error is not None:
            raise one.error
    return [{m.name: one.values[m.name] for m in measures} for one in told]


def _summary_statistics(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Least, median and most of each measure."""
    from statistics import median

    told = {name: [row["measures"][name] for row in rows] for name in rows[0]["measures"]}
    return {
        name: {"least": min(values), "median": median(values), "most": max(values)} for name, values in told.items()
    }
