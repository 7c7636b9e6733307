"""`nasmyth show`: what a study, one of its candidates or a saved network is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nasmyth.cli import address as addresses
from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json, print_table, terminal
from nasmyth.cli.imports import bring


def show(
    address: Annotated[
        str,
        typer.Argument(metavar="STUDY[#CANDIDATE]", help="digits.db, digits.db#best, #12, net.safetensors or net.onnx"),
    ],
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write the report as one self-contained page.")
    ] = None,
    imports: options.Imports = None,
    graph: Annotated[bool, typer.Option("--graph", help="Node by node: address, op, shape, parameters, MACs.")] = False,
    json: options.Json = False,
) -> None:
    """Show a study: Pareto table, funnel, where the time went, and the line that does it again."""
    with only_results():
        bring(imports)
    where = addresses.parse(address)
    if where.is_network:
        _network(where.study, json)
        return
    with only_results(), addresses.open_study(where.study) as study:
        if where.which or graph:
            found = _candidate(study, where.which, graph)
        else:
            from nasmyth.report import summary_of

            found = summary_of(study)
        if html:
            from nasmyth.report import html as write

            write(study, html)
    if json:
        print_json(found)
    elif html:
        print(html)
    elif where.which or graph:
        _print_candidate(found)
    else:
        from nasmyth.report.terminal import render

        render(found, terminal())


def _candidate(study: Any, which: str, graph: bool) -> dict[str, Any]:
    """The summary of one candidate, with its layers where they are asked for."""
    trial = addresses.trial_of(study, which)
    found = next(one for one in study.summary()["trials"] if one["number"] == trial.number)
    if graph:
        drawn = addresses.graph_of(study, trial)
        found = {**found, "layers": _rows(drawn), "table": str(drawn)}
    return found


def _rows(graph: Any) -> list[dict[str, Any]]:
    from nasmyth.graph.text import rows

    return rows(graph)


def _print_candidate(found: dict[str, Any]) -> None:
    if "table" in found:
        print(found["table"])
        return
    from nasmyth.report import facts

    print(f"trial {found['number']} ({found['origin']}), {found['state']}, key {found['key']}")
    if found["error"]:
        print(f"{found['error']['reason']}: {found['error']['message']}")
    rows = [(name, facts.shown(name, value)) for name, value in found["measures"].items()]
    print_table([("measure", "left"), ("value", "right")], rows)
    if found["genome"]:
        print()
        print_table([("decision", "left"), ("choice", "left")], list(found["genome"].items()))


def _network(path: str, json: bool) -> None:
    with only_results():
        network = addresses.network_of(path)
    if json:
        from nasmyth.record import to_json

        print_json({
            "key": network.graph.key, "layers": _rows(network.graph), "inputs": to_json(network.inputs),
            "outputs": to_json(network.outputs), "history": list(network.history),
        })  # fmt: skip
    else:
        print(network)
