"""The path encoding: which sequences of ops lead from a graph's input to its output.

BANANAS (White et al. 2021, arXiv:1910.11858) describes a cell by the set of its paths, each a place in a vector of
zeros and ones, and keeps only the likeliest ones, since the many others occur in few cells and say little. It does not
depend on the order of nodes, so isomorphic graphs are encoded alike; different graphs may be, too.

    encoder = Paths.fit(graphs, most=64, within="body[0][0]")       # one cell of a network of equal cells
    encoder.encode(graph)                                           # 64 zeros and ones, and one more

A graph has no identities and no zeros, so a skip adds nothing to a path: a cell of NAS-Bench-201, with three ops that
compute on its six edges, has 1 + 3 + 9 + 27 = 40 paths here (84 where a skip is an op of its own). Sums are left out of
paths, since how many terms arrive is told by the other paths.

A whole network may have more paths than could be listed. Fitting looks at the `look` shortest of every graph; encoding
lists none, it follows the fitted paths through the graph all at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from heapq import merge
from itertools import islice
from typing import Any, Self

from nasmyth.errors import NasmythError
from nasmyth.graph.encode import INPUT, OTHER, Encoder, View, view, views

Path = tuple[str, ...]
ORDERS = ("probable", "shortest")


class Paths(Encoder):
    """Zeros and ones: whether the graph has each of `paths`, then whether it has any other. Made by `Paths.fit`."""

    paths: tuple[Path, ...] = ()
    skip: tuple[str, ...] = ("Add",)
    """Kinds of op that are no step of a path."""

    @classmethod
    def fit(
        cls,
        graphs: Iterable[Any],
        most: int = 128,
        order: str = "probable",
        within: str = "",
        settings: tuple[str, ...] | None = None,
        skip: Iterable[str] = ("Add",),
        look: int = 300,
    ) -> Self:
        """The first `most` of the paths in these graphs, the most frequent ones first or the shortest ones.

        Of equals, the shorter goes first, then the first in the alphabet. look: how many paths of one graph are looked at,
        its shortest ones.
        """
        if order not in ORDERS:
            raise NasmythError(f"order={order!r}: paths are kept by {' or '.join(map(repr, ORDERS))}")
        skipped = tuple(skip)
        seen = Counter(path for one in views(graphs, within, settings) for path in shortest(one, look, skipped))
        rank = (lambda p: (-seen[p], len(p), p)) if order == "probable" else (lambda p: (len(p), -seen[p], p))
        return cls(within=within, settings=settings, paths=tuple(sorted(seen, key=rank)[:most]), skip=skipped)

    @property
    def names(self) -> tuple[str, ...]:
        return (*(" > ".join(path) or "straight through" for path in self.paths), OTHER)

    def encode(self, candidate: Any) -> list[float]:
        """Costs a pass over the nodes, however many paths the graph has."""
        seen = self.view(candidate)
        reached, total = self._walks(seen)
        known = [reached.get(self._tree[1].get(path, -1), 0) for path in self.paths]
        return [*(float(walks > 0) for walks in known), float(sum(known) < total)]

    @cached_property
    def _tree(self) -> tuple[list[dict[str, int]], dict[Path, int]]:
        """The paths as a tree: for every place in it where each label leads, and the place at which each path ends."""
        steps: list[dict[str, int]] = [{}]
        ends: dict[Path, int] = {}
        for path in self.paths:
            at = 0
            for text in path:
                if text not in steps[at]:
                    steps[at][text] = len(steps)
                    steps.append({})
                at = steps[at][text]
            ends[path] = at
        return steps, ends

    def _walks(self, seen: View) -> tuple[dict[int, int], int]:
        """How many walks from an input to the output end at each place of the tree, and how many there are in all."""
        steps = self._tree[0]
        at: list[dict[int, int]] = []
        total: list[int] = []
        for row, inputs in enumerate(seen.inputs):
            arriving: Counter[int] = Counter() if inputs else Counter({0: 1})
            for i in inputs:
                arriving.update(at[i])
            text = step(seen, row, self.skip)
            if text is not None:
                arriving = Counter({steps[p][text]: n for p, n in arriving.items() if text in steps[p]})
            at.append(arriving)
            total.append(sum(total[i] for i in inputs) if inputs else 1)
        return at[-1], total[-1]


def step(seen: View, row: int, skip: tuple[str, ...]) -> str | None:
    """What a row adds to a path; None for nothing. Inputs are told apart where there are several."""
    node, text = seen.nodes[row], seen.labels[row]
    if row < seen.sources:
        return None if text == INPUT else text
    return None if node is None or type(node.op).__name__ in (*skip, "Identity") else text


def shortest(seen: View, look: int, skip: tuple[str, ...] = ("Add",)) -> list[Path]:
    """The `look` shortest different paths, of equal length in the order of the alphabet.

    Exact: adding one label to paths does not change their order, so the first paths to a node are made of the first to the
    nodes that it reads.
    """
    at: list[list[Path]] = []
    for row, inputs in enumerate(seen.inputs):
        found: list[Path] = (
            list(islice(_distinct(merge(*(at[i] for i in inputs), key=_length)), look)) if inputs else [()]
        )
        text = step(seen, row, skip)
        at.append(found if text is None else [(*path, text) for path in found])
    return at[-1]


def _length(path: Path) -> tuple[int, Path]:
    return len(path), path


def _distinct(paths: Iterable[Path]) -> Iterable[Path]:
    """Sorted paths without repetitions."""
    last = None
    for path in paths:
        if path != last:
            yield path
        last = path


def count_paths(candidate: Any, within: str = "") -> int:
    """How many ways lead from the input to the output, as an exact number; those over equal ops count each."""
    total: list[int] = []
    for inputs in view(candidate, within).inputs:
        total.append(sum(total[i] for i in inputs) if inputs else 1)
    return total[-1]
