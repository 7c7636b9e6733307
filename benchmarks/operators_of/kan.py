"""Kolmogorov-Arnold networks by their basis on seven functions of two numbers, and one whose basis is selected.

Two layers of `kan_linear` with 8 functions a feature, as wide as fits into 240 parameters; against them an MLP of two
hidden layers, SiLU, no larger. "selected" has the basis as a hole (`choice(...)`, one name in both layers): each of the
four is trained for 120 steps, and the one with the least error on 200 points of its own is trained to the end (S-KAN, Yang
2024, arXiv:2408.08338, selects inside of one training). 300 points to train on, 800 to test, in [-1, 1]^2; targets have
variance 1. All train alike: Adam on all points, 600 steps, a cosine from 0.02. The networks of all seeds are trained side
by side.

Target: the selected one is first or second of the five KANs on all seven functions, has the best mean rank, and is better than
the MLP on at least five. Ranks are by mean error; of equals, the selected one is first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import fmean
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from nasmyth import Space, choice
from nasmyth.blocks import kan_linear
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Activation, Linear
from operators_of import spread

PARAMETERS, STEPS, LOOK, RATE = 240, 600, 120, 0.02
KINDS = ("spline", "fourier", "radial", "chebyshev")
KANS = (*KINDS, "selected")
FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "product": lambda x, y: x * y,
    "smooth": lambda x, y: torch.exp(torch.sin(math.pi * x) + y**2),
    "peak": lambda x, y: 1 / (1 + 25 * x**2) + 0.5 * y,
    "waves": lambda x, y: torch.sin(4 * math.pi * x) + torch.cos(3 * math.pi * y),
    "modulated": lambda x, y: torch.sin(3 * math.pi * x) * y,
    "corner": lambda x, y: (x + y / 2).abs() + (y - 0.3).abs(),
    "ramp": lambda x, y: torch.relu(x - y) + torch.relu(4 * y - 2),
}
Data = tuple[Tensor, Tensor]


def table(seeds: range) -> Iterator[str]:
    space = Space(kan(9, choice(*KINDS, name="basis")), (2,))
    graphs = {kind: space.decode({"basis": kind}) for kind in KINDS}
    perceptron = Graph.of(mlp(13), (2,))
    yield f"root mean squared error; a KAN has {graphs['spline'].costs.params} parameters, the MLP {perceptron.costs.params}"
    yield f"{'':<11}" + "".join(f"{name:<17}" for name in (*KANS, "MLP")) + "selected, by seed"
    ranks: dict[str, list[int]] = {kind: [] for kind in KANS}
    better = 0
    for name, function in FUNCTIONS.items():
        train, choosing, test = data(function, seeds)
        looks = {kind: errors(graph, seeds, LOOK, train, choosing) for kind, graph in graphs.items()}
        found = {kind: errors(graph, seeds, STEPS, train, test) for kind, graph in graphs.items()}
        best = [min(KINDS, key=lambda kind: looks[kind][i]) for i in range(len(seeds))]
        found["selected"] = [found[kind][i] for i, kind in enumerate(best)]
        found["MLP"] = errors(perceptron, seeds, STEPS, train, test)
        means = {arm: fmean(values) for arm, values in found.items()}
        for kind in KANS:
            ranks[kind].append(1 + sum(means[other] < means[kind] - 1e-12 for other in KANS))
        better += means["selected"] < means["MLP"]
        yield f"{name:<11}{''.join(f'{spread(found[arm]):<17}' for arm in (*KANS, 'MLP'))}{', '.join(best)}"
    yield f"{'mean rank':<11}" + "".join(f"{fmean(ranks[kind]):<17.2f}" for kind in KANS)
    placed = sum(rank <= 2 for rank in ranks["selected"])
    yield f"\nselected: ranks {ranks['selected']}, first or second on {placed} of 7, better than the MLP on {better} of 7"


def kan(width: int, basis: Any) -> Any:
    return chain(kan_linear(width, basis), kan_linear(1, basis))


def mlp(width: int) -> Any:
    return chain(Linear(width), Activation("silu"), Linear(width), Activation("silu"), Linear(1))


def data(function: Callable[[Tensor, Tensor], Tensor], seeds: range) -> list[Data]:
    """Points and targets of every seed: to train on, to choose by, to test on."""
    drawn = torch.Generator().manual_seed(seeds.start)
    x = torch.rand(len(seeds), 1300, 2, generator=drawn) * 2 - 1
    y = function(x[..., 0], x[..., 1])[..., None]
    y = (y - y.mean(1, keepdim=True)) / y.std(1, keepdim=True)
    return list(zip(x.split((300, 200, 800), 1), y.split((300, 200, 800), 1), strict=True))


def errors(graph: Graph, seeds: range, steps: int, train: Data, test: Data) -> list[float]:
    """The error of each seed's network after so many steps, all trained side by side."""
    networks = [build(graph, seed) for seed in seeds]
    weights, buffers = stack_module_state(networks)  # type: ignore[arg-type]
    together = vmap(lambda w, b, x: functional_call(networks[0], (w, b), (x,)))
    optimizer = torch.optim.Adam(weights.values(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        (together(weights, buffers, train[0]) - train[1]).square().mean((1, 2)).sum().backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return [float(one) for one in (together(weights, buffers, test[0]) - test[1]).square().mean((1, 2)).sqrt()]
