"""`nasmyth check`: measure a network and hold it to a budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from nasmyth.cli import address as addresses
from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json, print_table
from nasmyth.cli.errors import fail, usage
from nasmyth.cli.imports import import_files


def check(
    address: options.Candidate,
    under: options.Under = None,
    data: Annotated[
        str | None, typer.Option("--data", help="What to measure accuracy and its kin on (its test split).")
    ] = None,
    target: options.Target = None,
    domain: options.Domain = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the split; the study's own unless said.")] = None,
    imports: options.Imports = None,
    json: options.Json = False,
) -> None:
    """Measure a network against a budget: exit status 1, with the number, if it misses it."""
    if not under:
        usage("say what to check: --under 'latency@cpu<=8ms'")
    with only_results():
        from nasmyth.measure import constraints

        import_files(imports)
        wanted = constraints(under)
        network = addresses.network_of(address)
        measured = _measured(
            network, wanted, lambda: _task(address, data, options.reading(target, domain=domain), seed)
        )
    missed = [limit for limit in wanted if not limit.satisfied(measured[limit.measure.name])]
    if json:
        told = [{"constraint": str(c), "measured": measured[c.measure.name], "met": c not in missed} for c in wanted]
        print_json({"measured": measured, "met": not missed, "constraints": told})
    else:
        rows = [(c, c.measure.show(measured[c.measure.name]), "missed" if c in missed else "met") for c in wanted]
        print_table([("budget", "left"), ("measured", "right"), ("", "left")], rows)
    if missed:
        fail("; ".join(f"{c}: measured {c.measure.show(measured[c.measure.name])}" for c in missed))


def _measured(network: Any, wanted: Any, task: Callable[[], Any]) -> dict[str, float]:
    """The figure of every constraint, on this very network; what needs data, on the test split of `task()`."""
    from nasmyth.measure import figures_of

    measures = [limit.measure for limit in wanted]
    examples = task() if any("task" in one.requires for one in measures) else None
    for one in measures:
        one.check_task(examples, "test")
    return figures_of(network, measures, examples, "test")


def _task(address: str, data: str | None, reading: dict[str, Any], seed: int | None) -> Any:
    from nasmyth.domains import read
    from nasmyth.errors import DataError

    if data is None:
        raise DataError("this is measured on data: say which with --data, such as --data digits")
    where = addresses.parse(address)
    if seed is None and not where.is_network:
        with addresses.open_study(where.study) as study:
            seed = study.seed
    return read(data, seed=seed or 0, **reading)
