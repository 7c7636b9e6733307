"""Does a bandit over strategies cost anything? Beside each of its arms alone, on tables.

    python benchmarks/strategies_wrap.py --data DIR [--seeds 30] [--slow 0] > benchmarks/strategies_wrap.txt

DIR holds nb201_cifar10.parquet and nasbench_graph_cora.parquet. A strategy asks for one network at a time and is told its
validation accuracy; what is proposed twice costs a query, as nothing here removes it, unless the row says Deduplicated.
Printed: the validation accuracy of the best after so many queries, its mean and 95 % interval (Student's t) over seeds; then,
paired by seed, the difference to the arm that turned out best at that budget. `--slow N` adds the Gaussian process as an arm
and alone, on N seeds.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from nasmyth.bench import Table
from nasmyth.intervals import interval
from nasmyth.search import (
    Bandit,
    BayesianOptimization,
    Deduplicated,
    Evolution,
    LocalSearch,
    Random,
    Simulation,
    Strategy,
)

TABLES = (
    ("nb201", "nb201_cifar10.parquet", "valid_acc_200ep"),
    ("nas_bench_graph", "nasbench_graph_cora.parquet", "valid"),
)
BUDGETS = (50, 100, 200)
LOCAL, EVOLUTION, BAYES = LocalSearch(), Evolution(population=16), BayesianOptimization()
FAST: tuple[Strategy, ...] = (LOCAL, EVOLUTION)
SLOW: tuple[Strategy, ...] = (LOCAL, EVOLUTION, BAYES)
OTHERS: tuple[Strategy, ...] = (Deduplicated(EVOLUTION), Deduplicated(LOCAL))


def search(table: Table, column: str, strategy: Strategy, seed: int) -> list[float]:
    """The best value at each budget."""
    values, run, best, found = table.check(column), Simulation(strategy, table.space, seed), -math.inf, []
    for query in range(1, BUDGETS[-1] + 1):
        (one,) = run.ask()
        row = table.index.get(table.notation.text(one.genome))
        value = math.nan if row is None else values[row]
        run.tell(one.number, [value] if math.isfinite(value) else [])
        best = max(best, value) if math.isfinite(value) else best
        if query in BUDGETS:
            found.append(best)
    return found


def said(values: list[float], sign: str = "") -> str:
    mean, half = interval(values)
    return f"{mean:{sign}.3f} ± {half:.3f}"


def compare(table: Table, column: str, arms: tuple[Strategy, ...], others: tuple[Strategy, ...], seeds: range) -> None:
    """A row for each strategy, and of all but the arms the difference to the best arm."""
    top = max(filter(math.isfinite, table.check(column)))
    print(f"\n{table.name}, {column}: {len(table):,} networks, the best {top:.3f}; {len(seeds)} seeds")
    print(f"{'queries':44}" + "".join(f"{budget:^34}" for budget in BUDGETS))
    runs: dict[Strategy, list[list[float]]] = {}
    for strategy in (*arms, *others):
        runs[strategy] = [search(table, column, strategy, seed) for seed in seeds]
    mean: Callable[[Strategy, int], float] = lambda arm, i: sum(run[i] for run in runs[arm])  # noqa: E731
    best = [max(arms, key=lambda arm, i=i: mean(arm, i)) for i in range(len(BUDGETS))]  # type: ignore[misc]
    for strategy, found in runs.items():
        cells = []
        for i in range(len(BUDGETS)):
            less = [run[i] - other[i] for run, other in zip(found, runs[best[i]], strict=True)]
            cells.append(f"{said([run[i] for run in found])} [{said(less, '+')}]")
        name = (
            repr(strategy).replace("BayesianOptimization", "Bayes").replace("Evolution(population=16)", "Evolution16")
        )
        print(f"{name:44}" + "".join(f"{cell:^34}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument(
        "--first", type=int, default=5000, help="The first seed: others than those that settings were chosen on."
    )
    given = parser.parse_args()
    print("the best in validation, and in brackets the difference to the best arm at that budget")
    for space, file, column in TABLES:
        table = Table.read(space, given.data / file, partial=space != "nb201")
        compare(
            table,
            column,
            FAST,
            (Bandit(FAST), Bandit((LOCAL, Random())), *OTHERS, Random()),
            range(given.first, given.first + given.seeds),
        )
        if given.slow:
            compare(table, column, SLOW, (Bandit(SLOW),), range(given.first, given.first + given.slow))


if __name__ == "__main__":
    main()
