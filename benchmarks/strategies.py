"""How soon strategies find the best of a published table, beside what chance alone gives.

    python benchmarks/strategies.py --data DIR [--seeds 50] [--only bayes,local] [--first 0] > benchmarks/strategies.txt
    python benchmarks/strategies.py --data DIR --parts cells --queries 100 --seeds 20 --only 'bayes,bayes(model=forest)'

DIR holds `nb201_cifar10.parquet` (NAS-Bench-201, searched by `valid_acc_200ep`) and `nasbench_graph_cora.parquet`
(NAS-Bench-Graph, by `valid`). For each strategy: the mean best after so many queries with its 95 % interval over seeds; how
many searches had found the best; the test accuracy of what was best in validation; and queries until one of the best
thousandth was met, beside the exact expectation for random search. Last, what `ask` takes with 300 trials told.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from nasmyth.bench import Table, anytime, at_budgets
from nasmyth.bench.protocol import interval
from nasmyth.cli.strategies import strategy_of
from nasmyth.search import Simulation

STRATEGIES = ("random", "evolution", "local", "bayes", "auto")
BUDGETS = (20, 50, 100, 200)
PARTS = ("cells", "graphs", "asks")
TRIALS = 300
CORA = 400
"""Queries after which a search for the best thousandth of Cora is given up, and counts as so many."""


def main() -> None:
    args = arguments()
    table = Table.read("nb201", args.data / "nb201_cifar10.parquet")
    seeds = range(args.first, args.first + args.seeds)
    if "cells" in args.parts:
        cells(table, args.only, seeds, [budget for budget in BUDGETS if budget <= args.queries])
    if "graphs" in args.parts:
        graphs(Table.read("nas_bench_graph", args.data / "nasbench_graph_cora.parquet", partial=True), args.only, seeds)
    if "asks" in args.parts:
        print(f"\nms of an ask with {TRIALS} trials told, NAS-Bench-201: mean of 20, and the longest")
        for name in args.only:
            took = [1000 * one for one in asks(table, name)]
            print(line(name, [f"{statistics.fmean(took):.2f}", f"{max(took):.2f}"], ""), flush=True)


def cells(table: Table, names: list[str], seeds: range, budgets: list[int]) -> None:
    print("NAS-Bench-201, CIFAR-10, valid_acc_200ep: mean best, %")
    for name in names:
        found = anytime(
            table, strategy_of(name), "valid_acc_200ep", queries=budgets[-1], seeds=seeds, report="test_acc_200ep"
        )
        rows = at_budgets(table, found, budgets)
        if name == names[0]:
            print(line("chance, exact", [f"{row['random']:.3f}" for row in rows], f"of {rows[0]['optimum']:.3f}"))
        best = ", ".join(f"{row['p_optimum']:.0%}" for row in rows)
        test = f"{rows[2]['reported']:.2f} ± {rows[2]['reported_half']:.2f}"
        told = f"found by {', '.join(map(str, budgets))}: {best}; test after {budgets[2]}: {test}"
        print(line(name, [f"{row['mean']:.3f} ± {row['half']:.3f}" for row in rows], told), flush=True)


def graphs(table: Table, names: list[str], seeds: range) -> None:
    print("\nNAS-Bench-Graph, Cora, valid: queries until one of the best thousandth")
    values = sorted((value for value in table.check("valid") if value == value), reverse=True)
    wanted = values[len(values) // 1000]
    count = sum(value >= wanted for value in values)
    print(line("chance, exact", [f"{(len(values) + 1) / (count + 1):.0f}"], "of networks, each once"))
    for name in names:
        found = anytime(table, strategy_of(name), "valid", queries=CORA, seeds=seeds)
        needed = [next((i for i, value in enumerate(run, 1) if value >= wanted), CORA) for run in found.best]
        mean, half = interval(list(map(float, needed)))
        late = sum(count == CORA for count in needed)
        told = f"median {statistics.median(needed):.0f}; {late} of {len(needed)} not within {CORA}"
        print(line(name, [f"{mean:.0f} ± {half:.0f}"], told), flush=True)


def asks(table: Table, name: str) -> list[float]:
    """Seconds of each of 20 asks after so many trials."""
    search, values, took = Simulation(strategy_of(name), table.space, 0), table.check("valid_acc_200ep"), []
    while len(search.log) < TRIALS + 20:
        start = time.perf_counter()
        (one,) = search.ask(1)
        took.append(time.perf_counter() - start)
        search.tell(one.number, [values[table.index[table.notation.text(one.genome)]]])
    return took[TRIALS:]


def line(name: str, figures: list[str], told: str) -> str:
    return f"  {name:24}" + "".join(f"{figure:>18}" for figure in figures) + (f"   {told}" if told else "")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of both tables")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", type=lambda text: text.split(","), default=STRATEGIES, metavar="NAMES")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--queries", type=int, choices=BUDGETS[2:], default=BUDGETS[-1], help="on NAS-Bench-201")
    return parser.parse_args()


if __name__ == "__main__":
    main()
