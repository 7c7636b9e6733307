"""How much of a space does connectivity alone rule out without losing what is best?

    python benchmarks/connectivity.py --data DIR [--column valid_acc_12ep] [--splits 20]

On all cells of NAS-Bench-201 (CIFAR-10, `DIR/nb201_cifar10.parquet`, accuracies after 12 epochs unless said otherwise):
the share of cells that a bound on the effective depth or width of one cell removes (Chen et al., arXiv:2205.05662), and how
many of the top 1 % it keeps. The bounds: a depth of at least 1; the ranges that the authors used; and bounds fixed on a random
half of the cells, as tight as all of its top 1 % allow, and tested on the other half (mean over splits, with its 95 %
interval, Student's t). Baseline: the tightest bound on MACs, fixed in the same way.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from nasmyth.bench import Table
from nasmyth.bench.protocol import interval
from nasmyth.measure import effective_depth, effective_width, macs

CELL = "body[0][0]"
PAPER = ((1.0, 2.5), (1.0, 3.0))
"""Depths and widths that the authors kept on this space."""


def figures(table: Table) -> dict[str, Any]:
    """Depth and width of one cell, and MACs of its network, of every row."""
    depth, width = effective_depth(CELL), effective_width(CELL)
    rows: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)] * len(table.index)
    seconds = 0.0
    for genome in table.space.enumerate():
        graph = table.space.decode(genome)
        _ = graph.nodes
        start = time.perf_counter()
        found = depth(graph), width(graph)
        seconds += time.perf_counter() - start
        rows[table.index[table.notation.text(genome)]] = (*found, macs(graph))
    print(f"{len(rows)} cells, {1e3 * seconds / len(rows) / 2:.2f} ms a measure\n")
    return dict(zip(("depth", "width", "MACs"), np.array(rows).T, strict=True))


def best(accuracy: Any) -> Any:
    """Which are the top 1 %."""
    return accuracy >= np.sort(accuracy)[-round(0.01 * len(accuracy))]


def told(name: str, kept: Any, top: Any) -> None:
    print(
        f"  {name:32} removes {100 * (1 - kept.mean()):5.1f} %, keeps {kept[top].sum()} of {top.sum()} in the top 1 %"
    )


def halves(known: dict[str, Any], accuracy: Any, splits: int) -> None:
    """Bounds fixed on one half of the cells, on the other."""
    for names in (("depth",), ("width",), ("depth", "width"), ("MACs",)):
        removed, lost = [], []
        for seed in range(splits):
            order = np.random.default_rng(seed).permutation(len(accuracy))
            half, other = order[: len(order) // 2], order[len(order) // 2 :]
            top, kept = half[best(accuracy[half])], np.ones(len(other), bool)
            for name in names:
                values = known[name]
                high = np.inf if name == "MACs" else values[top].max()  # a baseline that only asks for enough
                kept &= (values[other] >= values[top].min()) & (values[other] <= high)
            removed.append(100 * float(1 - kept.mean()))
            lost.append(100 * float(1 - kept[best(accuracy[other])].mean()))
        (mean, half_width), (gone, gone_half) = interval(removed), interval(lost)
        lost_share = f"loses {gone:.2f} ± {gone_half:.2f} % of the top 1 %"
        print(f"  {' and '.join(names):32} removes {mean:5.1f} ± {half_width:.1f} %, {lost_share}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--column", default="valid_acc_12ep")
    parser.add_argument("--splits", type=int, default=20)
    given = parser.parse_args()
    table = Table.read("nb201", str(given.data / "nb201_cifar10.parquet"))
    known = figures(table)
    columns = [given.column, *(c for c in ("test_acc_12ep", "test_acc_200ep") if c != given.column)]
    for column in columns:
        accuracy = np.array(table.check(column))
        top, d, w = best(accuracy), known["depth"], known["width"]
        print(f"bounds on one cell, by {column}")
        told("depth >= 1", d >= 1, top)
        (low, high), (narrow, wide) = PAPER
        told("the authors' ranges", (d >= low) & (d <= high) & (w >= narrow) & (w <= wide), top)
        told("MACs, as tight as possible", known["MACs"] >= known["MACs"][top].min(), top)
        print(f"fixed on one half, tested on the other, {given.splits} splits")
        halves(known, accuracy, given.splits)
        print()


if __name__ == "__main__":
    main()
