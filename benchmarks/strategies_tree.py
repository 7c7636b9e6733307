"""What a tree search finds in published tables beside random search, and whether a genetic search fills a hard size.

    python benchmarks/strategies_tree.py --data DIR [--seeds 50] [--first 100] > benchmarks/strategies_tree.txt

DIR holds nb201_cifar10.parquet (column valid_acc_200ep) and nasbench_graph_cora.parquet (column valid). Every search goes
through a study, which refuses repetitions. Printed: the mean of the best so far in %, and in brackets the difference to random
search with the same seeds, with its 95 % interval (Student's t); then milliseconds of an ask and a tell with 300 trials told.

The genetic search is that of Compressor (Shi et al. 2022, arXiv:2208.07120), which asks for the most MACs under a size: 5 seeds
on `texts` under 3 MB; a network that was tried before is told as failed. Printed: MACs, size as a share of the limit.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from nasmyth.bench import Table, anytime
from nasmyth.intervals import interval
from nasmyth.measure import macs, size
from nasmyth.search import MCTS, Best, Evolution, Random, Simulation, Strategy, Tournament
from nasmyth.spaces import texts

QUERIES = (20, 50, 64, 100)
TABLES = (
    ("nb201", "nb201_cifar10.parquet", "valid_acc_200ep", 1.0),
    ("nas_bench_graph", "nasbench_graph_cora.parquet", "valid", 100.0),
)
STRATEGIES: tuple[Strategy, ...] = (Random(), MCTS(), MCTS(widen=1.0), MCTS(explore=0.7, widen=1.0))
GENETIC = Evolution(population=50, parent=Tournament(2), crossover=0.6, survive=Best())
LIMIT, EVALUATIONS, SEEDS = 3e6, 2000, 5
OVERHEAD = 300


def found(table: Table, column: str, scale: float, strategy: Strategy, seeds: range) -> list[list[float]]:
    """The best in % after each number of queries, for each seed."""
    runs = anytime(table, strategy, column, queries=QUERIES[-1], seeds=seeds).best
    return [[scale * run[queries - 1] for queries in QUERIES] for run in runs]


def overhead(table: Table, column: str) -> tuple[float, float]:
    """Milliseconds of an ask and of a tell with so many trials told."""
    search, values = Simulation(MCTS(), table.space), table.check(column)
    asking = telling = 0.0
    for number in range(OVERHEAD + 50):
        begun = time.perf_counter()
        (one,) = search.ask()
        asked = time.perf_counter()
        row = table.index.get(table.notation.text(one.genome))
        known = [] if row is None else [values[row]]
        looked = time.perf_counter()
        search.tell(one.number, known)
        if number >= OVERHEAD:
            asking += asked - begun
            telling += time.perf_counter() - looked
    return asking / 50 * 1e3, telling / 50 * 1e3


def largest(strategy: Strategy, space: Any, seed: int) -> tuple[float, float]:
    """MACs of the best that fits, and its size as a share of the limit."""
    search, seen, best = Simulation(strategy, space, seed), set(), (0.0, 0.0)
    for _ in range(EVALUATIONS):
        (one,) = search.ask()
        graph = space.decode(one.genome)
        if graph.key in seen:
            search.tell(one.number)
            continue
        seen.add(graph.key)
        over = max(0.0, size(graph) / LIMIT - 1)
        search.tell(one.number, [macs(graph)], violation=over)
        if not over:
            best = max(best, (macs(graph), size(graph) / LIMIT))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=100)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    for name, file, column, scale in TABLES:
        table = Table.read(name, given.data / file, partial=True)
        print(f"{name}, {column}, seeds {seeds[0]} to {seeds[-1]}; best so far in %, after so many queries")
        print(f"{'':32}" + "".join(f"{queries:^26}" for queries in QUERIES))
        base: list[list[float]] = []
        for strategy in STRATEGIES:
            runs = found(table, column, scale, strategy, seeds)
            base = base or runs
            cells = []
            for i in range(len(QUERIES)):
                mean, _ = interval([run[i] for run in runs])
                more, half = interval([run[i] - other[i] for run, other in zip(runs, base, strict=True)])
                cells.append(f"{mean:.3f} [{more:+.3f} ± {half:.3f}]")
            print(f"{strategy!r:32}" + "".join(f"{cell:^26}" for cell in cells), flush=True)
        asking, telling = overhead(table, column)
        print(f"MCTS() with {OVERHEAD} trials told: {asking:.2f} ms an ask, {telling:.3f} ms a tell\n", flush=True)
    space = texts(codes=256)
    print(
        f"texts under {LIMIT / 1e6:g} MB, {EVALUATIONS} evaluations, seeds 0 to {SEEDS - 1}: "
        "MACs in millions (share of the limit)"
    )
    for strategy in (GENETIC, Random()):
        results = [largest(strategy, space, seed) for seed in range(SEEDS)]
        shown = "  ".join(f"{most / 1e6:.2f} ({share:.4f})" for most, share in results)
        mean, half = interval([most / 1e6 for most, _ in results])
        print(f"{strategy!r}\n    {shown}; mean {mean:.2f} ± {half:.2f}", flush=True)


if __name__ == "__main__":
    main()
