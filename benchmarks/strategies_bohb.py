"""What a model adds to short trainings: BOHB and its parts beside halving and random search, and what extrapolation stops.

    python benchmarks/strategies_bohb.py nb201_cifar10.parquet [--seeds 30] > benchmarks/strategies_bohb.txt
    python benchmarks/strategies_bohb.py --digits [--networks 60]

With a table of NAS-Bench-201 (`valid_acc_12ep`, `valid_acc_200ep`): the cheap stage are the 12 epochs, at 12/200 of the price
of a training in full, both from new weights; what is proposed twice is free, as in a study. The table has no curves, so nothing
is stopped by extrapolation there. Printed for each strategy: the mean validation accuracy after 200 epochs of what was best at
so many trainings in full, with its 95 % interval (Student's t) over seeds; the cost at which that mean reaches what random
search has in the end; how many searches found the best network of all, and the median of the cost at which they did; and how
much sooner in simulated time two workers have random search's final mean than one.

With --digits: networks of several sizes and rates are trained on scikit-learn's digits for 20 epochs at a constant rate, so
that a short training is the beginning of a long one. In 200 random orders they enter a search that has their first 5 epochs,
and goes on with those that `Extrapolation` sees hope for. Printed: how many of the others, and of the best 5 %, were stopped.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from typing import Any

from nasmyth.bench import Table
from nasmyth.bench.protocol import interval
from nasmyth.search import (
    ASHA,
    BOHB,
    FULL,
    TPE,
    Evolution,
    Extrapolation,
    Hyperband,
    Random,
    SimulatedTrial,
    Stage,
    Strategy,
    SuccessiveHalving,
    simulate,
)

PRICE, END = 12 / 200, 100.0
BUDGETS = (10, 20, 30, 50, 100)
STRATEGIES: tuple[Strategy, ...] = (
    Random(),
    Evolution(population=16),
    TPE(),
    SuccessiveHalving(R=16, eta=16),
    Hyperband(R=16, eta=16),
    BOHB(R=16, eta=16),
    ASHA(R=16, eta=16, propose=TPE()),
)

Steps = list[tuple[float, float]]
"""When the best so far got better, in trainings in full, and how good it was then."""


def search(table: Table, strategy: Strategy, seed: int, workers: int, end: float) -> Steps:
    """A search with so many workers, up to a cost of them all together."""
    asked: set[Any] = set()

    def work(one: Any, parent: Any) -> tuple[list[float], float]:
        full = one.stage == FULL
        key = (full, row := table.index[table.notation.text(one.genome)])
        cost = 0.0 if key in asked else 1.0 if full else PRICE
        asked.add(key)
        return [table.check("valid_acc_200ep" if full else "valid_acc_12ep")[row]], cost

    steps: Steps = []
    for trial in simulate(
        strategy, table.space, work, workers=workers, seconds=end / workers, seed=seed, trials=20_000
    ):
        if trial.stage == FULL and (not steps or trial.objectives[0] > steps[-1][1]):
            steps.append((trial.at, trial.objectives[0]))
    return steps


def at(steps: Steps, time: float) -> float:
    return max((value for when, value in steps if when <= time), default=0.0)


def reached(runs: list[Steps], value: float) -> float:
    """When the mean over runs reaches a value; infinite if it does not."""
    times = sorted({when for run in runs for when, _ in run})
    return next((time for time in times if statistics.fmean(at(run, time) for run in runs) >= value), math.inf)


def on_table(path: str, seeds: int) -> None:
    table = Table.read("nb201", path)
    best = max(table.check("valid_acc_200ep"))
    print(f"{len(table):,} networks, the best {best:.2f} % in validation; {seeds} seeds")
    print(
        f"{'':68}" + "".join(f"{budget:>15}" for budget in BUDGETS) + "   as random   optimum: found, cost   2 workers"
    )
    target = 0.0
    for strategy in STRATEGIES:
        runs = [search(table, strategy, seed, 1, END) for seed in range(seeds)]
        target = target or statistics.fmean(at(run, END) for run in runs)
        alone = reached(runs, target)
        pair = [search(table, strategy, seed, 2, min(END, 2 * alone)) for seed in range(seeds)]
        together = reached(pair, target)
        cells = ""
        for budget in BUDGETS:
            mean, half = interval([at(run, budget) for run in runs])
            cells += f"{f'{mean:.2f} ± {half:.2f}':>15}"
        found = [min((when for when, value in run if value == best), default=math.inf) for run in runs]
        median = statistics.median_low(found)
        optimum = f"{sum(map(math.isfinite, found)):3}  {f'{median:.0f}' if median < END else f'> {END:.0f}':>5}"
        print(f"{strategy!r:68}{cells}{alone:12.1f}{optimum:>23}{alone / together:11.2f}", flush=True)


# --- curves of real trainings --------------------------------------------------------------------------------------------


def curves(networks: int, epochs: int) -> list[list[dict[str, float]]]:
    """The curves of random small networks on the digits."""
    import torch

    import nasmyth
    from nasmyth import Graph, Recipe, Space, chain, choice, fit, ops, real
    from nasmyth.train import SGD, ConstantRate, initialise

    torch.set_num_threads(1)
    task = nasmyth.read("digits")
    recipe = Recipe(
        optimizer=SGD(lr=real(1e-3, 0.3, log=True)), schedule=ConstantRate(), batch=choice(32, 128), epochs=epochs
    )
    layer = chain(ops.Conv(choice(4, 8, 16), kernel=choice(1, 3)), ops.BatchNorm(), ops.Activation("relu"))
    space = Space(chain(layer, layer, ops.Mean("h w"), ops.Linear(10)), task.input, recipe)
    told = []
    for seed in range(networks):
        genome = space.sample(seed)
        graph: Graph = space.decode(genome)
        network = initialise(nasmyth.build(graph, seed, task.inputs, task.outputs))
        told.append([*fit(network, task, space.recipe_of(genome), device="cpu", seed=seed).curve])
    return told


def on_digits(networks: int, epochs: int = 20, short: int = 5, orders: int = 200) -> None:
    seen = curves(networks, epochs)
    ends = [max(entry["accuracy"] for entry in curve) for curve in seen]
    top = {*sorted(range(networks), key=lambda i: -ends[i])[: max(1, round(0.05 * networks))]}
    print(f"\n{networks} networks on digits, {epochs} epochs, stopped after {short}; {orders} orders of arrival")
    print(
        f"final accuracy {min(ends):.3f} to {max(ends):.3f}; {len(top)} are the best 5 %, from {min(ends[i] for i in top):.3f}"
    )
    print("probability   of the best 5 % stopped   of the others stopped   epochs saved   best found is worse by")
    for probability in (0.01, 0.05, 0.2, 0.5):
        stop, killed, others, lost = Extrapolation(probability), 0, 0, []
        for order in range(orders):
            state, best = None, 0.0
            for number, i in enumerate(random.Random(order).sample(range(networks), networks)):
                state = stop.tell(state, _trial(seen[i][:short], i, number, Stage("short", short / epochs)))
                if stop.hopeless(state, number):
                    killed, others = killed + (i in top), others + (i not in top)
                else:
                    state = stop.tell(state, _trial(seen[i], i, networks + number, FULL))
                    best = max(best, ends[i])
            lost.append(max(ends) - best)
        rest = orders * (networks - len(top))
        saved = (killed + others) * (epochs - short) / (orders * networks * epochs)
        print(
            f"{probability:11}{killed / orders / len(top):>22.1%}{others / rest:>25.1%}{saved:>17.1%}"
            f"{statistics.fmean(lost):>19.4f}"
        )


def _trial(curve: list[dict[str, float]], i: int, number: int, stage: Stage) -> SimulatedTrial:
    told = {stage.name: {"curve": curve, "planned": float(len(curve))}}
    score = max(entry["accuracy"] for entry in curve)
    return SimulatedTrial({"network": i}, (score,), number=number, stage=stage, stages=told)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("table", nargs="?")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--digits", action="store_true")
    parser.add_argument("--networks", type=int, default=60)
    given = parser.parse_args()
    if given.table:
        on_table(given.table, given.seeds)
    if given.digits:
        on_digits(given.networks)


if __name__ == "__main__":
    main()
