"""The kernel of a wide network before training, for any wiring of linear layers and relu, and how fast it can converge.

    kernel(graph, x)                    # N N: E[f(x) f(x')] of a unit of the last hidden layer, infinitely wide
    nngp(graph, batch)                  # its least eigenvalue

With first weights drawn anew, the units of a layer are independent Gaussian processes once the layers before are wide (the
neural-network Gaussian process, Lee et al. 2018, arXiv:1711.00165). Gradient descent on a wide network lowers the squared
loss by a factor of about 1 - rate * (least eigenvalue) each step, so what has a larger one has the better bound (Chen et al.
2022, arXiv:2205.05662, section 3). Through the wiring the kernel goes as in that paper:

    linear layer     C_b + C_W E[s(x) s(x')] of the signal s that it reads, independent of all other layers
    relu             E[relu(u) relu(v)] = |u| |v| (sin t + (pi - t) cos t) / (2 pi), cos t = E[u v] / |u| |v|
                     (Cho and Saul 2009, equation 6 with n = 1); E[relu(u) v] = E[u v] / 2
    sum              of the products of all pairs of its terms, so that a signal which arrives on two ways is not independent

The paper lets the terms of a sum be independent, and bounds the eigenvalue; here products between terms are kept and the kernel
is exact in the limit. C_W and C_b are those of `initialise(network, aware=aware)`. Other ops, several inputs and weights that
are used twice are refused with a CandidateError.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nasmyth.errors import CandidateError
from nasmyth.graph import Add, Graph, Identity, Node
from nasmyth.measure.measure import measure

EXAMPLES = 32
"""Of a batch, whose kernel is looked at."""

Signal = dict[int, int]
"""A sum of random parts: how often each part is in it, by its number."""


@measure(unit="", direction="max", needs=("graph", "batch"))
def nngp(graph: Graph, batch: Any) -> float:
    """The least eigenvalue of the kernel of a wide MLP before training: the larger, the faster it may converge."""
    if isinstance(batch, tuple):
        raise CandidateError("nngp is of networks with one input")
    try:
        found = kernel(graph, np.asarray(batch[:EXAMPLES].cpu()))
    except CandidateError as error:
        raise CandidateError(f"nngp: {error}") from None
    return float(np.linalg.eigvalsh(found)[0])


def kernel(graph: Graph, x: Any, *, aware: bool = False) -> Any:
    """The second moments of what the last linear layer reads, N N, for N examples; of a unit, so that width is of no matter.

    aware: as in `initialise`. Raises CandidateError for a graph that is not of linear layers, relu and sums.
    """
    wide = _Wide(graph, np.asarray(x, dtype=np.float64), aware)
    *_, read = wide.signals()
    return read


class _Wide:
    """Walks through a graph; parts are layers (with their kernels) and relus (with the signals that they cut)."""

    def __init__(self, graph: Graph, x: Any, aware: bool) -> None:
        self.graph, self.x = graph, x
        self.variances = variances_of(graph, aware)
        self.parts: list[Any] = []
        self.known: dict[tuple[int, int], Any] = {}

    def signals(self) -> list[Any]:
        """What each linear layer reads, as second moments, in the graph's order."""
        at: list[Any] = []
        read: list[Any] = []
        seen: set[str] = set()
        for node in self.graph.nodes:
            given = [at[i] for i in node.inputs]
            if type(node.op).__name__ == "Linear":
                if node.address in seen:
                    raise CandidateError(
                        f"{node.op!r} at {node.address} is used twice: its outputs are not independent"
                    )
                seen.add(node.address)
                read.append(self.moments(given[0], given[0]))
                weight, bias = self.variances[node.address]
                at.append(self.part(bias + weight * read[-1]))
            else:
                at.append(self.passed(node, given))
        if not read:
            raise CandidateError("a network without linear layers has no kernel of this kind")
        return read

    def passed(self, node: Node, given: list[Any]) -> Any:
        """What leaves a node that has no weights. Data stays data until the first layer."""
        name = type(node.op).__name__
        data = [isinstance(one, np.ndarray) for one in given]
        if name == "Input":
            return self.x
        if isinstance(node.op, Identity):
            return given[0]
        if name == "Flatten" and all(data):
            return given[0].reshape(len(given[0]), -1)
        if isinstance(node.op, Add) and all(data):
            return sum(given)
        if isinstance(node.op, Add) and not any(data):
            keys = {key for one in given for key in one}
            return {key: sum(one.get(key, 0) for one in given) for key in keys}
        if name == "Activation" and getattr(node.op, "kind", "") == "relu":
            if all(data):
                return np.maximum(given[0], 0.0)
            if not any(isinstance(self.parts[key], dict) for key in given[0]):
                return self.part(given[0])
        raise CandidateError(
            f"{node.op!r} at {node.address}: the kernel is known of linear layers, sums of them, and relu between them"
        )

    def part(self, what: Any) -> Signal:
        self.parts.append(what)
        return {len(self.parts) - 1: 1}

    def moments(self, one: Any, other: Any) -> Any:
        """E[one(x) other(x')], N N."""
        if isinstance(one, np.ndarray):
            rows, columns = one.reshape(len(one), -1), other.reshape(len(other), -1)
            return rows @ columns.T / rows.shape[1]
        total = np.zeros((len(self.x), len(self.x)))
        for a, times in one.items():
            for b, more in other.items():
                total = total + times * more * self.product(a, b)
        return total

    def product(self, a: int, b: int) -> Any:
        """The same of two parts."""
        if (a, b) not in self.known:
            self.known[a, b] = self._product(a, b)
        return self.known[a, b]

    def _product(self, a: int, b: int) -> Any:
        one, other = self.parts[a], self.parts[b]
        cut = isinstance(one, dict), isinstance(other, dict)
        if cut == (True, True):
            return relu_moments(self.moments(one, other), *(np.diag(self.moments(s, s)) for s in (one, other)))
        if cut == (True, False):
            return self.moments(one, {b: 1}) / 2
        if cut == (False, True):
            return self.moments({a: 1}, other) / 2
        return one if a == b else np.zeros_like(one)


def relu_moments(moments: Any, first: Any, second: Any) -> Any:
    """E[relu(u) relu(v)] of Gaussian u and v: their moments N N, and their variances (Cho and Saul 2009)."""
    sizes = np.sqrt(np.outer(first, second))
    cosine = np.clip(np.divide(moments, sizes, out=np.zeros_like(moments), where=sizes > 0), -1.0, 1.0)
    angle = np.arccos(cosine)
    return sizes * (np.sin(angle) + (math.pi - angle) * cosine) / (2 * math.pi)


def variances_of(graph: Graph, aware: bool) -> dict[str, tuple[float, float]]:
    """Of each linear layer: the variance of its weights times the fan-in, and that of its biases, as in `initialise`."""
    names = [node.address for node in graph.nodes if type(node.op).__name__ == "Linear"]
    if not aware:
        return {name: (1.0 if name == names[-1] else 2.0, 0.0) for name in names}
    from nasmyth.train.criticality import first_variances
    from nasmyth.train.reading import readings

    read = readings(graph)
    biased = {node.address: bool(getattr(node.op, "bias", True)) for node in graph.nodes}
    return {name: first_variances(read[name].activation, read[name].terms, biased[name]) for name in names}
