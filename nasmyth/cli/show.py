"""`nasmyth show`: what a study, one of its candidates or a saved network is; or several studies, side by side."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import typer

from nasmyth.cli import address as addresses
from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json, print_table, terminal
from nasmyth.cli.errors import usage
from nasmyth.cli.imports import import_files


def show(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY[#CANDIDATE]...",
            help="digits.db, digits.db#best, #12, net.safetensors or net.onnx; several studies stand side by side.",
        ),
    ],
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write the report as one self-contained page.")
    ] = None,
    imports: options.Imports = None,
    live: Annotated[
        bool, typer.Option("--live", help="Serve the page to this machine, renewed while the study runs, until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of --live; a free one unless said.")] = 0,
    graph: Annotated[bool, typer.Option("--graph", help="Node by node: address, op, shape, parameters, MACs.")] = False,
    json: options.Json = False,
) -> None:
    """Show a study: Pareto table, funnel, where the time went, and the line that does it again."""
    with only_results():
        import_files(imports)
    found = [addresses.parse(study) for study in studies]
    where = found[0]
    if len(found) > 1:
        _refuse_all_but_studies(found, live or graph)
        _several([one.study for one in found], html, json)
    elif live:
        if where.is_network or where.which or html or graph or json:
            usage("--live serves the page of one study, and goes with --port alone: nasmyth show digits.db --live")
        _live(where.study, port)
    elif where.is_network:
        _network(where.study, json)
    else:
        _study(where, html, graph, json)


def _study(where: addresses.Address, html: str | None, graph: bool, json: bool) -> None:
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


def _refuse_all_but_studies(found: list[addresses.Address], single: bool) -> None:
    from nasmyth.report.compare import MOST

    if single or any(one.is_network or one.which for one in found):
        usage("several studies are shown side by side, without --live, --graph or #CANDIDATE: nasmyth show a.db b.db")
    if len(found) > MOST:
        usage(f"{len(found)} studies do not fit side by side; give at most {MOST}")


def _several(paths: list[str], html: str | None, json: bool) -> None:
    from nasmyth.report import html as write
    from nasmyth.report import study_name, summary_of

    with only_results(), contextlib.ExitStack() as held:
        studies = [held.enter_context(addresses.open_study(path)) for path in paths]
        summaries, names = [summary_of(study) for study in studies], [study_name(path) for path in paths]
        if html:
            write(studies, html)
    if json:
        print_json(dict(zip(paths, summaries, strict=True)))
    elif html:
        print(html)
    else:
        from nasmyth.report.terminal import render_several

        render_several(summaries, names, terminal())


def _live(path: str, port: int) -> None:
    from nasmyth.report.live import show as serve

    def say(url: str) -> None:
        print(url, flush=True)
        terminal(stderr=True).print("Renewed while the study runs; only this machine can see it. Ctrl-C ends it.")

    serve(path, port, say)


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
