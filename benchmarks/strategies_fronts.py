"""How soon a front is found: accuracy against latency on NAS-Bench-201, and what an early exit is worth under a budget.

    python benchmarks/strategies_fronts.py nb201_cifar10.parquet hwnas_nb201.parquet [--seeds 30] [--parts soon frugal]
        [--only nsga2 bayes 'bayes(acquire=expected_improvement)'] [--devices raspi4]

Two tables of all 15,625 networks: accuracies (`valid_acc_200ep`) and latencies of HW-NAS-Bench
(`cifar10_raspi4_latency`, `cifar10_edgegpu_latency`), joined by `arch_str`. Cells that are one network (what leads nowhere is
no part of it) have the mean of their figures: the tables measured each by itself, and of one network in twenty the slowest
cell has more than twice the latency of the fastest. A query is a network that was not asked for before, as in a study; one
that is asked for again costs nothing.

1. Queries until the front found has 99 % of the hypervolume of the whole table's front, 3,000 at most. The reference point is
   the worst accuracy and the worst latency in the table; beside it, that of `reference_point`: the worst of the front, and
   a tenth of its range beyond. Means with 95 % intervals (Student's t) over seeds, and the mean difference to the
   first strategy (NSGA2() at its defaults), paired by seed.
2. NSGA-II under a budget of parameters, 200 queries: with the budget as a constraint that is known once a network was trained
   (Deb's rule), and with early exit. Hypervolume (by the worst of the table) of the networks within the budget, as a share
   of the best there is, the difference, and how many networks above the budget were trained. Parameters are those of the
   graph, without what leads nowhere, which the benchmark counts as well.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from nasmyth.bench import Table
from nasmyth.bench.files import read
from nasmyth.bench.protocol import interval
from nasmyth.cli.strategies import strategy_of
from nasmyth.measure import params
from nasmyth.search import (
    NSGA2,
    NSGA3,
    BayesianOptimization,
    EarlyExit,
    Evolution,
    ExpectedImprovement,
    Random,
    Simulation,
    Strategy,
    hypervolume,
    pareto,
    reference_point,
)
from nasmyth.space import Space

DEVICES = ("raspi4", "edgegpu")
FRUGAL = "raspi4"
"""The device of the second part."""
CAP, SHARE, QUERIES, IDLE = 3000, 0.99, 200, 5000
BUDGET = 400_000
STRATEGIES: tuple[Strategy, ...] = (
    NSGA2(),
    NSGA2(population=16),
    NSGA2(population=8),
    NSGA3(),
    Evolution(),
    BayesianOptimization(),
    BayesianOptimization(acquire=ExpectedImprovement()),
    Random(),
)
Point = tuple[float, float]


class Fronts(NamedTuple):
    """A table and its points: accuracy, and minus the latency; by row."""

    table: Table
    points: list[Point]
    networks: list[int]
    """As `networks_of` tells them."""

    @property
    def worst(self) -> Point:
        columns = list(zip(*self.points, strict=True))
        return min(columns[0]), min(columns[1])


def networks_of(table: Table) -> list[int]:
    """Of each row, the first that is the same network."""
    texts = {row: text for text, row in table.index.items()}
    keys = [table.space.decode(table.notation.genome(texts[row])).key for row in range(len(texts))]
    first = {key: row for row, key in reversed([*enumerate(keys)])}
    return [first[key] for key in keys]


def joined(table: Table, networks: list[int], path: str, device: str) -> Fronts:
    texts, columns = read(path, table.notation)
    latency = dict(zip(texts, columns[f"cifar10_{device}_latency"], strict=True))
    texts = {row: text for text, row in table.index.items()}
    accuracies = table.check("valid_acc_200ep")
    known = {table.notation.text(table.notation.genome(text)): value for text, value in latency.items()}
    figures: dict[int, list[Point]] = {}
    for row, network in enumerate(networks):
        figures.setdefault(network, []).append((accuracies[row], -float(known[texts[row]])))
    means = {network: tuple(map(statistics.fmean, zip(*same, strict=True))) for network, same in figures.items()}
    return Fronts(table, [means[network] for network in networks], networks)


def queried(
    fronts: Fronts, strategy: Strategy, seed: int, space: Space, violation: Callable[[int], float]
) -> Iterator[int]:
    """The rows that a search asks for, each once."""
    search, seen, idle = Simulation(strategy, space, seed), set[int](), 0
    while idle < IDLE:
        (one,) = search.ask()
        row = fronts.networks[fronts.table.index[fronts.table.notation.text(one.genome)]]
        search.tell(one.number, fronts.points[row], violation=violation(row))
        idle += 1
        if row not in seen:
            seen.add(row)
            idle = 0
            yield row


def needed(fronts: Fronts, strategy: Strategy, seed: int, references: list[Any]) -> list[int]:
    """By reference point: how many queries it took."""
    whole = [hypervolume(fronts.points, reference) for reference in references]
    found = [CAP] * len(references)
    best: list[Point] = []
    for count, row in enumerate(queried(fronts, strategy, seed, fronts.table.space, lambda row: 0.0), 1):
        point = fronts.points[row]
        if not any(pareto.dominates(other, point) or other == point for other in best):
            best = [other for other in best if not pareto.dominates(point, other)] + [point]
            for i, reference in enumerate(references):
                if found[i] == CAP and hypervolume(best, reference) >= SHARE * whole[i]:
                    found[i] = count
        if count == CAP or max(found) < CAP:
            break
    return found


def said(values: list[float], digits: int = 0, sign: str = "") -> str:
    mean, half = interval(values)
    return f"{mean:{sign}.{digits}f} ± {half:.{digits}f}"


def soon(fronts: Fronts, device: str, seeds: int, strategies: Sequence[Strategy]) -> None:
    references = [fronts.worst, reference_point(fronts.points)]
    size = len({fronts.points[i] for i in pareto.front(fronts.points)})
    print(f"\n{device}: {size} points on the front; queries until 99 % of its hypervolume, by the reference points")
    for reference in references:
        print(f"    accuracy {reference[0]:.3f} %, latency {-reference[1]:.3f} ms")
    print(f"{'':62}{'mean':>13}{'median':>8}{'difference':>14}  |{'mean':>13}{'median':>8}{'difference':>14}")
    base: list[list[int]] = []
    for strategy in strategies:
        runs = [needed(fronts, strategy, seed, references) for seed in range(seeds)]
        base = base or runs
        cells = []
        for i in range(len(references)):
            counts = [float(run[i]) for run in runs]
            less = [float(run[i] - other[i]) for run, other in zip(runs, base, strict=True)]
            cells.append(f"{said(counts):>13}{statistics.median(counts):>8.0f}{said(less, sign='+'):>14}")
        print(f"{strategy!r:62}" + "  |".join(cells), flush=True)


def frugal(fronts: Fronts, seeds: int) -> None:
    table = fronts.table
    sizes = [float(params(table.space.decode(table.notation.genome(text)))) for text in table.index]
    within = [row for row, size in enumerate(sizes) if size <= BUDGET]
    whole = hypervolume([fronts.points[row] for row in within], fronts.worst)
    under = params <= BUDGET
    ways: list[tuple[str, Strategy, Space]] = [
        ("the budget known after training", NSGA2(), table.space),
        ("early exit", NSGA2(early_exit=EarlyExit(under)), table.space),
        ("early exit from a fifth of the budget on", NSGA2(early_exit=EarlyExit(under, start=0.2)), table.space),
        ("a space narrowed to the budget", NSGA2(), table.space.narrow(under)),
    ]
    count = len({fronts.networks[row] for row in within})
    print(
        f"\nNSGA2() under params <= {BUDGET:,} ({count:,} networks), accuracy and {FRUGAL} latency, {QUERIES} queries"
    )
    print(f"{'':42}{'hypervolume, %':>18}{'difference':>18}{'networks above the budget':>28}")
    base: list[float] = []
    for name, strategy, space in ways:
        shares, above = [], []
        for seed in range(seeds):
            rows = []
            for row in queried(fronts, strategy, seed, space, lambda row: max(0.0, sizes[row] / BUDGET - 1)):
                rows.append(row)
                if len(rows) == QUERIES:
                    break
            kept = [fronts.points[row] for row in rows if sizes[row] <= BUDGET]
            shares.append(100 * hypervolume(kept, fronts.worst) / whole)
            above.append(float(len(rows) - len(kept)))
        base = base or shares
        more = [a - b for a, b in zip(shares, base, strict=True)]
        print(f"{name:42}{said(shares, 2):>18}{said(more, 2, '+'):>18}{said(above, 1):>28}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("table")
    parser.add_argument("latencies")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--parts", nargs="+", choices=("soon", "frugal"), default=("soon", "frugal"))
    parser.add_argument("--only", nargs="+", type=strategy_of, default=STRATEGIES, metavar="STRATEGY")
    parser.add_argument("--devices", nargs="+", choices=DEVICES, default=DEVICES)
    given = parser.parse_args()
    table = Table.read("nb201", given.table)
    networks = networks_of(table)
    fronts = {device: joined(table, networks, given.latencies, device) for device in {*given.devices, FRUGAL}}
    print(f"{len(set(networks)):,} networks in {len(table):,} cells, {given.seeds} seeds, 95 % intervals")
    if "soon" in given.parts:
        for device in given.devices:
            soon(fronts[device], device, given.seeds, given.only)
    if "frugal" in given.parts:
        frugal(fronts[FRUGAL], given.seeds)


if __name__ == "__main__":
    main()
