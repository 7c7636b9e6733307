"""Columns of which pieces a network has, wherever they stand: the Weisfeiler-Lehman kernel of graphs.

    BayesianOptimization(encode=Subtrees(rounds=2))

A layer's first label is its kind, its second its op with all settings; each round joins to it those of what it reads
(Shervashidze et al. 2011, "Weisfeiler-Lehman graph kernels", section 3.1). So after r rounds a label stands for the subtree of
depth r above a layer. The columns of a round count its labels, scaled to length 1: half a squared distance is 1 minus the
normalised kernel, and each round has one weight in a Gaussian process. So a kernel is the product of the rounds, where that of
Ru et al. (2021, arXiv:2006.07556) is their sum. Labels are counted in so many columns by their hash (Weinberger et al. 2009,
arXiv:0902.2206), so one that was never seen needs no new column. What a network costs, and how it is trained, are columns as
well.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.graph import Graph, Identity
from nasmyth.graph.op import Op
from nasmyth.graph.pieces import hash_of
from nasmyth.record import content_key
from nasmyth.search.model.columns import Encode
from nasmyth.search.model.decisions import Costs
from nasmyth.search.strategy import part
from nasmyth.space.hole import Genome
from nasmyth.space.holes import Choice, Subset
from nasmyth.space.space import Space


@part("subtrees")
class Subtrees(Encode):
    """Which pieces networks have, wherever they stand: labels after up to so many rounds (see the top of this file).

    columns: in which those of a round are counted.
    """

    rounds: int = 2
    columns: int = 256

    def check(self) -> None:
        if self.rounds < 0 or self.columns < 2:
            raise SpaceError(f"{self!r}: needs rounds >= 0 and columns >= 2")

    def over(self, space: Space) -> Counted:
        return Counted(space, self.rounds, self.columns)


class Counted:
    """The columns of labels, of costs, and of decisions of how to train."""

    def __init__(self, space: Space, rounds: int, columns: int) -> None:
        self.space, self.rounds, self.columns, self._costs = space, rounds, columns, Costs(space)
        ways = Space(Identity(), space.inputs, space.recipe).holes
        holes = list(space.holes.items())
        widths = [len(hole.encode(None)) for _, hole in holes]
        self._ways = np.repeat([name in ways for name, _ in holes], widths)
        trained = [(hole, width) for (name, hole), width in zip(holes, widths, strict=True) if name in ways]
        counts = [columns] * (rounds + 2) + [1] * len(self._costs) + [width for _, width in trained]
        self.owner = np.repeat(np.arange(len(counts)), counts)
        options = [isinstance(hole, (Choice, Subset)) for hole, _ in trained]
        self.numeric = np.array([False] * (rounds + 2) + [True] * len(self._costs) + [not one for one in options])

    def row(self, genome: Genome, graph: Graph) -> Any:
        counts = np.zeros((self.rounds + 2, self.columns))
        for count, labels in zip(counts, labels_of(graph, self.rounds), strict=True):
            for label in labels:
                count[int.from_bytes(label) % self.columns] += 1
        counts /= np.linalg.norm(counts, axis=1, keepdims=True)
        trained = np.array(self.space.encode(genome))[self._ways]
        return np.concatenate((counts.ravel(), self._costs.of(graph), trained))


def labels_of(graph: Graph, rounds: int) -> list[list[bytes]]:
    """The labels of all layers: their kinds, their ops, and these after each round."""
    nodes = graph.nodes
    found = [[_kind(node.op) for node in nodes], [_op(node.op) for node in nodes]]
    for _ in range(rounds):
        before = found[-1]
        read = [[before[i] for i in node.inputs] for node in nodes]
        ordered = [sorted(labels) if node.op.commutative else labels for node, labels in zip(nodes, read, strict=True)]
        found.append([hash_of(own + b"".join(labels)) for own, labels in zip(before, ordered, strict=True)])
    return found


@lru_cache(maxsize=100_000)
def _op(op: Op) -> bytes:
    return hash_of(content_key(op).encode())


def _kind(op: Op) -> bytes:
    return hash_of(type(op).__name__.encode())
