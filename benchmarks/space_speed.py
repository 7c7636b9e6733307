"""How fast networks are drawn, decoded and costed, beside another checkout, alternately in one run.

    python benchmarks/space_speed.py [--against ../checkout-of-before] [--rounds 3] [--seed 0]

Five lines: NAS-Bench-201 networks (sample, decode, parameters, MACs), the same with 15 different cells, DARTS networks,
all 15,625 cells of NAS-Bench-201 enumerated, keyed and costed (seconds), and 10,000 queries of a table of them by evolution
through a study in memory (seconds; `tables.py` has a bare loop to compare with). CPU time of one process, so that what else the
machine does matters little; every measurement is a process of its own, which begins with nothing remembered. Printed: the
mean over rounds, its 95 % confidence interval (Student's t), and the ratio of the means.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from nasmyth.bench.protocol import interval

WORK = """
import sys, time, zlib
from random import Random
from nasmyth import Space, cell, chain, choice, ops, repeat
from nasmyth.graph import Identity, Zero
from nasmyth.measure import macs, params
from nasmyth.spaces import darts, nb201
from nasmyth.spaces.nb201 import halving, relu_conv_norm
def different():
    options = (Zero(), Identity(), relu_conv_norm(1), relu_conv_norm(3), ops.AvgPool(3, 1))
    stage = repeat(cell(3, choice(*options)), 5)
    tail = (ops.BatchNorm(), ops.Activation("relu"), ops.Mean("h w"), ops.Linear(10))
    return Space(chain(ops.Conv(16, 3), ops.BatchNorm(), stage, halving(), stage, halving(), stage, *tail), (3, 32, 32))
what, seed = sys.argv[1], int(sys.argv[2])
space = {"different": different, "darts": darts}.get(what, nb201)()
n, rng = {"nb201": 4000, "different": 1500, "darts": 1000}.get(what, 0), Random(seed)
if what == "queries":
    from nasmyth.bench import Table
    from nasmyth.search import Evolution
    from nasmyth.spaces import spaces
    notation = spaces.get("nb201").notation
    texts = [notation.text(genome) for genome in space.enumerate()]
    table = Table("made", space, notation, texts, {"accuracy": [zlib.crc32(t.encode()) % 10_000 / 100 for t in texts]})
begun = time.process_time()
for _ in range(n):
    graph = space.decode(space.sample(rng)); params(graph); macs(graph)
if what == "all":
    for genome in space.enumerate():
        graph = space.decode(genome); graph.key; params(graph); macs(graph)
if what == "queries":
    with table.study("accuracy", strategy=Evolution(), seed=seed) as study:
        table.run(study, 10_000)
took = time.process_time() - begun
print(n / took if n else took)
"""
LINES = (
    ("nb201", "NAS-Bench-201, networks/s", 8_000, 20_000), ("different", "15 different cells, networks/s", 2_000, 8_000),
    ("darts", "DARTS, networks/s", 3_000, 10_000), ("all", "15,625 cells, s", 5, 2),
    ("queries", "10,000 table queries, s", 2.5, 2),
)  # fmt: skip


def measured(what: str, seed: int, checkout: Path) -> float:
    """One measurement in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WORK, what, str(seed)]  # which looks for modules where it runs before all else
    done = subprocess.run(command, env=env, cwd=checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{checkout}: {done.stderr}")
    return float(done.stdout)


def shown(values: list[float]) -> str:
    mean, half = interval(values)
    return f"{mean:10,.1f} [{mean - half:,.1f}, {mean + half:,.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="another checkout, measured alternately")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    here = Path(__file__).resolve().parent.parent
    for what, name, least, aim in LINES:
        ours, theirs = [], []
        for seed in range(options.seed, options.seed + options.rounds):
            ours.append(measured(what, seed, here))
            if options.against:
                theirs.append(measured(what, seed, options.against.resolve()))
        bound = "at most" if name.endswith(", s") else "at least"
        line = f"{name:<32} {shown(ours):<34} {bound} {least:,}, aim {aim:,}"
        if theirs:
            ratio = statistics.mean(ours) / statistics.mean(theirs)
            line += f"   before {shown(theirs):<34} ratio {ratio:.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
