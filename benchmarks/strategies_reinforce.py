"""Reinforcement: policy gradients, the conservative controller and one agent for each part, beside random search and others.

    python benchmarks/strategies_reinforce.py --data FOLDER > benchmarks/strategies_reinforce.txt
    python benchmarks/strategies_reinforce.py --parts agents                 # what needs no table

The folder holds tables of NAS-Bench-201 (nb201_cifar10.parquet) and NAS-Bench-Graph (nasbench_graph_cora.parquet).

nb201: the best validation accuracy (`valid_acc_200ep`) after so many different networks were looked up.
cora: how many different networks are looked up until one is among the best 1 % of the table (`valid`).
agents: evaluations of a made-up simulator until 95 % of the way from its worst to its best design. Six parts with three
    decisions of five options each: every decision counts by itself (normal, deviation 1), with each other one of its part
    (0.5), and the first decisions of neighbours together (0.2; strongly coupled: 2). The best is found by dynamic programming.

Seeds are paired; intervals are of 95 % (Student's t), of ratios by the bootstrap over seeds. Settings are the defaults. Those
were chosen on other seeds (from 1,000 on of nb201, below 200 of agents), and none after a look at cora.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from pathlib import Path
from random import Random as Generator
from typing import Any

import numpy as np

from nasmyth.bench import Table
from nasmyth.bench.protocol import interval
from nasmyth.graph import Op, chain
from nasmyth.graph.op import ops
from nasmyth.search import (
    PPO,
    Chained,
    ConservativeController,
    Evolution,
    MultiAgent,
    Random,
    Reinforce,
    Simulation,
    Strategy,
)
from nasmyth.space import Space, choice

ALL: tuple[Strategy, ...] = (
    Random(), Evolution(), Reinforce(), Reinforce(policy=Chained()), PPO(), PPO(policy=Chained()), ConservativeController(),
    ConservativeController(groups="decision"), MultiAgent(),
)  # fmt: skip


def looked_up(
    table: Table, column: list[float], strategy: Strategy, seed: int, most: int, goal: float = np.inf
) -> list[float]:
    """The best value after each network that was not looked up before, until `goal` is reached."""
    search, seen = Simulation(strategy, table.space, seed), set()
    best: list[float] = []
    while len(best) < most and (not best or best[-1] < goal):
        (one,) = search.ask()
        text = table.notation.text(one.genome)
        row = table.index.get(text)
        value = [] if row is None else [column[row]]
        search.tell(one.number, value)
        if text not in seen:
            seen.add(text)
            best.append(max([*value, *best[-1:]], default=-np.inf))
    return best


def said(values: list[float], digits: int) -> str:
    mean, half = interval(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def nb201(folder: Path, seeds: int) -> None:
    table = Table.read("nb201", folder / "nb201_cifar10.parquet")
    column = table.check("valid_acc_200ep")
    print(f"\nnb201: best validation accuracy in %, {seeds} seeds; the best of all {max(column):.2f}")
    print(f"{'':58}{'100 queries':>20}{'over random':>18}{'300 queries':>20}{'over random':>18}")
    base: list[list[float]] = []
    for strategy in ALL:
        runs = [looked_up(table, column, strategy, seed, 300) for seed in range(seeds)]
        base = base or runs
        cells = []
        for at in (99, 299):
            cells.append(f"{said([run[at] for run in runs], 3):>20}")
            cells.append(f"{said([run[at] - other[at] for run, other in zip(runs, base, strict=True)], 3):>18}")
        print(f"{strategy!r:58}{''.join(cells)}", flush=True)


def cora(folder: Path, seeds: int) -> None:
    table = Table.read("nas_bench_graph", folder / "nasbench_graph_cora.parquet", partial=True)
    column = table.check("valid")
    known = sorted(value for value in column if value == value)
    goal = known[-(len(known) // 100)]
    print(f"\ncora: queries until one is among the best 1 % ({100 * goal:.2f} %), {seeds} seeds, at most 1,000")
    base: list[float] = []
    for strategy in ALL:
        took = [float(len(looked_up(table, column, strategy, seed, 1000, goal))) for seed in range(seeds)]
        base = base or took
        print(f"{strategy!r:58}{said(took, 1):>20}   median {statistics.median(took):>5}   {ratio(took, base)} of random",
              flush=True)  # fmt: skip


def ratio(some: list[float], others: list[float]) -> str:
    """Of means, with its interval by the bootstrap."""
    rng = np.random.default_rng(0)
    a, b = np.array(some), np.array(others)
    at = rng.integers(len(a), size=(4000, len(a)))
    low, high = np.percentile(a[at].mean(1) / b[at].mean(1), [2.5, 97.5])
    return f"{a.mean() / b.mean():.2f} [{low:.2f}, {high:.2f}]"


# --- one agent for each part ------------------------------------------------------------------------------------------

PARTS, OPTIONS = 6, 5


class ChipPart(Op):
    """A part of a made-up chip."""

    signature = "b c -> b c"
    a: Any
    b: Any
    c: Any
    label: int = 0


ops.add("ChipPart", ChipPart)


class Chip:
    """The simulator: what a design is worth, from 0 for the worst to 1 for the best."""

    def __init__(self, seed: int, coupling: float) -> None:
        rng = np.random.default_rng(seed)
        self.alone = rng.normal(size=(PARTS, 3, OPTIONS))
        self.pairs = 0.5 * rng.normal(size=(PARTS, 3, OPTIONS, OPTIONS))
        self.between = coupling * rng.normal(size=(PARTS - 1, OPTIONS, OPTIONS))
        self.low, self.high = -self._greatest(-1.0), self._greatest(1.0)

    def _part(self, i: int, d: Any) -> float:
        return sum(float(self.alone[i, j, d[j]] + self.pairs[i, j, d[j], d[(j + 1) % 3]]) for j in range(3))

    def _greatest(self, sign: float) -> float:
        """Of all designs: part by part, for each first decision of the last part."""
        own = np.full((PARTS, OPTIONS), -np.inf)
        for i in range(PARTS):
            for d in itertools.product(range(OPTIONS), repeat=3):
                own[i, d[0]] = max(own[i, d[0]], sign * self._part(i, d))
        best = own[0]
        for i in range(1, PARTS):
            best = own[i] + (best[:, None] + sign * self.between[i - 1]).max(0)
        return float(best.max())

    def __call__(self, genome: dict[str, Any]) -> float:
        d = np.array(list(genome.values())).reshape(PARTS, 3)
        value = sum(self._part(i, d[i]) for i in range(PARTS))
        value += sum(float(self.between[i, d[i, 0], d[i + 1, 0]]) for i in range(PARTS - 1))
        return (value - self.low) / (self.high - self.low)


def chips() -> Space:
    decisions = [[choice(*range(OPTIONS)) for _ in range(3)] for _ in range(PARTS)]
    return Space(chain(*(ChipPart(*three, label=i) for i, three in enumerate(decisions))), (4,))


def evaluations(strategy: Strategy, seed: int, coupling: float, most: int) -> float:
    chip, search = Chip(seed, coupling), Simulation(strategy, chips(), seed)
    for number in range(1, most + 1):
        (one,) = search.ask()
        value = chip(one.genome)
        search.tell(one.number, [value])
        if value >= 0.95:
            return float(number)
    return float(most)


def agents(seeds: int) -> None:
    space, rng = chips(), Generator(0)
    chip = Chip(0, 0.2)
    assert max(chip(space.sample(rng)) for _ in range(300)) <= 1
    single = (
        Reinforce(), Reinforce(batch=3), Reinforce(rate=0.6, entropy=0.05), Reinforce(policy=Chained()),
        PPO(), PPO(rate=0.6, entropy=0.05), PPO(policy=Chained()),
    )  # fmt: skip
    for coupling in (0.2, 2.0):
        kind = "nearly separable" if coupling < 1 else "strongly coupled"
        print(
            f"\nagents: evaluations to 95 % of the best of a simulator, {kind} ({coupling}), {seeds} seeds, at most 1,500"
        )
        base: list[float] = []
        for strategy in (MultiAgent(), *single, Evolution()):
            took = [evaluations(strategy, seed, coupling, 1500) for seed in range(200, 200 + seeds)]
            base = base or took
            missed = sum(n == 1500 for n in took)
            print(f"{strategy!r:42}{said(took, 0):>14}   missed {missed:>2}   MultiAgent() takes {ratio(base, took)} of it",
                  flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--parts", nargs="+", default=["agents", "cora", "nb201"], choices=["agents", "cora", "nb201"])
    parser.add_argument("--seeds", type=int, default=50)
    given = parser.parse_args()
    for part in given.parts:
        if part == "agents":
            agents(min(20, given.seeds))
        elif given.data is None:
            parser.error(f"{part}: give --data, the folder of the tables")
        else:
            {"cora": cora, "nb201": nb201}[part](given.data, given.seeds)


if __name__ == "__main__":
    main()
