"""How fast published tables are searched: queries through a study, and the whole of NAS-Bench-201 listed with keys and
costs.

    python benchmarks/tables.py [--queries 10000] [--repeats 5] [--skip-enumeration]

Two figures, on one core:

- queries/s of evolution over a table of all 15,625 networks of NAS-Bench-201 through a study in memory: proposal, dedup,
  journal, look-up, and the strategy's fold. Baseline, printed beside: the same evolution as a bare loop over a dictionary
  that writes nothing down (regularised evolution by the same mutation, with the same refusal of repetitions).
- seconds to enumerate all 15,625 networks with content key, parameters and MACs, in a fresh process each time. Baseline:
  the published procedure of building the module and counting takes 50 networks/s or so (see graph_costs.py), which would
  be 300 s without keys.

The table's figures are made from a fixed hash, so that no file is needed: what is timed does not depend on their values.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import subprocess
import sys
import time
import zlib
from collections import deque

from nasmyth.bench import Table
from nasmyth.bench.protocol import interval
from nasmyth.search import Evolution
from nasmyth.spaces import spaces
from nasmyth.spaces.nb201 import nb201, text

QUERIES_S, QUERIES_AIM, ENUMERATION_S, ENUMERATION_AIM = 10.0, 2.0, 20.0, 2.0

ENUMERATE = """
import time
from nasmyth.measure import macs, params
from nasmyth.spaces import nb201
space, keys, begun = nb201(), set(), time.perf_counter()
for genome in space.enumerate():
    graph = space.decode(genome)
    keys.add(graph.key)
    params(graph), macs(graph)
print(len(keys), time.perf_counter() - begun)
"""


def table() -> Table:
    """All networks, each with a figure from 0 to 100 that its text decides."""
    named = spaces.get("nb201")
    texts = [text(genome) for genome in named().enumerate()]
    figures = [zlib.crc32(one.encode()) % 10_000 / 100 for one in texts]
    return Table("made", named(), named.notation, texts, {"accuracy": figures})


def through_a_study(source: Table, queries: int, seed: int) -> float:
    begun = time.perf_counter()
    with source.study("accuracy", strategy=Evolution(), seed=seed) as study:
        source.run(study, queries)
        assert len(study.trials) == queries
    return time.perf_counter() - begun


def bare(source: Table, queries: int, seed: int) -> float:
    """Regularised evolution as one would write it in an afternoon."""
    space, rng, begun = nb201(), random.Random(seed), time.perf_counter()
    population: deque = deque(maxlen=32)
    seen: set[str] = set()
    while len(seen) < queries:
        if len(population) < 32:
            genome = space.sample(rng)
        else:
            genome = space.mutate(max((rng.choice(population) for _ in range(8)), key=lambda pair: pair[1])[0], rng)
        written = text(genome)
        while written in seen:
            genome = space.sample(rng)
            written = text(genome)
        seen.add(written)
        population.append((genome, source.columns["accuracy"][source.index[written]]))
    return time.perf_counter() - begun


def enumeration() -> tuple[int, float]:
    told = subprocess.run([sys.executable, "-c", ENUMERATE], capture_output=True, text=True, check=True).stdout.split()
    return int(told[0]), float(told[1])


def shown(name: str, seconds: list[float], limit: float, aim: float) -> bool:
    mean, half = interval(seconds)
    spread = "" if math.isnan(half) else f" [{mean - half:.2f}, {mean + half:.2f}]"
    verdict = "aim met" if mean <= aim else "met" if mean <= limit else "MISSED"
    print(f"{name}: {mean:.2f} s{spread}  (at most {limit:g} s, aim {aim:g} s: {verdict})")
    return mean <= limit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip-enumeration", action="store_true")
    options = parser.parse_args()
    source = table()
    pairs = [
        (through_a_study(source, options.queries, seed), bare(source, options.queries, seed))
        for seed in range(options.repeats)
    ]
    scale = options.queries / 10_000
    ok = shown(
        f"{options.queries:,} queries through a study", [a for a, _ in pairs], QUERIES_S * scale, QUERIES_AIM * scale
    )
    print(f"the same in a bare loop: {statistics.fmean(b for _, b in pairs):.2f} s; "
          f"ratio {statistics.fmean(a / b for a, b in pairs):.2f}")  # fmt: skip
    if not options.skip_enumeration:
        found = [enumeration() for _ in range(min(3, options.repeats))]
        print(
            f"distinct networks among the 15,625: {found[0][0]:,} (how this compares with the published 6,466: identity.py)"
        )
        ok &= shown(
            "enumeration of 15,625 networks with keys and costs", [s for _, s in found], ENUMERATION_S, ENUMERATION_AIM
        )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
