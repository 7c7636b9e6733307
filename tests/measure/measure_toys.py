"""Scores, networks and data for tests of how measures are evaluated: everything is real, and small."""

from __future__ import annotations

import torch

from nasmyth.graph import Graph, chain
from nasmyth.measure import measure
from nasmyth.ops import Activation, BatchNorm, Conv, Linear, Mean


def graph(width: int = 4) -> Graph:
    """A small network for digits."""
    layers = (Conv(width), BatchNorm(), Activation("relu"), Conv(width, stride=2), Activation("relu"))
    return Graph.of(chain(*layers, Mean("h w"), Linear(10)), (1, 8, 8))


@measure(unit="", direction="max", needs=("network", "batch"))
def toy_naswot(network, batch):
    """How differently examples switch the activations of an untrained network (Mellor et al. 2021, arXiv:2006.04647)."""
    seen = []
    layers = [layer for layer in network.modules() if isinstance(layer, Activation.module)]
    hooks = [
        layer.register_forward_hook(lambda _, x, out: seen.append((out > 0).flatten(1).double())) for layer in layers
    ]
    with torch.no_grad():
        network(batch)
    for hook in hooks:
        hook.remove()
    on = torch.cat(seen, 1)
    alike = on @ on.T + (1 - on) @ (1 - on).T + 1e-3 * torch.eye(len(on), device=on.device)
    return float(torch.linalg.slogdet(alike)[1])


@measure(unit="", direction="max", needs=("gradients",))
def toy_gradnorm(gradients):
    """The norm of the gradient of an untrained network, the mean over examples."""
    squares = sum(found.flatten(1).square().sum(1) for found in gradients.values())
    return float(squares.sqrt().mean())


@measure(unit="", direction="max", needs=("network",))
def toy_random(network):
    """Chance, as scores with random inputs have it."""
    return float(network(torch.randn(8, 1, 8, 8)).detach().std())


@measure(unit="", needs=("graph", "seed"), many=True)
def toy_predictor(graphs, seeds):
    """The logarithm of the parameters, of many candidates at once."""
    CALLS.append(len(graphs))
    return torch.tensor([float(one.costs.params) for one in graphs]).log()


CALLS: list[int] = []
"""How many candidates `toy_predictor` was called with, each time."""
