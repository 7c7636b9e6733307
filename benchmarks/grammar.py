"""Random legal samples/s of a grammar, with shapes and costs known: einspace's grammar at 3x32x32, one core.

    python benchmarks/grammar.py [--batches 5] [--size 2000] [--failures 5000] [--baseline 40]

The grammar is that of `nasmyth.spaces.einspace` (Ericsson et al. 2024, arXiv:2405.20838): recursive modules that branch,
aggregate, route and compute, on images and on rows. A sample is drawn, decoded, its shapes inferred, its parameters and
MACs counted. First the tables are made from which all samples are drawn; their time is printed apart.

Baseline: the same networks built as PyTorch modules, run once on one example, and counted by PyTorch's own counter.
Both must agree on parameters and MACs of every network that the baseline counts. The failure rate is that of samples
which do not decode, do not keep the bounds, or are not genomes of their own space; it must be 0, or the run fails.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch

from nasmyth.bench.protocol import interval
from nasmyth.errors import NasmythError
from nasmyth.graph import Graph
from nasmyth.measure import macs, params
from nasmyth.network import build
from nasmyth.ops.found.counted import count_macs
from nasmyth.space import Space
from nasmyth.spaces import einspace

AT_LEAST, AIM = 500, 5_000


def costs(space: Space, seed: int) -> tuple[int, int]:
    """Parameters and MACs of a random network."""
    graph = space.decode(space.sample(seed))
    return int(params(graph)), int(macs(graph))


def built(graph: Graph) -> tuple[int, int]:
    """The same, by building the network and running it."""
    network = build(graph).eval()
    return sum(p.numel() for p in network.parameters()), count_macs(network, (graph.input,))


def failed(space: Space, seed: int, size: int) -> bool:
    """Whether a sample breaks a promise."""
    genome = space.sample(f"failure {seed}")
    try:
        graph = space.decode(genome)
        derivation = genome[""]
        return (
            graph.output != (10,)
            or len(graph.nodes) - 1 > size
            or Space(space.template, space.input).validate({"": derivation}) != genome
        )
    except NasmythError as error:
        print(f"sample {seed}: {error}")
        return True


def rates(work: Callable[[int], int], batches: int) -> list[float]:
    """Samples/s of each batch; `work(batch)` returns how many it did. The first batch only warms up."""
    found = []
    for batch in range(batches + 1):
        start = time.perf_counter()
        done = work(batch)
        found.append(done / (time.perf_counter() - start))
    return found[1:]


def shown(values: list[float]) -> str:
    """The mean with its 95 % confidence interval (Student's t)."""
    mean, half = interval(values)
    return f"{mean:9,.0f} [{mean - half:,.0f}, {mean + half:,.0f}]"


def main() -> int:
    """Print the figures; 1 if a sample failed, the counts disagree, or we are slower than we may be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--size", type=int, default=2000, help="samples in a batch")
    parser.add_argument("--failures", type=int, default=5000, help="samples that are checked")
    parser.add_argument("--baseline", type=int, default=40, help="networks in a batch of the baseline")
    args = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    space = einspace()
    tables = time.perf_counter() - start
    bound = space.template.size

    for seed in range(args.baseline):
        graph = space.decode(space.sample(seed))
        ours, theirs = costs(space, seed), built(graph)
        if ours != theirs:
            print(f"sample {seed}: the graph has {ours}, the network {theirs} (params, MACs)")
            return 1
    print(f"agreement: params and MACs of {args.baseline} networks are equal both ways")

    ours = rates(lambda batch: len([costs(space, batch * args.size + i) for i in range(args.size)]), args.batches)
    theirs = rates(
        lambda batch: len([built(space.decode(space.sample(batch * args.baseline + i))) for i in range(args.baseline)]),
        min(args.batches, 5),
    )
    failures = sum(failed(space, seed, bound) for seed in range(args.failures))
    print(f"tables, made once       {tables:9.1f} s")
    print(f"samples with costs      {shown(ours)} samples/s   (at least {AT_LEAST:,}, aim {AIM:,})")
    print(f"baseline: build, count  {shown(theirs)} networks/s")
    print(f"ratio                   {statistics.mean(ours) / statistics.mean(theirs):9,.0f}")
    print(f"failures                {failures:9,d} of {args.failures:,}")
    return int(failures > 0 or statistics.mean(ours) < AT_LEAST)


if __name__ == "__main__":
    sys.exit(main())
