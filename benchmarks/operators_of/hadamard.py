"""Elementwise products against ReLUs on a polynomial: a target of degree 4, networks of equal numbers of parameters.

The target is a sum of 3 products of 4 affine functions of 6 inputs, scaled to variance 1; 2,000 points to train on and 2,000
to test. `polynomial(degree=4)` (Pi-nets, Chrysos 2020, arXiv:2003.03828) is held against ReLU networks of one and two hidden
layers, as wide as its parameters allow, and against two gated layers (`glu`). All train alike: Adam, 1,500 steps of 250 points,
a cosine from the better of two rates by the loss on 500 more points.

Target: the polynomial's mean squared error is at most 0.1 times that of the better ReLU network.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.blocks import glu, polynomial
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Activation, Linear, Multiply
from operators_of import spread

INPUTS, TERMS, DEGREE, WIDTH = 6, 3, 4, 24
STEPS, BATCH, RATES = 1500, 250, (1e-2, 3e-2)

ARMS: dict[str, Callable[[int], Any]] = {
    "polynomial, degree 4": lambda width: polynomial(1, DEGREE, width),
    "ReLU, one hidden layer": lambda width: chain(Linear(width), Activation("relu"), Linear(1)),
    "ReLU, two hidden layers": lambda width: chain(
        Linear(width), Activation("relu"), Linear(width), Activation("relu"), Linear(1)
    ),
    "two gated layers": lambda width: chain(glu(width), glu(width), Linear(1)),
}


def table(seeds: range) -> Iterator[str]:
    most = graph_of("polynomial, degree 4", WIDTH).costs.params
    yield f"{'network':<26}{'parameters':>11}{'products':>10}   {'test error':<24}{'times the polynomial':>21}"
    errors: dict[str, list[float]] = {}
    for name in ARMS:
        graph = widest(name, most)
        errors[name] = [best_of_rates(graph, seed) for seed in seeds]
        products = sum(type(node.op) is Multiply for node in graph.nodes)
        times = statistics.fmean(errors[name]) / statistics.fmean(errors["polynomial, degree 4"])
        yield f"{name:<26}{graph.costs.params:>11,}{products:>10}   {spread(errors[name], 5):<24}{times:>20.1f}x"
    ours, *others = (statistics.fmean(values) for name, values in errors.items() if "gated" not in name)
    yield f"\nerror as a share of the better ReLU network's: {ours / min(others):.4f} (target: at most 0.1)"


def graph_of(name: str, width: int) -> Graph:
    return Graph.of(ARMS[name](width), (INPUTS,))


def widest(name: str, most: int) -> Graph:
    """The arm with as many parameters as it can have, and no more than these."""
    fitting = (graph_of(name, width) for width in range(1, most))
    last = graph_of(name, 1)
    for graph in fitting:
        if graph.costs.params > most:
            break
        last = graph
    return last


def best_of_rates(graph: Graph, seed: int) -> float:
    """The test error at the rate with the least error on points for choosing."""
    drawn = torch.Generator().manual_seed(seed)
    factors = torch.randn(TERMS, DEGREE, INPUTS, generator=drawn)
    shifts = torch.randn(TERMS, DEGREE, generator=drawn)
    x = torch.rand(4500, INPUTS, generator=drawn) * 2 - 1
    y = (torch.einsum("nd,tkd->ntk", x, factors) + shifts).prod(2).sum(1)
    y = ((y - y.mean()) / y.std())[:, None]
    choosing, test = slice(2000, 2500), slice(2500, 4500)
    found = []
    for rate in RATES:
        network = trained(build(graph, seed), x[:2000], y[:2000], rate, drawn)
        with torch.no_grad():
            found.append(tuple(float(F.mse_loss(network(x[part]), y[part])) for part in (choosing, test)))
    return min(found)[1]


def trained(network: nn.Module, x: Tensor, y: Tensor, rate: float, drawn: torch.Generator) -> nn.Module:
    optimizer = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        rows = torch.randint(len(x), (BATCH,), generator=drawn)
        optimizer.zero_grad()
        F.mse_loss(network(x[rows]), y[rows]).backward()
        optimizer.step()
        schedule.step()
    return network
