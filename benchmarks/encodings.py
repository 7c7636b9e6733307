"""Networks as text and as numbers: do 1,000 sampled networks survive their text, what does it cost, what are vectors worth?

    python benchmarks/encodings.py [--graphs 1000] [--table nb201.parquet --column valid_acc_12ep] [--labels 100]
        [--seeds 20]

First: networks drawn from every registered space, written as text and read again; how many have the same key as before
(all, or the run fails), milliseconds for each, and characters, beside those of JSON.

Second, with a published table of NAS-Bench-201: how well the ranks of 1,000 unseen cells are foretold by ridge
regression on each encoding, after `labels` cells whose accuracy is known; Spearman's correlation, the mean over seeds
with its 95 % interval (Student's t). Baseline: the same regression on MACs alone, and the ranks of MACs without any label.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from typing import Any

import numpy as np

from nasmyth import Graph, Space
from nasmyth.bench import Table
from nasmyth.bench.protocol import interval
from nasmyth.graph import Adjacency, Features, Paths
from nasmyth.measure import macs
from nasmyth.space import OneHot
from nasmyth.spaces import spaces

CELL = "body[0][0]"
UNSEEN = 1000


def small_spaces() -> list[tuple[str, Space]]:
    """Every registered space, at the size it is tested at."""
    return [(name, named(**(named.small or {}))) for name, named in spaces]


def texts(count: int) -> bool:
    """Round trips, costs and sizes of text beside JSON; whether all came back."""
    found = small_spaces()
    each = -(-count // len(found))
    wrong, wrote, read, sizes, others = 0, [], [], [], []
    for name, space in found:
        for seed in range(each):
            graph = space.decode(space.sample(f"{name} {seed}"))
            key, start = graph.key, time.perf_counter()
            text = graph.to_text()
            middle = time.perf_counter()
            again = Graph.from_text(text)
            wrote.append(middle - start)
            read.append(time.perf_counter() - middle)
            wrong += again.key != key
            sizes.append(len(text))
            others.append(len(json.dumps(graph.to_json())))
    print(f"{len(sizes) - wrong} of {len(sizes)} networks from {len(found)} spaces have their key again")
    print(
        f"written in {1e3 * statistics.median(wrote):.2f} ms, read in {1e3 * statistics.median(read):.2f} ms (median)"
    )
    print(f"{statistics.fmean(sizes):,.0f} characters a network, as JSON {statistics.fmean(others):,.0f} (mean)\n")
    return wrong == 0


def vectors(table: Table, column: str, labels: int, seeds: int) -> None:
    """What the encodings of cells are worth to a linear predictor."""
    accuracy, rng, space = table.check(column), random.Random(0), table.space
    genomes = rng.sample(list(space.enumerate()), 2 * UNSEEN + labels)
    graphs = [space.decode(genome) for genome in genomes]
    y = np.array([accuracy[table.index[table.notation.text(genome)]] for genome in genomes])
    encoders: dict[str, Any] = {
        "one-hot": OneHot.fit(space), "adjacency": Adjacency.fit(graphs, within=CELL),
        "paths": Paths.fit(graphs, most=64, within=CELL), "features": Features.fit(graphs),
    }  # fmt: skip
    known: dict[str, Any] = {"MACs (baseline)": np.array([[macs(graph)] for graph in graphs])}
    print(f"ranks of {UNSEEN} unseen cells by {column}, from {labels} labels, {seeds} seeds")
    for name, encoder in encoders.items():
        start = time.perf_counter()
        known[name] = np.array([encoder.encode(one) for one in (genomes if name == "one-hot" else graphs)])
        print(
            f"  {name:16} {len(encoder.names):5} numbers, {1e3 * (time.perf_counter() - start) / len(graphs):.2f} ms "
            f"a network"
        )
    print(f"  {'MACs, no label':16} Spearman {spearman(known['MACs (baseline)'][:, 0], y):.3f}")
    for name, x in known.items():
        found = [foretold(x, y, labels, seed) for seed in range(seeds)]
        mean, half = interval(found)
        print(f"  {name:16} Spearman {mean:.3f} ± {half:.3f}")


def foretold(x: Any, y: Any, labels: int, seed: int) -> float:
    """Spearman's correlation on cells that were not seen; the strength of the ridge is chosen among the seen ones."""
    order = np.random.default_rng(seed).permutation(len(y))
    seen, unseen = order[:labels], order[labels : labels + UNSEEN]
    mean, scale = x[seen].mean(0), x[seen].std(0)
    x = (x - mean) / np.where(scale > 0, scale, 1.0)
    part = labels // 4
    strengths = (0.1, 1.0, 10.0, 100.0)
    tried = [spearman(ridge(x[seen[part:]], y[seen[part:]], x[seen[:part]], s), y[seen[:part]]) for s in strengths]
    return spearman(ridge(x[seen], y[seen], x[unseen], strengths[int(np.argmax(tried))]), y[unseen])


def ridge(x: Any, y: Any, new: Any, strength: float) -> Any:
    """In its dual form, since there are more numbers than labels."""
    weights = np.linalg.solve(x @ x.T + strength * np.eye(len(x)), y - y.mean())
    return new @ (x.T @ weights) + y.mean()


def spearman(a: Any, b: Any) -> float:
    """Correlation of ranks; equal numbers share their mean rank."""
    ranks = []
    for values in (a, b):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - (count - 1) / 2)[place])
    return float(np.corrcoef(*ranks)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=1000)
    parser.add_argument("--table")
    parser.add_argument("--column", default="valid_acc_12ep")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    whole = texts(given.graphs)
    if given.table:
        vectors(Table.read("nb201", given.table), given.column, given.labels, given.seeds)
    if not whole:
        sys.exit("a network did not survive its text")


if __name__ == "__main__":
    main()
