"""Does a mixture of 8 experts, 2 of them at each place, take at most 1.6 times as long as a dense layer of equal active MACs?

The dense layer is two bias-free linear layers with twice the hidden features of an expert. Seconds of the processor for a
forward pass, and for one with its backward pass, of 8 sequences of 128 places; an expert hides twice its features. Each seed
makes other weights and inputs; its figure is the least of 8 runs, the layers taking turns, so that what else the
machine does counts little. Freed memory is kept for the next run, as in `fit`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth import Graph, chain, ops
from nasmyth.measure import active_params, macs, params
from nasmyth.network import build
from nasmyth.train.host import keep_freed_memory
from operators_of import spread

LENGTH, WIDTHS, BATCH, RUNS = 128, (128, 256), 8, 8


def layers(width: int) -> dict[str, Any]:
    hidden = 2 * width
    return {
        "dense": chain(ops.Linear(2 * hidden, False), ops.Activation("gelu"), ops.Linear(width, False)),
        "nothing dropped": ops.MixtureOfExperts(8, 2, hidden),
        "capacity 1": ops.MixtureOfExperts(8, 2, hidden, capacity=1.0),
        "capacity 1.25": ops.MixtureOfExperts(8, 2, hidden, capacity=1.25),
        "experts choose": ops.MixtureOfExperts(8, 2, hidden, routing="experts"),
    }


def table(seeds: range) -> Iterator[str]:
    head = f"{'features':<10}{'layer':<17}{'MACs':>8}{'parameters':>12}{'active':>8}"
    keep_freed_memory()
    yield f"{head}  {'forward / dense':<17}forward and backward / dense"
    for width in WIDTHS:
        seconds = [timed(width, seed) for seed in seeds]
        for name, template in layers(width).items():
            graph = Graph.of(template, input=(LENGTH, width))
            counts = f"{macs(graph) / 1e6:>7.1f}M{params(graph) / 1e3:>11.0f}k{active_params(graph) / 1e3:>7.0f}k"
            ratios = [spread([of[name, passes] / of["dense", passes] for of in seconds], 2) for passes in (1, 2)]
            yield f"{width:<10}{name:<17}{counts}  {ratios[0]:<17}{ratios[1]}"


def timed(width: int, seed: int) -> dict[tuple[str, int], float]:
    """Seconds by layer and number of passes: 1 forward, 2 with the backward one. All layers take turns."""
    torch.manual_seed(seed)
    given = (LENGTH, width)
    built = {name: build(Graph.of(template, input=given), seed=seed) for name, template in layers(width).items()}
    x = torch.randn(BATCH, *given, requires_grad=True)
    least: dict[tuple[str, int], float] = {}
    for _ in range(RUNS):
        for name, layer in built.items():
            for passes, run in ((1, forward), (2, trained)):
                start = time.process_time()
                run(layer, x)
                least[name, passes] = min(least.get((name, passes), math.inf), time.process_time() - start)
    return least


def forward(layer: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        layer(x)


def trained(layer: nn.Module, x: Tensor) -> None:
    layer(x).square().mean().backward()
