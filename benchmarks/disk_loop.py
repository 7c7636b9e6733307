"""Images/s of `nasmyth.train.fit` on a memory-mapped .npy file against the same images in memory.

    python benchmarks/disk_loop.py [--pairs 5] [--count 60000]

A small convolutional network on 28x28 uint8 images, batches of 128 in random order, one epoch; the two alternate, so that what
else runs on the machine meets both alike. Printed: seconds of each (median), and the median of the ratios with its range. The
losses must be equal to the last bit. What is measured is reading from the system's cache of files: a disk that is slower than
the training can use slows it down, as it would slow down any loader.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from nasmyth import build, read
from nasmyth.graph import Graph, chain
from nasmyth.ops import Activation, BatchNorm, Conv, Linear, Mean
from nasmyth.train import Recipe, fit


def seconds(task) -> tuple[float, float]:
    """Of an epoch, and the loss after it."""
    template = chain(Conv(16), BatchNorm(), Activation("relu"), Conv(32, stride=2), Mean("h w"), Linear(10))
    network = build(Graph.of(template, task.input), 0, task.inputs, task.outputs)
    start = time.perf_counter()
    scores = fit(network, task, Recipe(epochs=1, batch=128)).scores
    return time.perf_counter() - start, scores["loss"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--count", type=int, default=60_000)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (given.count, 28, 28), dtype=np.uint8), rng.integers(0, 10, given.count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        np.save(path, x)
        memory, disk = read((x, y)), read((path, y))
        assert memory.fingerprint == disk.fingerprint
        seconds(memory)  # imports and first calls
        pairs = [(seconds(memory), seconds(disk)) for _ in range(given.pairs)]
    assert all(one[1] == other[1] for one, other in pairs), "losses differ"
    ratios = sorted(other[0] / one[0] for one, other in pairs)
    held = [statistics.median(pair[i][0] for pair in pairs) for i in (0, 1)]
    print(f"in memory {held[0]:.2f} s, mapped {held[1]:.2f} s an epoch of {given.count:,} images, losses equal")
    print(
        f"mapped / in memory: {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}, {given.pairs} pairs)"
    )


if __name__ == "__main__":
    main()
