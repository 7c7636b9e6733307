"""Design by arithmetic: is the integer program right, what does its bound on effectiveness do, and what is its network worth?

    python benchmarks/analytic.py [--random 50] [--seeds 3] [--epochs 8]

First, a chain of convolutional stages that is small enough to go through: the greatest network entropy under bounds on
parameters, MACs and effectiveness as `solve` finds it, beside the greatest of all networks, and the seconds of both.

Second, a large chain for images of 32x32: depth and effectiveness (depth over mean fan-in, DeepMAD's rho) of what has the
greatest entropy under bounds on parameters and MACs, with effectiveness <= 0.5 and without.

Third, digits (8x8 images): the network of the greatest entropy under 200,000 MACs and effectiveness <= 0.5, trained from
several seeds, among random networks of the same space with equal MACs (95 to 100 % of that), each trained once by the same
recipe for as many epochs; and those under smaller bounds on effectiveness. Told as the share of random networks that it
beats on the test split (ties count half), the mean over its seeds with a 95 % interval (Student's t over those seeds).
Baseline: a random network of the space, 50 %. Needs no data from elsewhere.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import torch

from nasmyth import Graph, Recipe, Space, blocks, build, chain, choice, fit, ops, read, repeat
from nasmyth.intervals import interval
from nasmyth.measure import depth, effectiveness, entropy, macs, params
from nasmyth.search import ranked
from nasmyth.search.program import Solution
from nasmyth.train import Task, evaluate

SMALL = {"widths": (8, 16, 24), "kernels": (3, 5), "copies": (0, 1, 2), "stages": 2, "input": (3, 16, 16)}
LARGE = {
    "widths": (8, 16, 32, 64),
    "kernels": (3, 5),
    "copies": tuple(range(0, 25, 3)),
    "stages": 3,
    "input": (3, 32, 32),
}
DIGITS = {
    "widths": (4, 6, 8, 12, 16, 24, 32),
    "kernels": (3, 5),
    "copies": tuple(range(7)),
    "stages": 3,
    "input": (1, 8, 8),
}
MACS = 200e3
EFFECTIVE = (0.5, 0.2, 0.1)
"""Bounds of which the first is the one that is asked about."""


def space_of(
    widths: Sequence[int], kernels: Sequence[int], copies: Sequence[int], stages: int, input: tuple[int, ...]
) -> Space:
    """A stem and stages of residual blocks; a stage has a width, a kernel, a stride (but the first), a number of blocks."""
    parts = {"stem": blocks.conv_block(choice(*widths[:3]))}
    for i in range(stages):
        out, kernel = choice(*widths, name=f"width{i}"), choice(*kernels, name=f"kernel{i}")
        stride = 1 if i == 0 else choice(1, 2)
        first = blocks.basic_block(out, kernel=kernel, stride=stride)
        parts[f"stage{i}"] = chain(first, repeat(blocks.basic_block(out, kernel=kernel), choice(*copies)))
    return Space(chain(**parts, pool=ops.Mean("h w"), head=ops.Linear(10)), input)


def line(name: str, graph: Graph, seconds: float | None = None) -> None:
    took = "" if seconds is None else f"   {seconds:8.2f} s"
    print(
        f"  {name:<34} entropy {entropy(graph):8.1f}   layers {depth(graph):3.0f}   effectiveness "
        f"{effectiveness(graph):5.2f}   params {params(graph):9,.0f}   MACs {macs(graph):12,.0f}{took}",
        flush=True,
    )


def best(space: Space, under: Sequence[object]) -> tuple[Solution, float]:
    start = time.perf_counter()
    found = next(ranked(space, entropy, under))
    return found, time.perf_counter() - start


def exhaustive() -> bool:
    space = space_of(**SMALL)  # type: ignore[arg-type]
    under = [params <= 60e3, macs <= 4e6, effectiveness <= 0.1]
    print(f"a chain of {space.size:,} networks, all gone through, under {', '.join(map(str, under))}")
    found, seconds = best(space, under)
    start = time.perf_counter()
    values = [
        (entropy(graph), genome)
        for genome in space.enumerate()
        if all(one.satisfied(one.measure(graph := space.decode(genome))) for one in under)
    ]
    top, genome = max(values, key=lambda pair: pair[0])
    line("the best of all (baseline)", space.decode(genome), time.perf_counter() - start)
    line("integer program", space.decode(found.genome), seconds)
    print(
        f"  {len(values):,} meet the bounds; the program's has {found.value / top:.2%} of the best (wanted: at least 99 %)\n"
    )
    return found.value >= 0.99 * top


def deepening() -> bool:
    space = space_of(**LARGE)  # type: ignore[arg-type]
    under = [params <= 200e3, macs <= 30e6]
    print(f"a chain of {space.size:,} networks under {', '.join(map(str, under))}")
    graphs = []
    for name, more in (("with effectiveness<=0.5", [effectiveness <= 0.5]), ("without", [])):
        found, seconds = best(space, [*under, *more])
        graphs.append(space.decode(found.genome))
        line(name + ("" if found.proven else " (not proven)"), graphs[-1], seconds)
    more_layers = depth(graphs[1]) / depth(graphs[0])
    print(
        f"  without the bound it has {more_layers:.2f} times the layers, and {effectiveness(graphs[1]):.2f} for 0.5\n"
    )
    return more_layers > 1 and effectiveness(graphs[1]) > 0.5


def trained(graph: Graph, task: Task, seed: int, epochs: int) -> tuple[float, float]:
    """Accuracy and loss on the test split."""
    network = build(graph, seed, task.inputs, task.outputs)
    scores = evaluate(
        fit(network, task, Recipe(epochs=epochs, batch=64), seed=seed, device="cpu").network, task, "test"
    )
    return scores["accuracy"], scores["loss"]


def beaten(value: float, others: Sequence[float]) -> float:
    return sum((value > one) + (value == one) / 2 for one in others) / len(others)


def worth(count: int, seeds: int, epochs: int) -> bool:
    space, task = space_of(**DIGITS), read("digits")  # type: ignore[arg-type]
    print(f"digits: a chain of {space.size:,} networks, {epochs} epochs each")
    designs: dict[float, Graph] = {}
    for bound in EFFECTIVE:
        found, seconds = best(space, [macs <= MACS, macs >= 0.95 * MACS, effectiveness <= bound])
        designs[bound] = space.decode(found.genome)
        line(f"effectiveness<={bound:g}", designs[bound], seconds)
    equal = space.narrow(macs <= MACS, macs >= 0.95 * MACS)
    others: dict[str, Graph] = {}
    for seed in range(20 * count):
        graph = equal.decode(equal.sample(f"analytic {seed}"))
        if len(others) < count:
            others.setdefault(graph.key, graph)
    start = time.perf_counter()
    theirs = [trained(graph, task, 0, epochs) for graph in others.values()]
    accuracies = sorted(accuracy for accuracy, _ in theirs)
    print(
        f"  {len(theirs)} random networks, {time.perf_counter() - start:.0f} s: accuracy {accuracies[0]:.4f} to "
        f"{accuracies[-1]:.4f}, median {statistics.median(accuracies):.4f}; layers {min(map(depth, others.values())):.0f} to "
        f"{max(map(depth, others.values())):.0f}, median effectiveness "
        f"{statistics.median(map(effectiveness, others.values())):.2f}",
        flush=True,
    )
    means = []
    for bound, graph in designs.items():
        mine = [trained(graph, task, seed, epochs) for seed in range(seeds)]
        shares = [beaten(accuracy, accuracies) for accuracy, _ in mine]
        mean, half = interval(shares)
        lower, about = interval([beaten(-loss, [-one for _, one in theirs]) for _, loss in mine])
        means.append(mean)
        print(
            f"  effectiveness<={bound:<4g} accuracy {statistics.fmean(a for a, _ in mine):.4f}: beats {mean:.1%} ± {half:.1%} "
            f"of them (each seed: {', '.join(f'{one:.0%}' for one in shares)}), by test loss {lower:.1%} ± {about:.1%}",
            flush=True,
        )
    print(f"  wanted: more than 75 % with effectiveness<={EFFECTIVE[0]:g}")
    return means[0] > 0.75


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--random", type=int, default=50, help="random networks that the design is compared with")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of the design")
    parser.add_argument("--epochs", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(1)
    outcomes = {
        "exact": exhaustive(),
        "bound matters": deepening(),
        "worth": worth(given.random, given.seeds, given.epochs),
    }
    print("\n" + ", ".join(f"{name}: {'met' if met else 'missed'}" for name, met in outcomes.items()))
