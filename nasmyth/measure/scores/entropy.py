"""Network entropy: how much a network can express, from its widths, kernels and depth alone (DeepMAD).

    entropy(graph)                  # the larger, the more it can tell apart: to be maximised under a budget
    effectiveness(graph) <= 0.5     # depth over width: a network far above this is too deep to be trained well

DeepMAD (Shen et al., "DeepMAD: Mathematical Architecture Design for Deep Convolutional Neural Network", CVPR 2023,
arXiv:2303.02165) has for a chain of L convolutions, of c_i channels in, k_i x k_i kernels and g_i groups,

    H = log(r^2 c) * sum_i log(c_i k_i^2 / g_i)                      (network entropy)
    rho = L / w,    log w = (1/L) sum_i log(c_i k_i^2 / g_i)         (effectiveness)

with r and c the side and the channels of the last feature map: r^2 c are the numbers in it. What is told here of any graph:

* c_i k_i^2 / g_i is the fan-in of a weighted layer (`graph/fan_in.py`), so that linear layers, attention, and layers over one
  axis or three count as convolutions do. Norms, activations, pooling and joins do not count, as in the paper.
* Departure: the layers are those on one path from an input to the output, the one with the greatest sum (of equal ones the
  deepest). For a chain that is the paper's sum; a shortcut with a layer of its own is not as long as what it skips, and layers
  side by side make a network wider, not deeper.
* A factor without positions is a gate and no path: squeeze-and-excitation does not count, as in the paper.
* Departure: the network ends where its positions end (two axes longer than one): behind the last such value on the path come a
  mean and a classifier, which say what is asked, not what can be told apart. Without any (an MLP), all of it counts.

The paper's sum over the ends of several stages, for detectors, is left out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from nasmyth.graph import Graph, Node
from nasmyth.graph.fan_in import fan_ins, of_costs
from nasmyth.graph.signature import Shape
from nasmyth.measure.measure import measure

_TIE = 1e-9  # sums of the same logarithms in another order


class Path(NamedTuple):
    """The longest path of a graph: the sum of its log fan-ins, its weighted layers, and the numbers at its end."""

    total: float
    depth: int
    numbers: int

    @property
    def width(self) -> float:
        """The geometric mean of the fan-ins; 1 without layers."""
        return math.exp(self.total / self.depth) if self.depth else 1.0

    @property
    def entropy(self) -> float:
        return math.log(self.numbers) * self.total

    @property
    def effectiveness(self) -> float:
        return self.depth / self.width


def longest_path(graph: Graph, head: bool = False) -> Path:
    """The path by which a graph is judged (see the top of this file); head: with what comes behind the last positions, too."""
    nodes = graph.nodes
    found: list[tuple[float, int, int | None]] = []
    """For each node: sum, depth, and the node before it on the path."""
    for node in nodes:
        total, depth, before = 0.0, 0, None
        for i in _followed(node, nodes):
            if before is None or _longer(found[i], (total, depth)):
                total, depth, before = found[i][0], found[i][1], i
        own = _layers(node, nodes)
        found.append((total + math.fsum(map(math.log, own)), depth + len(own), before))
    end = len(nodes) - 1
    if not head:
        at: int | None = end
        while at is not None and not has_positions(nodes[at].shape):
            at = found[at][2]
        end = end if at is None else at
    return Path(found[end][0], found[end][1], math.prod(nodes[end].shape))


def has_positions(shape: Shape) -> bool:
    """Whether a value has channels at several positions: an image, a sequence; not a vector, nor an image of one pixel."""
    return sum(length > 1 for length in shape) > 1


def _followed(node: Node, nodes: tuple[Node, ...]) -> list[int]:
    """The inputs that a path may come from: where some have positions, only those."""
    wide = [i for i in node.inputs if has_positions(nodes[i].shape)]
    return wide or list(node.inputs)


def _longer(one: tuple[float, int, int | None], other: tuple[float, int]) -> bool:
    if abs(one[0] - other[0]) > _TIE:
        return one[0] > other[0]
    return one[1] > other[1]


def _layers(node: Node, nodes: tuple[Node, ...]) -> tuple[float, ...]:
    """The fan-ins of a node's weighted layers."""
    if not node.inputs:
        return ()
    shapes = tuple(nodes[i].shape for i in node.inputs)
    found = fan_ins(node.op, shapes, node.shape)
    if found is None:  # a user's op without rules, which is built and run once
        from nasmyth.ops.found.counted import count

        params, _, macs = count(node.op, shapes)
        found = of_costs(params, macs, node.shape) or ()
    return found


@measure(unit="", direction="max")
def entropy(graph: Graph) -> float:
    """Network entropy of DeepMAD (Shen et al. 2023): log of the last feature map's size times the sum of log fan-ins."""
    return longest_path(graph).entropy


@measure(unit="")
def effectiveness(graph: Graph) -> float:
    """Weighted layers over their geometric mean fan-in, DeepMAD's rho: small for what is shallow and wide.

    The paper bounds it, since information hardly passes a network that is far too deep; a usual bound is 0.5. 0 without layers.
    """
    return longest_path(graph).effectiveness


@measure(unit="")
def depth(graph: Graph) -> float:
    """Weighted layers one after another, on the path by which `entropy` judges."""
    return float(longest_path(graph).depth)
