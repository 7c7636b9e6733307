"""Does a mixture of 8 experts, 2 of them at each place, take at most 1.6 times as long as a dense layer of equal active MACs?

The dense layer is two bias-free linear layers with twice the hidden features of an expert. Seconds of the processor for a
forward pass, and for one with its backward pass, of 8 sequences of 128 places of 128 features; an expert hides 256. Each seed
makes other weights and inputs; its figure is the least of 15 runs, so that what else the machine does counts little.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from operators_of import spread
from torch import Tensor, nn

from nasmyth import Graph, chain, ops
from nasmyth.measure import active_params, macs, params
from nasmyth.network import build

LENGTH, WIDTH, HIDDEN, BATCH, RUNS = 128, 128, 256, 8, 15
LAYERS = {
    "dense": chain(ops.Linear(2 * HIDDEN, False), ops.Activation("gelu"), ops.Linear(WIDTH, False)),
    "nothing dropped": ops.MixtureOfExperts(8, 2, HIDDEN),
    "capacity 1": ops.MixtureOfExperts(8, 2, HIDDEN, capacity=1.0),
    "capacity 1.25": ops.MixtureOfExperts(8, 2, HIDDEN, capacity=1.25),
    "experts choose": ops.MixtureOfExperts(8, 2, HIDDEN, routing="experts"),
}


def table(seeds: range) -> Iterator[str]:
    yield f"{'layer':<18}{'MACs':>10}{'parameters':>12}{'active':>9}  {'forward / dense':<18}forward and backward / dense"
    seconds = {name: [timed(template, seed) for seed in seeds] for name, template in LAYERS.items()}
    for name, template in LAYERS.items():
        graph = Graph.of(template, input=(LENGTH, WIDTH))
        counts = f"{macs(graph) / 1e6:>9.1f}M{params(graph) / 1e3:>11.0f}k{active_params(graph) / 1e3:>8.0f}k"
        ratios = [
            spread([ours[i] / dense[i] for ours, dense in zip(seconds[name], seconds["dense"], strict=True)], 2)
            for i in range(2)
        ]
        yield f"{name:<18}{counts}  {ratios[0]:<18}{ratios[1]}"


def timed(template: object, seed: int) -> tuple[float, float]:
    torch.manual_seed(seed)
    layer = build(Graph.of(template, input=(LENGTH, WIDTH)), seed=seed)
    x = torch.randn(BATCH, LENGTH, WIDTH, requires_grad=True)
    with torch.no_grad():
        forward = least(lambda: layer(x))
    return forward, least(lambda: trained(layer, x))


def trained(layer: nn.Module, x: Tensor) -> None:
    layer(x).square().mean().backward()


def least(run: Callable[[], object]) -> float:
    def once() -> float:
        start = time.process_time()
        run()
        return time.process_time() - start

    return min(once() for _ in range(RUNS))
