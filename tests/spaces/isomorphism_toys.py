"""Isomorphism by trying: is there an order of the vertices of one graph that makes it the other? For small graphs."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence

Labelled = tuple[Sequence[Hashable], set[tuple[int, int]]]
"""Labels of the vertices, and edges from a vertex to another."""


def isomorphic(a: Labelled, b: Labelled) -> bool:
    """Whether some bijection of vertices keeps labels and edges: tried vertex by vertex, given up where one is broken."""
    (labels, edges), (other_labels, other_edges) = a, b
    if sorted(map(repr, labels)) != sorted(map(repr, other_labels)) or len(edges) != len(other_edges):
        return False

    def extend(image: tuple[int, ...]) -> bool:
        v = len(image)
        if v == len(labels):
            return True
        for w in range(len(labels)):
            if w in image or labels[v] != other_labels[w]:
                continue
            pairs = itertools.chain(
                (((u, v) in edges, (image[u], w) in other_edges) for u in range(v)),
                (((v, u) in edges, (w, image[u]) in other_edges) for u in range(v)),
            )
            if all(mine == theirs for mine, theirs in pairs) and extend((*image, w)):
                return True
        return False

    return extend(())


def invariant(graph: Labelled) -> Hashable:
    """What isomorphic graphs share, so that only graphs that share it need to be tried: labels with their degrees."""
    labels, edges = graph
    ends = [
        (repr(label), sum(j == v for _, j in edges), sum(i == v for i, _ in edges)) for v, label in enumerate(labels)
    ]
    about = [
        (own, sorted(ends[i] for i, j in edges if j == v), sorted(ends[j] for i, j in edges if i == v))
        for v, own in enumerate(ends)
    ]
    return repr(sorted(about))


def partition(graphs: Sequence[Labelled]) -> list[int]:
    """For each graph the number of the first one that it is isomorphic to."""
    heads: dict[Hashable, list[int]] = {}
    found = []
    for n, graph in enumerate(graphs):
        alike = heads.setdefault(invariant(graph), [])
        first = next((m for m in alike if isomorphic(graph, graphs[m])), None)
        if first is None:
            alike.append(n)
        found.append(n if first is None else first)
    return found
