"""NAS-Bench-101 (Ying et al. 2019, arXiv:1902.09635): cells of up to 7 vertices and at most 9 edges.

A cell is a directed acyclic graph from an input vertex to an output vertex. Each vertex between them is a 3x3
convolution, a 1x1 convolution (both with norm and ReLU) or a 3x3 max-pooling of the sum of what arrives. The network is a
stem and three stacks of three equal cells; max-pooling halves the image between stacks, and channels double.

    input,conv3x3-bn-relu,maxpool3x3,output 0110/0001/0001/0000

is how a cell is written here: the operations of its vertices, then its adjacency matrix row by row.

Every genome is a legal cell, by construction. A decision gives every vertex but the input its number of incoming edges,
at least one each and at most 9 in all; then each vertex chooses that many of those before it. So whatever is drawn is
reached from the input. A vertex that leads nowhere is dropped, as the benchmark drops it. The published encoding, 21 bits
of a matrix, holds cells without a path and with too many edges, which have to be thrown away.

The benchmark measured classes of isomorphic cells, so `text` writes the least of all ways to number a cell's vertices:
isomorphic cells have one text. Their networks can differ a little even so, since channels that do not divide evenly go to
the vertices that come first (`widths`).

Where we depart: norms average with momentum 0.1 and not 0.003, which suits shorter trainings.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from nasmyth.blocks import conv_block
from nasmyth.errors import GenomeError, nearest
from nasmyth.graph import Concat, Graph, Identity, block, chain, parallel, repeat
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.signature import Shape
from nasmyth.ops import ChannelSlice, Conv, Linear, MaxPool, Mean
from nasmyth.space import Genome, Space, choice, subset
from nasmyth.spaces.registry import Notation, space

OPERATIONS = ("conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3")
VERTICES, EDGES = 7, 9
"""The most that a cell may have, with its input and its output."""

Sources = tuple[tuple[int, ...], ...]
"""For each vertex but the input, those whose edges arrive there."""
Wiring = tuple[Sources, tuple[str, ...]]
"""A cell: sources, and the operations of the vertices between input and output."""


# --- the networks -------------------------------------------------------------------------------------------------


def pruned(wiring: Wiring) -> Wiring:
    """The cell without vertices that no path joins to both its ends, numbered anew."""
    sources, operations = wiring
    last = len(sources)
    reached, needed = {0}, {last}
    for j, arriving in enumerate(sources, 1):
        if reached & set(arriving):
            reached.add(j)
    for j in range(last, 0, -1):
        if j in needed:
            needed |= set(sources[j - 1])
    kept = [0, *(j for j in range(1, last) if j in reached & needed), last]
    number = {old: new for new, old in enumerate(kept)}
    live: Sources = tuple(tuple(number[i] for i in sources[j - 1] if i in number) for j in kept[1:])
    return live, tuple(operations[j - 1] for j in kept[1:-1])


def widths(sources: Sources, out: int) -> list[int]:
    """Channels of each vertex between input and output (section 2.2). Those that the output joins share its channels, the
    first of them taking one more each while there is a remainder; the others are as wide as their widest reader."""
    *inner, ends = sources
    joined = [j for j in ends if j]
    found = [0] * (len(inner) + 1)
    for place, j in enumerate(joined):
        found[j] = out // len(joined) + (place < out % len(joined))
    for j in range(len(inner), 0, -1):
        if j not in joined:
            found[j] = max(found[k] for k, arriving in enumerate(inner, 1) if j in arriving)
    return found[1:]


@block("b c h w -> b out h w")
def nb101_cell(out: int, wiring: Any) -> Any:
    """A cell of NAS-Bench-101. The input reaches every vertex through a 1x1 convolution of its own; a vertex drops the
    channels of its sources that it has no room for; the output joins its sources, and adds the input if it reads it."""
    sources, operations = pruned(wiring)
    ends = tuple(j for j in sources[-1] if j)
    if not ends:
        return conv_block(out, 1)
    wide = [0, *widths(sources, out)]
    vertices = []
    for j, (arriving, operation) in enumerate(zip(sources[:-1], operations, strict=True), 1):
        edges = [Edge(i, _edge(wide[i], wide[j])) for i in arriving]
        vertices.append(Vertex(tuple(edges), _operation(operation, wide[j])))
    body = Cell(tuple(vertices), output=ends, out=Concat())
    return parallel(cell=body, skip=conv_block(out, 1)) if 0 in sources[-1] else body


def _edge(wide: int, out: int) -> Any:
    if not wide:  # the cell's input
        return conv_block(out, 1)
    return Identity() if wide == out else ChannelSlice(out)


def _operation(name: str, out: int) -> Any:
    return MaxPool(3, 1) if name == "maxpool3x3" else conv_block(out, 1 if name == "conv1x1-bn-relu" else 3)


# --- the space ----------------------------------------------------------------------------------------------------


def degrees(vertices: int) -> list[tuple[int, ...]]:
    """Every way to give the vertices after the input their numbers of incoming edges."""
    ways = itertools.product(*(range(1, j + 1) for j in range(1, vertices)))
    return [degree for degree in ways if sum(degree) <= EDGES]


SIZES = (tuple(range(2, VERTICES - 1)), (VERTICES - 1,), (VERTICES,))
"""Numbers of vertices: the small cells, which are few, are one option."""


def _ways(option: int) -> list[tuple[int, ...]]:
    return [degree for n in SIZES[option] for degree in degrees(n)]


def _arriving(degree: int, vertex: int) -> Any:
    sources = range(vertex)
    return tuple(sources) if degree == vertex else subset(degree, *sources, name=f"{degree} into {vertex}")


def _wiring(degree: tuple[int, ...]) -> Any:
    sources = tuple(_arriving(d, j) for j, d in enumerate(degree, 1))
    return sources, tuple(choice(*OPERATIONS, name=f"op{j}") for j in range(1, len(degree)))


def wiring(genome: Genome) -> Wiring:
    """The cell that a genome stands for, as it stands there: not pruned."""
    degree = _ways(genome["vertices"])[genome[f"degrees:{genome['vertices']}"]]
    sources = [tuple(genome.get(f"{d} into {j}", range(j))) for j, d in enumerate(degree, 1)]
    return tuple(sources), tuple(genome[f"op{j}"] for j in range(1, len(degree)))


def cell(wiring: Wiring) -> Graph:
    """The cell alone, with one channel everywhere: the graphs of two cells have one key if the cells are isomorphic."""
    sources, operations = pruned(wiring)
    labels = {"conv1x1-bn-relu": Conv(1, 1), "conv3x3-bn-relu": Conv(1, 3), "maxpool3x3": MaxPool(3, 1)}
    bodies = [*(labels[name] for name in operations), Identity()]
    edges = [tuple(Edge(i, Identity()) for i in arriving) for arriving in sources]
    return Graph.of(Cell(tuple(map(Vertex, edges, bodies))), (1, 3, 3))


# --- the notation -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def least(wiring: Wiring) -> Wiring:
    """The cell with its vertices numbered in the one of all possible orders that gives the least of all texts."""
    sources, operations = pruned(wiring)
    return min(_orders(sources, operations), key=lambda one: _written(*one))


def _orders(sources: Sources, operations: tuple[str, ...]) -> Iterator[Wiring]:
    n = len(sources)
    for order in itertools.permutations(range(1, n)):
        number = {0: 0, n: n, **{old: new for new, old in enumerate(order, 1)}}
        arriving = [sources[old - 1] for old in (*order, n)]
        renamed = tuple(tuple(sorted(number[i] for i in sources)) for sources in arriving)
        if all(max(sources) < j for j, sources in enumerate(renamed, 1)):
            yield renamed, tuple(operations[old - 1] for old in order)


def _written(sources: Sources, operations: tuple[str, ...]) -> str:
    n = len(sources) + 1
    rows = ["".join("01"[j > 0 and i in sources[j - 1]] for j in range(n)) for i in range(n)]
    return f"{','.join(('input', *operations, 'output'))} {'/'.join(rows)}"


def text(genome: Genome) -> str:
    """A genome in our notation: the same for all isomorphic cells."""
    return _written(*least(wiring(genome)))


def genome(text: str) -> Genome:
    """The genome of a cell, dangling vertices dropped, in the order of its text. Raises GenomeError that says what is
    wrong, and where."""
    sources, operations = _read(text)
    degree = tuple(map(len, sources))
    option = next(i for i, sizes in enumerate(SIZES) if len(degree) + 1 in sizes)
    found: Genome = {"vertices": option, f"degrees:{option}": _ways(option).index(degree)}
    found |= {f"{len(arriving)} into {j}": list(arriving) for j, arriving in enumerate(sources, 1) if len(arriving) < j}
    return found | {f"op{j}": name for j, name in enumerate(operations, 1)}


def _read(text: str) -> Wiring:
    named, _, matrix = text.strip().partition(" ")
    names, rows = named.split(","), matrix.strip().split("/")
    n = len(names)
    if n < 2 or (names[0], names[-1]) != ("input", "output"):
        raise GenomeError(f"{text!r}: the operations are {named!r}; a cell begins with 'input' and ends with 'output'")
    for j, name in enumerate(names[1:-1], 1):
        if name not in OPERATIONS:
            raise GenomeError(f"{text!r}: vertex {j}: there is no operation {name!r}{nearest(name, OPERATIONS)}")
    if len(rows) != n:
        raise GenomeError(f"{text!r}: {n} operations and {len(rows)} rows of the matrix; give one row for each")
    for i, row in enumerate(rows):
        if len(row) != n or set(row) - {"0", "1"}:
            raise GenomeError(f"{text!r}: row {i} is {row!r}, expected {n} digits 0 or 1")
        if "1" in row[: i + 1]:
            raise GenomeError(
                f"{text!r}: row {i}, column {row.index('1')}: an edge leads to a later vertex; "
                "number the vertices so that the matrix is upper triangular"
            )
    sources = tuple(tuple(i for i in range(j) if rows[i][j] == "1") for j in range(1, n))
    found = pruned((sources, tuple(names[1:-1])))
    if not all(found[0]):
        raise GenomeError(f"{text!r}: no path leads from the input to the output")
    edges = sum(map(len, found[0]))
    if len(found[0]) >= VERTICES or edges > EDGES:
        raise GenomeError(
            f"{text!r}: {len(found[0]) + 1} vertices and {edges} edges, when what dangles is dropped; "
            f"a cell has at most {VERTICES} and {EDGES}"
        )
    return found


def row(adjacency: Any, operations: Any) -> str:
    """A matrix, row by row or row after row in one list, and the names of its vertices, as a text."""
    names = list(operations)
    flat = [int(x) for line in adjacency for x in (line if hasattr(line, "__len__") else (line,))]
    rows = ["".join(map(str, flat[i : i + len(names)])) for i in range(0, len(flat), len(names))]
    return f"{','.join(names)} {'/'.join(rows)}"


@space(
    "nb101",
    source="NAS-Bench-101 (Ying et al. 2019, arXiv:1902.09635)",
    notation=Notation(text, genome, ("adjacency", "ops"), row, classes=True),
    small={"input": (3, 8, 8), "width": 8, "cells": 1},
)
def nb101(input: Shape = (3, 32, 32), classes: int = 10, width: int = 128, cells: int = 3) -> Space:
    """All cells, in the network that the benchmark trained: `cells` a stack, `width` channels in the first."""
    ways = [choice(*map(_wiring, _ways(i)), name=f"degrees:{i}") for i in range(len(SIZES))]
    every = choice(*ways, name="vertices")
    stacks = [repeat(nb101_cell(width * 2**i, every), cells) for i in range(3)]
    body = chain(stacks[0], MaxPool(), stacks[1], MaxPool(), stacks[2])
    return Space(chain(stem=conv_block(width, 3), body=body, pool=Mean("h w"), head=Linear(classes)), input)


EXAMPLES = [
    (nb101_cell(7, (((0,), (0, 1), (1,), (0, 2, 3)), OPERATIONS)), (4, 5, 5)),
    (nb101_cell(6, (((0,), (0, 1), (0, 1, 2)), ("maxpool3x3", "conv3x3-bn-relu"))), (4, 5, 5)),
    (nb101_cell(5, (((0,),), ())), (4, 5, 5)),
]
