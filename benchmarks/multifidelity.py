"""Is a short training worth anything? Successive halving, ASHA and Hyperband beside searches that train everything in full.

    python benchmarks/multifidelity.py nb201_cifar10.parquet [--seeds 100] [--workers 1 8] > benchmarks/multifidelity.txt

A table of NAS-Bench-201 with accuracies after 12 and after 200 epochs (`valid_acc_12ep`, `valid_acc_200ep`,
`test_acc_200ep`) has two rungs: R = eta = 16, the first charged as 12 epochs and the second as 200, from new weights each.
Every search gets the same epochs in all, and as many workers; what is proposed twice is free, as in a study. Printed:
the test accuracy of what was best in validation among the networks trained in full when the epochs were used up, its
mean and 95 % interval (Student's t) over seeds, and the difference to random search, paired by seed.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

from nasmyth.bench import Table
from nasmyth.bench.protocol import interval
from nasmyth.search import ASHA, FULL, Evolution, Hyperband, Random, Strategy, SuccessiveHalving, simulate

SHORT, LONG = 12, 200
BUDGETS = (10, 20, 50, 100)
"""Epochs of all workers together, in trainings in full."""
STRATEGIES: tuple[Strategy, ...] = (
    Random(),
    Evolution(population=16),
    SuccessiveHalving(R=16, eta=16),
    ASHA(R=16, eta=16),
    Hyperband(R=16, eta=16),
)


def search(table: Table, strategy: Strategy, seed: int, workers: int) -> list[float]:
    """The test accuracy of the incumbent at each budget; NaN before anything was trained in full."""
    asked: set[Any] = set()

    def work(one: Any, parent: Any) -> tuple[list[float], float]:
        full = one.stage == FULL
        key = (one.stage.name, table.notation.text(one.genome))
        cost = 0.0 if key in asked else float(LONG if full else SHORT)
        asked.add(key)
        return [table.row(one.genome)["valid_acc_200ep" if full else "valid_acc_12ep"]], cost

    ends = [LONG * budget / workers for budget in BUDGETS]
    trials = simulate(strategy, table.space, work, workers=workers, seconds=ends[-1], seed=seed)
    found = []
    for end in ends:
        full = [trial for trial in trials if trial.stage == FULL and trial.at <= end]
        best = max(full, key=lambda trial: trial.objectives, default=None)
        found.append(math.nan if best is None else float(table.row(best.genome)["test_acc_200ep"]))
    return found


def said(values: list[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    mean, half = interval(known)
    missing = f" ({len(values) - len(known)} without)" if len(known) < len(values) else ""
    return f"{mean:+.2f} ± {half:.2f}{missing}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8])
    given = parser.parse_args()
    table = Table.read("nb201", given.table)
    best = max(table.check("test_acc_200ep"))
    print(
        f"{len(table):,} networks, the best {best:.2f} % in test; {given.seeds} seeds; test accuracy in %, at the cost of"
    )
    print("so many trainings in full, all workers together; in brackets, the difference to random search")
    for workers in given.workers:
        print(f"\n{workers} worker{'s' * (workers > 1)}")
        print(f"{'':34}" + "".join(f"{budget:^34}" for budget in BUDGETS))
        base: list[list[float]] = []
        for strategy in STRATEGIES:
            runs = [search(table, strategy, seed, workers) for seed in range(given.seeds)]
            base = base or runs
            cells = []
            for i in range(len(BUDGETS)):
                more = [run[i] - other[i] for run, other in zip(runs, base, strict=True)]
                cells.append(f"{said([run[i] for run in runs])[1:]} [{said(more)}]")
            print(f"{strategy!r:34}" + "".join(f"{cell:^34}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
