"""NAS-Bench-Graph (Qin et al. 2022, arXiv:2206.09166): graph neural networks of four computing nodes.

Each computing node reads the raw input or an earlier node, which makes nine link structures, and is one of seven layers of
message passing, a dense layer ("fc") or the identity ("skip"). Nodes that nothing reads are joined, and lead to the answer.

    0-1-1-2 gcn-gat-skip-fc

is how an architecture is written: where each node reads (0 is the input, 1 the first node), and what it is.

Of the 9 * 9^4 = 59,049 ways to write one, 26,206 differ, and these the benchmark trained. `text` writes the one of them
that stands for a genome, by these rules: the order of nodes does not matter; a skip that something reads is no node,
and neither is a skip that alone reads its source; a skip straight from the input to the answer is left out. What is
left of four nodes stands behind as many skips. Where nothing is left (four skips, or 0-0-0-0 and the like) the answer
is a linear function of the input, which the benchmark does not have: the 26,207th network of the space.

The graph's edges are an input of its networks beside the features of the nodes. Networks of a space without them
(`nas_bench_graph((2708, 1433))`) are keyed and looked up in tables, and cannot run.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from nasmyth.errors import GenomeError, nearest
from nasmyth.graph import Concat, Identity, Spec, block, chain
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.ops import Activation, Linear, MessagePassing
from nasmyth.ops.message_passing import KINDS
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import Notation, space

OPERATIONS = (*KINDS, "fc", "skip")
"""In the order of the benchmark."""
LINKS = ("0-0-0-0", "0-0-0-1", "0-0-1-1", "0-0-1-2", "0-0-1-3", "0-1-1-1", "0-1-1-2", "0-1-2-2", "0-1-2-3")
NODES = 4

Tree = tuple[str, tuple["Tree", ...]]
"""An operation, and what reads it."""
_SKIP: Tree = ("skip", ())


# --- identity -----------------------------------------------------------------------------------------------------


def trees(links: Sequence[int], operations: Sequence[str]) -> tuple[Tree, ...]:
    """What reads the input, as trees of operations without skips that do nothing."""

    def readers(source: int) -> list[Tree]:
        found: list[Tree] = []
        for node, (link, name) in enumerate(zip(links, operations, strict=True), 1):
            if link == source:
                beyond = readers(node)
                found += (beyond or [_SKIP]) if name == "skip" else [(name, _told(beyond))]
        return found

    return _told([tree for tree in readers(0) if tree != _SKIP])


def _told(found: list[Tree]) -> tuple[Tree, ...]:
    """Siblings in one order, whatever theirs was; a skip that alone reads its source is none."""
    return () if found == [_SKIP] else tuple(sorted(found, key=repr))


def _count(forest: tuple[Tree, ...]) -> int:
    return sum(1 + _count(beyond) for _, beyond in forest)


@lru_cache(maxsize=65536)
def canonical(links: tuple[int, ...], operations: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The links and operations that stand for all architectures which are the same network."""
    forest = trees(links, operations)
    idle = NODES - _count(forest)
    sources, names = list(range(idle)), ["skip"] * idle

    def put(forest: tuple[Tree, ...], source: int) -> None:
        for name, beyond in forest:
            sources.append(source)
            names.append(name)
            put(beyond, len(names))

    put(forest, idle)
    renamed, orders = _orders(tuple(sources))
    numbers = [OPERATIONS.index(name) for name in names]
    least = min([numbers[old - 1] for old in order] for order in orders)
    return renamed, tuple(OPERATIONS[number] for number in least)


@lru_cache(maxsize=64)
def _orders(sources: tuple[int, ...]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The least links that say the same, and the orders of the nodes that give them."""
    ways: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for order in itertools.permutations(range(1, NODES + 1)):
        number = {0: 0, **{old: new for new, old in enumerate(order, 1)}}
        renamed = tuple(number[sources[old - 1]] for old in order)
        if all(source < node for node, source in enumerate(renamed, 1)) and list(renamed) == sorted(renamed):
            ways.setdefault(renamed, []).append(order)
    return min(ways), ways[min(ways)]


# --- the networks -------------------------------------------------------------------------------------------------


@block("b n d -> b n out")
def graph_network(out: int, link: str, operations: Any, width: int = 64) -> Any:
    """An architecture of NAS-Bench-Graph, with `width` features in its nodes."""
    forest = trees(_numbers(link), operations)
    vertices: list[Vertex] = []
    leaves: list[int] = []

    def put(forest: tuple[Tree, ...], source: int) -> None:
        for name, beyond in forest:
            vertices.append(Vertex((Edge(source, Identity()),), _layer(name, width)))
            here = len(vertices)
            put(beyond, here)
            if not beyond:
                leaves.append(here)

    put(forest, 0)
    answer = Linear(out)
    return (
        chain(nodes=Cell(tuple(vertices), output=tuple(leaves), out=Concat("d")), answer=answer) if forest else answer
    )


def _layer(name: str, width: int) -> Any:
    if name == "skip":
        return Identity()
    layer = Linear(width) if name == "fc" else MessagePassing(name, width)
    return chain(layer=layer, act=Activation("relu"))


# --- notation -----------------------------------------------------------------------------------------------------


def _numbers(link: str) -> tuple[int, ...]:
    return tuple(map(int, link.split("-")))


def text(genome: Genome) -> str:
    """A genome as the benchmark has it, one text for all that are the same network."""
    links, names = canonical(_numbers(genome["link"]), tuple(genome[f"op{node}"] for node in range(1, NODES + 1)))
    return f"{'-'.join(map(str, links))} {'-'.join(names)}"


def genome(text: str) -> Genome:
    """The genome of a text, whatever the order of its nodes. Raises GenomeError that names what is wrong, and where."""
    link, _, named = text.strip().partition(" ")
    sources, names = link.split("-"), named.strip().split("-")
    if len(sources) != NODES or len(names) != NODES:
        raise GenomeError(f"{text!r}: expected {NODES} links and {NODES} operations, such as '0-1-1-2 gcn-gat-skip-fc'")
    for node, (source, name) in enumerate(zip(sources, names, strict=True), 1):
        if not source.isdecimal() or int(source) >= node:
            raise GenomeError(f"{text!r}: node {node} cannot read {source!r} (0 to {node - 1})")
        if name not in OPERATIONS:
            raise GenomeError(f"{text!r}: node {node}: there is no operation {name!r}{nearest(name, OPERATIONS)}")
    if link not in LINKS:  # an order of nodes that is none of the nine
        links, known = canonical(_numbers(link), tuple(names))
        link, names = "-".join(map(str, links)), list(known)
    return {"link": link, **{f"op{node}": name for node, name in enumerate(names, 1)}}


def row(link: Any, operations: Any) -> str:
    """What a table holds, as a text."""
    return f"{link} {operations}"


@space(
    "nas_bench_graph",
    source="NAS-Bench-Graph (Qin et al. 2022, arXiv:2206.09166)",
    notation=Notation(text, genome, ("link", "ops"), row),
    small={"input": {"x": (5, 4), "edges": Spec((2, 7), "int")}, "classes": 3, "width": 4},
)
def nas_bench_graph(input: Any = None, classes: int = 7, width: int = 256) -> Space:
    """All architectures, on a graph with `classes` kinds of nodes: Cora, if no `input` is given.

    input: {"x": (nodes, features), "edges": Spec((2, e), "int")}.
    """
    input = {"x": (2708, 1433), "edges": Spec((2, 10556), "int")} if input is None else input
    operations = tuple(choice(*OPERATIONS, name=f"op{node}") for node in range(1, NODES + 1))
    return Space(graph_network(classes, choice(*LINKS, name="link"), operations, width), input)


EXAMPLES = [
    (graph_network(3, "0-0-1-3", ("gcn", "fc", "skip", "gat"), 6), {"x": (5, 4), "edges": Spec((2, 7), "int")}),
    (graph_network(3, "0-1-2-3", ("skip",) * 4), (5, 4)),
]
