"""Strategies that other packages decide, and one that hears which constraint was missed: three figures, one core.

    python benchmarks/strategies_adapters.py --data nb201_cifar10.parquet [--seeds 20] [--parts tpe ask feedback]

tpe: Optuna's TPE as a strategy against Optuna used directly (its own study, the same decisions) on NAS-Bench-201: best
validation accuracy after 100 queries. Used directly, Optuna repeats itself, and pays for it; the strategy does not repeat. So
it is also held against Optuna whose repetitions are not counted: there, the difference should contain 0.
ask: milliseconds of processor time of an ask after 300 trials, on NAS-Bench-201 (6 decisions) and on the space of Once-for-All
(46).
feedback: evaluations to the first feasible design, in the space of Once-for-All under bounds on parameters, memory, depth and
a latency by a roofline (20 GMAC/s, 10 GB/s): `Feedback` against `Evolution`, which sees the score, that is the sum of what is
missed, alone. At most half is aimed at.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence

import optuna

from nasmyth.bench import Table
from nasmyth.bounds import excess
from nasmyth.intervals import interval, student_t
from nasmyth.measure import find
from nasmyth.search import AskTell, BayesianOptimization, Evolution, Feedback, OptunaSampler, Simulation, Strategy
from nasmyth.search import Random as Drawn
from nasmyth.spaces import spaces

QUERIES, TRIALS, MOST = 100, 300, 1500
COLUMN = "valid_acc_200ep"
BOUNDS = [("params", "<=", 4.4e6), ("latency", "<=", 0.0405), ("memory", "<=", 2.9e6), ("depth", ">=", 52)]


def shown(values: Sequence[float], digits: int = 3) -> str:
    mean, half = interval(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def difference(a: Sequence[float], b: Sequence[float]) -> str:
    """Of two means, by Welch."""
    parts = [statistics.variance(one) / len(one) for one in (a, b)]
    freedom = sum(parts) ** 2 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, (a, b), strict=True))
    return f"{statistics.fmean(a) - statistics.fmean(b):+.3f} ± {student_t(freedom) * math.sqrt(sum(parts)):.3f}"


# --- TPE --------------------------------------------------------------------------------------------------------------


def by_strategy(strategy: Strategy, table: Table, value: Callable[[dict], float], seed: int) -> list[float]:
    search = Simulation(strategy, table.space, seed)
    for _ in range(QUERIES):
        (one,) = search.ask()
        search.tell(one.number, [value(one.genome)])
    return [trial.objectives[0] for trial in search.log]


def by_optuna(table: Table, value: Callable[[dict], float], seed: int, free: bool = False) -> list[float]:
    """free: what was asked for before is told again, and not counted."""
    holes, seen, counted = table.space.holes, set(), []
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    while len(counted) < QUERIES and len(study.trials) < 10 * QUERIES:
        trial = study.ask()
        genome = {key: trial.suggest_categorical(key, range(int(hole.count))) for key, hole in holes.items()}
        study.tell(trial, value(genome))
        if not free or tuple(genome.values()) not in seen:
            counted.append(value(genome))
        seen.add(tuple(genome.values()))
    return counted


def tpe(path: str, seeds: int) -> None:
    table = Table.read("nb201", path)
    values = table.check(COLUMN)

    def value(genome: dict) -> float:
        return float(values[table.index[table.notation.text(genome)]])

    for hole in table.space.holes.values():  # a decision is the number of an option: both name the same networks
        assert [hole.nth(i) for i in range(int(hole.count))] == [*range(int(hole.count))]
    ways = {
        "OptunaSampler()": lambda seed: by_strategy(OptunaSampler(), table, value, seed),
        "Optuna directly": lambda seed: by_optuna(table, value, seed),
        "Optuna, repeats free": lambda seed: by_optuna(table, value, seed, free=True),
        "Random()": lambda seed: by_strategy(Drawn(), table, value, seed),
        "BayesianOptimization()": lambda seed: by_strategy(BayesianOptimization(), table, value, seed),
    }
    print(f"NAS-Bench-201, {COLUMN}, best of {QUERIES} queries, {seeds} seeds")
    best = {name: [way(seed) for seed in range(seeds)] for name, way in ways.items()}
    for name, found in best.items():
        different = statistics.fmean(len({*one}) for one in found)
        print(f"  {name:24} {shown([max(one) for one in found])}   different values {different:.1f}")
    for other in ("Optuna directly", "Optuna, repeats free"):
        ours, theirs = ([max(one) for one in best[name]] for name in ("OptunaSampler()", other))
        print(f"  OptunaSampler() less {other:21} {difference(ours, theirs)}", flush=True)


# --- asking -----------------------------------------------------------------------------------------------------------


def ask(seeds: int) -> None:
    strategies = [
        OptunaSampler(), OptunaSampler("random"), OptunaSampler("nsgaii"), OptunaSampler("cmaes", ordered=True), AskTell(),
        BayesianOptimization(), Feedback(), Evolution(),
    ]  # fmt: skip
    print(
        f"\nmilliseconds of processor time of an ask after {TRIALS} trials, and of the first when the log is taken up again"
    )
    for name in ("nb201", "ofa"):
        space = spaces.get(name)()
        print(f"  {name}, {len(space.holes)} decisions")
        for strategy in strategies:
            search = Simulation(strategy, space, 0)
            draw = random.Random(0)
            for number in range(TRIALS):
                (one,) = search.ask() if number >= TRIALS - 5 else (search_for(search, space, number),)
                search.tell(
                    one.number, [draw.random()], excess={"a": draw.random() - 0.5} if number % 2 else {"a": -0.1}
                )
            taken = []
            for _ in range(seeds):
                start = time.process_time()
                (one,) = search.ask()
                taken.append(1e3 * (time.process_time() - start))
                search.tell(one.number, [draw.random()], excess={"a": -0.1})
            search.state = strategy.init(space)
            for trial in search.log:
                search.state = strategy.tell(search.state, trial)
            start = time.process_time()
            search.ask()
            again = 1e3 * (time.process_time() - start)
            print(f"    {strategy!r:50} {shown(taken, 1):>16}   taken up again {again:8.0f}", flush=True)


def search_for(search: Simulation, space, number: int):
    """A random trial in the place of one that the strategy asks for: what it costs to hear of many is not to be waited for."""
    from nasmyth.search import Pending

    search.asked += 1
    one = search.pending[search.asked] = Pending(search.asked, space.sample(number))
    return one


# --- feedback ---------------------------------------------------------------------------------------------------------


def figures(graph) -> dict[str, float]:
    """Latency: seconds of arithmetic and of moving 4 bytes a number, one after the other."""
    told = {name: float(find(name)(graph)) for name in ("params", "macs", "traffic", "memory", "depth")}
    return {**told, "latency": told["macs"] / 20e9 + 4 * told["traffic"] / 10e9}


def missed(told: dict[str, float]) -> dict[str, float]:
    return {f"{name}{relation}{bound:g}": excess(told[name], relation, bound) for name, relation, bound in BOUNDS}


def first_feasible(strategy: Strategy, space, seed: int) -> int:
    search = Simulation(strategy, space, seed)
    for count in range(1, MOST + 1):
        (one,) = search.ask()
        told = figures(space.decode(one.genome))
        found = missed(told)
        search.tell(one.number, [told["macs"]], excess=found, measures=told)
        if max(found.values()) <= 0:
            return count
    return MOST


def feedback(seeds: int, draws: int) -> None:
    space = spaces.get("ofa")()
    met = sum(max(missed(figures(space.decode(space.sample(f"draw {i}")))).values()) <= 0 for i in range(draws))
    print(f"\nOnce-for-All under {', '.join(missed(dict.fromkeys([n for n, *_ in BOUNDS], 0.0)))}")
    print(f"  {met} of {draws} random genomes are feasible; evaluations to the first feasible one, {seeds} seeds")
    found = {}
    for strategy in (Feedback(), Evolution(), Evolution(population=16)):
        found[strategy] = counts = [first_feasible(strategy, space, seed) for seed in range(seeds)]
        print(
            f"  {strategy!r:24} {shown(counts, 1)}   median {statistics.median(counts):.0f}, to {max(counts)}",
            flush=True,
        )
    ours, theirs = found[Feedback()], found[Evolution()]
    ratios = []
    draw = random.Random(0)
    for _ in range(4000):
        a, b = (statistics.fmean(draw.choices(one, k=len(one))) for one in (ours, theirs))
        ratios.append(a / b)
    ratios.sort()
    ratio = statistics.fmean(ours) / statistics.fmean(theirs)
    print(f"  Feedback / Evolution     {ratio:.2f} ({ratios[100]:.2f} to {ratios[-101]:.2f}, bootstrap)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="nb201_cifar10.parquet, for the part tpe")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--draws", type=int, default=6000, help="random genomes that tell how many are feasible")
    parser.add_argument("--parts", nargs="+", default=["tpe", "ask", "feedback"])
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if "tpe" in args.parts:
        tpe(args.data, args.seeds)
    if "ask" in args.parts:
        ask(args.seeds)
    if "feedback" in args.parts:
        feedback(args.seeds, args.draws)


if __name__ == "__main__":
    main()
