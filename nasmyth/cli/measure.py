"""`nasmyth measure`: figures of networks, without training any."""

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
    sample: Annotated[int, typer.Option("--sample", "-n", min=1, help="How many networks of a space.")] = 20,
    seed: options.Seed = 0,
    under: options.Under = None,
    imports: options.Imports = None,
    json: options.Json = False,
) -> None:
    """Measure networks drawn from a space, or one network."""
    with only_results():
        from nasmyth.errors import UnitError
        from nasmyth.measure import constraints, find

        import_files(imports)
        if ":" in target:
            lookup(target)  # its file may define the measures of this line
        measures = [find(name) for name in names(by)]
        trained = [m.name for m in measures if m.needs & {"training", "labels", "data"}]
        if trained:
            raise UnitError(
                f"{trained[0]} needs training: `nasmyth search` measures it; here only costs can be measured"
            )
        drawn = _drawn(target, sample, seed, constraints(under or ()))
        rows = [
            {"number": i, "key": g.key, "genome": genome, "measures": {m.name: m(g) for m in measures}}
            for i, (genome, g) in enumerate(drawn, 1)
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


def _drawn(target: str, sample: int, seed: int, limits: Any) -> list[tuple[Any, Any]]:
    """(genome or None, graph) of each network."""
    if target.endswith((".safetensors", ".onnx")):
        return [(None, addresses.network_of(target).graph)]
    if "#" in target or target.endswith(".db"):
        where = addresses.parse(target)
        with addresses.open_study(where.study) as study:
            trial = addresses.trial_of(study, where.which)
            return [(trial.genome, addresses.graph_of(study, trial))]
    space = addresses.space_of(target)
    remember(space)
    if limits:
        space = space.narrow(*limits)
    genomes = [space.sample(f"{seed} {i}") for i in range(sample)]
    return [(genome, space.decode(genome)) for genome in genomes]


def _summary_statistics(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Least, median and most of each measure."""
    from statistics import median

    told = {name: [row["measures"][name] for row in rows] for name in rows[0]["measures"]}
    return {
        name: {"least": min(values), "median": median(values), "most": max(values)} for name, values in told.items()
    }
