"""Candidates/s from nothing to known costs: sample, decode, shapes, parameters, MACs of NAS-Bench-201 networks, one core.

    python benchmarks/graph_costs.py [--batches 9] [--size 2000] [--baseline 60]

The network is that of Dong and Yang (2020, arXiv:2001.00326): three stages of five equal cells with 16, 32 and 64
channels, residual blocks that halve the image between them, 3x32x32 inputs; six edges a cell, each nothing, a skip, a
1x1 or 3x3 ReLU-Conv-BN, or a 3x3 average. Two spaces: in the first all 15 cells are the same (the benchmark's 15,625
networks), in the second each cell has edges of its own (5^90 networks, so that nothing is ever seen twice).

Baseline: the same networks built as plain PyTorch modules, run once on one example, and counted with forward hooks.
Both must agree on parameters and MACs of every network that the baseline counts, or the run fails. Each batch starts
with empty caches. Printed: the mean over batches with its 95 % confidence interval (Student's t). Published peers, for
orientation: PyGlove 215 samples/s without costs, NASLib 21 and NNI 2 networks/s.
"""

from __future__ import annotations

import argparse
import gc
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nasmyth import Space, cell, chain, choice, ops, repeat
from nasmyth.bench.protocol import interval
from nasmyth.graph import Identity, Zero
from nasmyth.graph.costs import of_layer
from nasmyth.measure import macs, params
from nasmyth.spaces.nb201 import halving, nb201, relu_conv_norm

AT_LEAST, AIM, AT_LEAST_BASELINE = 2_000, 20_000, 50
WIDTHS, CELLS, CLASSES = (16, 32, 64), 5, 10
EDGES = [(i, j) for j in range(1, 4) for i in range(j)]
Costs = tuple[int, int]


# --- the space ----------------------------------------------------------------------------------------------------


def space(tied: bool = True) -> Space:
    """All networks of the benchmark; with `tied=False` every cell makes its own decisions."""
    if tied:
        return nb201()
    options = (Zero(), Identity(), relu_conv_norm(1), relu_conv_norm(3), ops.AvgPool(3, 1))
    stage = repeat(cell(3, choice(*options)), CELLS)
    tail = (ops.BatchNorm(), ops.Activation("relu"), ops.Mean("h w"), ops.Linear(CLASSES))
    body = (stage, halving(), stage, halving(), stage)
    return Space(chain(ops.Conv(WIDTHS[0], 3), ops.BatchNorm(), *body, *tail), input=(3, 32, 32))


def counted(space: Space, size: int, seed: int) -> list[Costs]:
    """Costs of `size` random networks."""
    found = []
    for i in range(size):
        graph = space.decode(space.sample(seed * size + i))
        found.append((int(params(graph)), int(macs(graph))))
    return found


# --- the baseline, which knows nothing of Nasmyth -----------------------------------------------------------------


class PlainCell(nn.Module):
    """One cell, with the edges that join its input to its output and no others."""

    def __init__(self, width: int, genome: dict[str, int]) -> None:
        super().__init__()
        drawn = [(i, j) for i, j in EDGES if genome[f"{i}->{j}"] != 0]
        reached, needed = {0}, {3}
        for i, j in drawn:
            if i in reached:
                reached.add(j)
        for i, j in reversed(drawn):
            if j in needed:
                needed.add(i)
        live = reached & needed
        self.edges = [(i, j) for i, j in drawn if i in live and j in live]
        self.ops = nn.ModuleList(self.edge(width, genome[f"{i}->{j}"]) for i, j in self.edges)

    @staticmethod
    def edge(width: int, option: int) -> nn.Module:
        if option == 1:
            return nn.Identity()
        if option == 4:
            return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        return plain_conv(width, width, {2: 1, 3: 3}[option])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states = {0: x}
        for (i, j), op in zip(self.edges, self.ops, strict=True):
            y = op(states[i])
            states[j] = states[j] + y if j in states else y
        return states.get(3, torch.zeros_like(x))


class PlainReduction(nn.Module):
    def __init__(self, c: int, out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(plain_conv(c, out, 3, 2), plain_conv(out, out, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c, out, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shortcut(x) + self.body(x)


def plain_conv(c: int, out: int, kernel: int, stride: int = 1) -> nn.Module:
    conv = nn.Conv2d(c, out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(out))


def plain_network(genome: dict[str, int]) -> nn.Module:
    """The network as anyone would write it."""
    parts: list[nn.Module] = [nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False), nn.BatchNorm2d(WIDTHS[0])]
    for before, width in zip((None, *WIDTHS), WIDTHS, strict=False):
        if before is not None:
            parts.append(PlainReduction(before, width))
        parts += [PlainCell(width, genome) for _ in range(CELLS)]
    head = nn.BatchNorm2d(WIDTHS[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTHS[-1], CLASSES)
    return nn.Sequential(*parts, *head).eval()


@torch.no_grad()
def hooked(genome: dict[str, int]) -> Costs:
    """Build, run once, count with hooks."""
    network, total = plain_network(genome), 0

    def count(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += output.numel() * module.in_channels // module.groups * math.prod(module.kernel_size)
        else:
            total += output.numel() * module.in_features

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    network(torch.zeros(1, 3, 32, 32))
    return sum(p.numel() for p in network.parameters()), total


# --- measuring ----------------------------------------------------------------------------------------------------


def rates(work: Callable[[int], int], batches: int) -> list[float]:
    """Candidates/s of each batch; `work(seed)` returns how many it did. The first batch only warms up."""
    found = []
    for seed in range(batches + 1):
        of_layer.cache_clear()
        gc.collect()
        start = time.perf_counter()
        done = work(seed)
        found.append(done / (time.perf_counter() - start))
    return found[1:]


def shown(values: list[float]) -> str:
    """The mean with its 95 % confidence interval (Student's t)."""
    mean, half = interval(values)
    return f"{mean:9,.0f} [{mean - half:,.0f}, {mean + half:,.0f}]"


def main() -> int:
    """Print the figures; 1 if the two ways of counting disagree or we are slower than we may be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=9)
    parser.add_argument("--size", type=int, default=2000, help="candidates in a batch")
    parser.add_argument("--baseline", type=int, default=60, help="networks in a batch of the baseline")
    args = parser.parse_args()
    torch.set_num_threads(1)
    tied, free = space(), space(tied=False)
    genomes = [tied.sample(seed) for seed in range(args.baseline)]
    for genome in genomes:
        graph = tied.decode(genome)
        ours, theirs = (int(params(graph)), int(macs(graph))), hooked(genome)
        if ours != theirs:
            print(f"{genome}: the graph has {ours}, the hooks {theirs} (params, MACs)")
            return 1
    print(f"agreement: params and MACs of {len(genomes)} networks are equal both ways")

    def key_too(seed: int) -> int:
        for i in range(args.size // 10):
            _ = tied.decode(tied.sample(seed * args.size + i)).key
        return args.size // 10

    one = rates(lambda seed: len(counted(tied, args.size, seed)), args.batches)
    other = rates(lambda seed: len(counted(free, args.size // 10, seed)), args.batches)
    keyed = rates(key_too, args.batches)
    plain = rates(lambda seed: len([hooked(genome) for genome in genomes]), min(args.batches, 5))
    print(f"same cell 15 times     {shown(one)} candidates/s   (at least {AT_LEAST:,}, aim {AIM:,})")
    print(f"15 different cells     {shown(other)} candidates/s")
    print(f"same, content key too  {shown(keyed)} candidates/s")
    print(f"baseline, with hooks   {shown(plain)} networks/s     (at least {AT_LEAST_BASELINE})")
    print(f"ratio                  {statistics.mean(one) / statistics.mean(plain):9,.0f}")
    return int(statistics.mean(one) < AT_LEAST)


if __name__ == "__main__":
    sys.exit(main())
