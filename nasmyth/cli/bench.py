"""`nasmyth bench`: strategies on a published table, beside what chance gives."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json, print_table, terminal
from nasmyth.units import show, unsigned


def bench(
    space: Annotated[
        str, typer.Argument(metavar="SPACE", help="A registered space with published tables, such as nb201.")
    ],
    table: Annotated[str, typer.Option("--table", metavar="FILE", help="The table: Parquet, CSV or JSON.")],
    objective: Annotated[str, typer.Option("--objective", metavar="COLUMN", help="What to search for.")],
    strategy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="random, 'evolution(population=16)', local, grid; several times."),
    ] = None,
    queries: Annotated[int, typer.Option(min=1, help="Rows that one search may look at.")] = 200,
    seeds: Annotated[int, typer.Option(min=1, help="Searches of each strategy, with seeds 0, 1, 2 ...")] = 20,
    under: Annotated[
        list[str] | None, typer.Option("--under", metavar="COLUMN<=NUMBER", help="A bound on a column; several times.")
    ] = None,
    minimize: Annotated[bool | None, typer.Option("--minimize/--maximize", help="Which way is better.")] = None,
    report: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Another column of the best found, such as a test accuracy.")
    ] = None,
    clock: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Seconds that an evaluation took, for the simulated clock.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="The table lacks some networks: looking for one is a failure.")
    ] = False,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which data set of a file that holds several.")
    ] = None,
    networks: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column that names the networks, if it is not the usual one."),
    ] = None,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE.svg", help="Anytime curves of all strategies on shared axes.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Search a published table with several strategies and seeds, and say what it was worth beside chance."""
    with only_results():
        from nasmyth.bench import Table, anytime, at_budgets
        from nasmyth.bench.protocol import expected_random, feasible_values
        from nasmyth.cli.strategies import strategy_of

        chosen = [strategy_of(one) for one in strategy or ("random", "evolution", "local")]
        source = Table.read(space, table, partial=partial, dataset=dataset, networks=networks)
        maximize = None if minimize is None else not minimize
        found = [
            anytime(
                source, one, objective, queries=queries, seeds=seeds, under=under or (), maximize=maximize, report=report,
                clock=clock, progress=_SeedCounter(repr(one), seeds),
            )
            for one in chosen
        ]  # fmt: skip
        rows = [row for one in found for row in at_budgets(source, one, budgets(queries), under or ())]
        if plot:
            values, sign = (
                feasible_values(source, found[0].objective, under or ()),
                found[0].objective.oriented({objective: 1.0}),
            )
            random_curve = {n: sign * expected_random(values, n) for n in range(1, min(queries, len(values)) + 1)}
            from nasmyth.report.anytime import save

            save(plot, found, [(float(n), random_curve[n]) for n in random_curve])
    if json:
        print_json({"space": space, "table": table, "objective": list(found[0].objective), "rows": rows})
        return
    _print(rows, found[0].objective.name, report, clock)


def budgets(queries: int) -> list[int]:
    """1, 2 or 5 times a power of ten from ten on, up to `queries`."""
    usual = [lead * 10**power for power in range(1, 9) for lead in (1, 2, 5)]
    return [*[n for n in usual if n < queries], queries]


class _SeedCounter:
    """Progress on stderr: a line a strategy where it is a terminal."""

    def __init__(self, name: str, seeds: int) -> None:
        self.name, self.seeds, self.done = name, seeds, 0
        self.console = terminal(stderr=True)

    def __call__(self, seed: int) -> None:
        self.done += 1
        if self.console.is_terminal:
            self.console.print(
                f"{self.name}: {self.done} of {self.seeds} seeds", end="\n" if self.done == self.seeds else "\r"
            )


def _print(rows: list[dict[str, Any]], objective: str, report: str | None, clock: str | None) -> None:
    first = rows[0]
    terminal().print(
        f"{objective}: {first['optimum']:.5g} is the best of the table, {first['average']:.5g} its average; "
        f"{first['seeds']} seeds, 95 % intervals\n",
        markup=False,
    )
    heads = [("strategy", "left"), ("queries", "right"), (objective, "right"), ("chance", "right"), ("regret", "right"),
             ("found the best", "right"), ("over average", "right")]  # fmt: skip
    heads += [(report, "right")] if report else []
    heads += [("time", "right")] if clock else []
    print_table(
        heads,
        [
            [
                row["strategy"], row["queries"], f"{row['mean']:.5g} ± {row['half']:.2g}", f"{row['random']:.5g}",
                f"{row['regret']:.3g}", f"{row['p_optimum']:.0%}", f"{unsigned(format(row['improvement'], '+.2f'))} %",
                *([f"{row['reported']:.5g} ± {row['reported_half']:.2g}"] if report else []),
                *([show(row["seconds"], "s")] if clock else []),
            ]
            for row in rows
        ],
    )  # fmt: skip
