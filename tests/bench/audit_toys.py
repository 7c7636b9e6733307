"""Scores for audits, a space and data: real, and small."""

from __future__ import annotations

from nasmyth.graph import chain
from nasmyth.measure import measure
from nasmyth.ops import Activation, Conv, Linear, Mean
from nasmyth.space import Space, choice


def space(**more):
    """Fifteen networks for digits."""
    return Space(
        chain(
            Conv(choice(2, 4, 6, 8, 12)), Activation(), Conv(choice(4, 8, 16), stride=2), Activation(), Mean("h w"), Linear(10)
        ),
        input=(1, 8, 8), **more,
    )  # fmt: skip


@measure(unit="", direction="max", needs="network")
def audit_weights(network):
    """Parameters, of the built network: not luck, and as good as counting."""
    return float(sum(weight.numel() for weight in network.parameters()))


@measure(unit="", direction="max", needs=("network", "seed"))
def audit_dice(network, seed):
    """Chance that follows from the first weights."""
    return float(abs(next(network.parameters()).detach().flatten()[0]) * 1e6 % 1)


@measure(unit="", direction="max", needs=("network", "batch"))
def audit_brightness(network, batch):
    """Of the examples alone: the same for every network."""
    return float(batch.mean())


@measure(unit="", direction="max", needs=("graph", "batch"))
def audit_fragile(graph, batch):
    """Parameters again, where it works: raises for some networks, and is infinite for some."""
    width = graph.nodes[1].shape[0]
    if width == 12:
        raise ArithmeticError("too wide for it")
    return float("inf") if width == 2 else float(graph.costs.params)


@measure(unit="", direction="max", needs="network")
def audit_broken(network):
    """Never has a value."""
    raise ArithmeticError("it never works")


@measure(unit="", direction="max", needs=("graph", "seed"), many=True)
def audit_predicted(graphs, seeds):
    """Of many at once."""
    ASKED.append(len(graphs))
    return [float(graph.costs.macs) for graph in graphs]


ASKED: list[int] = []
