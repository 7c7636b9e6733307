"""Do cells that are good in a shallow network stay good in a deep one? And does ScheduledDropPath help there?

    python benchmarks/nasnet.py [--cells 30] [--shallow 1] [--deep 3] [--epochs 5] [--again 3] > benchmarks/nasnet.txt

Pairs of cells drawn from the NASNet space (Zoph et al. 2018, arXiv:1707.07012), each in a network of three stacks of so many
normal cells with a reduction cell between, 4 channels wide, trained on digits for so many epochs. Told: Spearman's correlation
of the accuracies at both depths, with its interval by the bootstrap over cells; what the cell that is best in the shallow
network has in the deep one, beside the mean of all cells there; and the deep network of that cell with and without
ScheduledDropPath, over so many seeds. Accuracy is that on the validation and the test examples together, in %.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch

import nasmyth
from nasmyth.bench.protocol import interval
from nasmyth.network import build
from nasmyth.search.evolution import places
from nasmyth.spaces import spaces
from nasmyth.train import evaluate, fit, initialise

WIDTH, DROPPED, DRAWS = 4, 0.3, 4000


def accuracy(task: Any, genome: Any, cells: int, epochs: int, seed: int, drop_path: float = 0.0) -> float:
    """Of a pair of cells in a network of such depth."""
    space = spaces.get("nasnet")(task.input, 10, WIDTH, cells, drop_path)
    network = initialise(build(space.decode(genome), seed, task.inputs, task.outputs), seed)
    fit(network, task, task.recipe, epochs=epochs, seed=seed, device="cpu")
    counts = {part: len(getattr(task, part)) for part in ("valid", "test")}
    right = sum(evaluate(network, task, part)["accuracy"] * count for part, count in counts.items())
    return float(100 * right / sum(counts.values()))


def correlation(shallow: Any, deep: Any) -> str:
    """Of ranks, with its interval."""
    rng, shallow, deep = np.random.default_rng(0), np.array(shallow), np.array(deep)

    def of(rows: Any) -> float:
        ranks = [np.array(places(list(values[rows]))) for values in (shallow, deep)]
        return float(np.corrcoef(*ranks)[0, 1])

    drawn = [of(rng.integers(len(deep), size=len(deep))) for _ in range(DRAWS)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return f"{of(np.arange(len(deep))):.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"cells": 30, "shallow": 1, "deep": 3, "epochs": 5, "again": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = nasmyth.read("digits")
    space = spaces.get("nasnet")(task.input, 10, WIDTH, args.shallow)
    genomes = [space.sample(seed) for seed in range(args.cells)]
    shallow, deep = (
        [accuracy(task, genome, depth, args.epochs, seed) for seed, genome in enumerate(genomes)]
        for depth in (args.shallow, args.deep)
    )
    depths = f"{3 * args.shallow + 2} and {3 * args.deep + 2} cells deep"
    print(f"{args.cells} pairs of cells, {depths}, {args.epochs} epochs: rank correlation {correlation(shallow, deep)}")
    best = int(np.argmax(shallow))
    mean, half = interval(deep)
    print(f"in the deep network: the best of the shallow ones {deep[best]:.2f}, all {mean:.2f} ± {half:.2f}")
    runs = [
        [accuracy(task, genomes[best], args.deep, args.epochs, 100 + seed, rate) for seed in range(args.again)]
        for rate in (0.0, DROPPED)
    ]
    told = [interval(values) for values in (*runs, [b - a for a, b in zip(*runs, strict=True)])]
    without, dropped, gain = (f"{mean:.2f} ± {half:.2f}" for mean, half in told)
    print(
        f"that cell, {args.again} seeds: {without} without ScheduledDropPath, {dropped} with {DROPPED}; difference {gain}"
    )


if __name__ == "__main__":
    main()
