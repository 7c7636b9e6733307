"""What reads a layer's output: with how many other terms it is summed, and which activation it meets first.

    parallel(Linear(8), chain(Linear(8), Activation("tanh")), Linear(8))      # an Add of three terms
    readings(graph)["[0]"]                                                    # Reading(terms=3, activation=None)

The terms are the in-degree of the node that the layer leads to, as Chen et al. (arXiv:2402.17440) draw networks: edges are
layers or skips, and what arrives at a node is summed. A graph here has layers as its nodes and an `Add` for each sum, so
a layer's in-degree is the number of terms of the `Add` that its output reaches, past activations, norms and pooling, before
another layer reads it; 1 where there is no such sum. A skip is a term like any other. Where there are several such sums, the
largest counts: of a graph without identities it cannot be told which of them is the node's own, and in random networks
variances are kept best so.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from nasmyth.graph import Add, Node
from nasmyth.graph.encode import nodes_of
from nasmyth.graph.lengths import is_layer


class Reading(NamedTuple):
    """How many terms the output of a layer is summed with, itself included, and the activation that it meets first."""

    terms: int = 1
    activation: str | None = None


def readings(graph: Any) -> dict[str, Reading]:
    """Of every address with a weighted layer. Where an address is used several times, by its first use."""
    nodes = nodes_of(graph)
    readers: list[list[int]] = [[] for _ in nodes]
    for i, node in enumerate(nodes):
        for j in dict.fromkeys(node.inputs):
            readers[j].append(i)
    layer = [bool(n.inputs) and is_layer(n, tuple(nodes[j].shape for j in n.inputs)) for n in nodes]
    terms, met = [1] * len(nodes), [_Met()] * len(nodes)
    for i in reversed(range(len(nodes))):
        terms[i] = max((_terms(nodes[k], layer[k], terms[k]) for k in readers[i]), default=1)
        met[i] = min((_meeting(nodes[k], layer[k], met[k]) for k in readers[i]), default=_Met())
    found: dict[str, Reading] = {}
    for i, node in enumerate(nodes):
        if layer[i]:
            found.setdefault(node.address, Reading(terms[i], met[i].kind or None))
    return found


def _terms(reader: Node, layer: bool, beyond: int) -> int:
    """Terms for who is read by this node."""
    if isinstance(reader.op, Add):
        return len(reader.inputs)
    return 1 if layer or len(reader.inputs) > 1 else beyond


class _Met(NamedTuple):
    """How many nodes away an activation is; far away where a layer comes before."""

    away: float = float("inf")
    kind: str = ""


def _meeting(reader: Node, layer: bool, beyond: _Met) -> _Met:
    """The nearest activation for who is read by this node."""
    kind = _kind(reader)
    if kind:
        return _Met(1, kind)
    return _Met() if layer else _Met(beyond.away + 1, beyond.kind)


def _kind(node: Node) -> str:
    return str(getattr(node.op, "kind", "")) if type(node.op).__name__ == "Activation" else ""
