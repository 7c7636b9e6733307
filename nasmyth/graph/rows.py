"""Rows of equal blocks in a graph, and the same graph with more or fewer of each.

    rows(graph)                          # (Row(at="body", first=1, copies=2),): body[1] and body[2] are alike
    with_counts(graph, rows(graph), [5])     # body[1] to body[5]; what stood behind them has moved on

A *block* is a part, as addresses tell it (`body[1]` is all nodes at body[1].conv, body[1].norm ...), of several nodes with a
weighted layer among them, that keeps the shape of the one value it reads, and that everything passes: no branch goes around it.
Blocks that follow each other under one
name and have the same layers, wired alike, are a row. Of parts within parts the smaller ones count where several of them are
alike, else the larger.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from nasmyth.graph import Graph, Node
from nasmyth.graph.fan_in import fan_ins


class Row(NamedTuple):
    """Equal blocks one after another: `copies` of them from `at[first]` on."""

    at: str
    first: int
    copies: int


class _Block(NamedTuple):
    nodes: tuple[int, ...]
    source: int
    content: tuple[object, ...]
    """Its layers and how they are wired, wherever it stands."""


def rows(graph: Graph) -> tuple[Row, ...]:
    """The rows of equal blocks, in the order of the graph; one block alone is a row of one."""
    parts: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for n, node in enumerate(graph.nodes):
        for match in re.finditer(r"\[(\d+)\]", node.address):
            parts[node.address[: match.start()]][int(match[1])].append(n)
    found: list[tuple[Row, set[int]]] = []
    for at, members in parts.items():
        blocks = {i: block for i, nodes in members.items() if (block := _block(graph, f"{at}[{i}]", nodes))}
        found += _runs(at, blocks)
    chosen: list[tuple[Row, set[int]]] = []
    for row, nodes in sorted(found, key=lambda one: (one[0].copies < 2, -len(one[1]), -len(one[0].at))):
        if all(not nodes & other for _, other in chosen):
            chosen.append((row, nodes))
    return tuple(row for row, nodes in sorted(chosen, key=lambda one: min(one[1])))


def _runs(at: str, blocks: dict[int, _Block]) -> list[tuple[Row, set[int]]]:
    found: list[tuple[Row, set[int]]] = []
    for i, block in sorted(blocks.items()):
        before = blocks.get(i - 1)
        if before is not None and before.content == block.content and block.source == before.nodes[-1]:
            row, nodes = found.pop()
            found.append((row._replace(copies=row.copies + 1), nodes | set(block.nodes)))
        else:
            found.append((Row(at, i, 1), set(block.nodes)))
    return found


def _block(graph: Graph, address: str, nodes: Sequence[int]) -> _Block | None:
    """A part as a block; None where it is none."""
    inside, all_nodes = set(nodes), graph.nodes
    sources = {j for i in nodes for j in all_nodes[i].inputs if j not in inside}
    leaving = {j for i, node in enumerate(all_nodes) if i not in inside for j in node.inputs if j in inside}
    if len(nodes) < 2 or len(sources) != 1 or leaving != {nodes[-1]}:
        return None
    source, end = next(iter(sources)), nodes[-1]
    if len(nodes) != end - source or any(j < end for node in all_nodes[end + 1 :] for j in node.inputs):
        return None
    shared = {all_nodes[i].address for i in nodes} & {n.address for i, n in enumerate(all_nodes) if i not in inside}
    if shared or all_nodes[source].shape != all_nodes[nodes[-1]].shape:
        return None
    if not any(
        fan_ins(n.op, tuple(all_nodes[j].shape for j in n.inputs), n.shape) for n in (all_nodes[i] for i in nodes)
    ):
        return None
    number = {i: k for k, i in enumerate(nodes)}
    content = tuple(
        (all_nodes[i].op, all_nodes[i].address[len(address) :], tuple(number.get(j, -1) for j in all_nodes[i].inputs))
        for i in nodes
    )
    return _Block(tuple(nodes), source, content)


def with_counts(graph: Graph, found: Sequence[Row], counts: Sequence[int]) -> Graph:
    """The graph with so many blocks in each of its rows, at least one. Copies are like the last block of a row."""
    for row, count in reversed([*zip(found, counts, strict=True)]):  # those before keep their numbers
        if count != row.copies:
            graph = _with_count(graph, row, count)
    return graph


def _with_count(graph: Graph, row: Row, count: int) -> Graph:
    end = row.first + row.copies - 1
    last = [i for i, node in enumerate(graph.nodes) if _index(node.address, row.at) == end]
    kept = [i for i, node in enumerate(graph.nodes) if _index(node.address, row.at) == min(end, row.first + count - 1)]
    dropped = {i for i, node in enumerate(graph.nodes) if row.first + count <= _index(node.address, row.at) <= end}
    nodes: list[Node] = []
    now: dict[int, int] = {}
    for i, node in enumerate(graph.nodes):
        if i in dropped:
            now[i] = now[kept[-1]]  # of these, only the output is read by what stays
            continue
        at = _index(node.address, row.at)
        address = _moved(node.address, row.at, at + count - row.copies) if at > end else node.address
        now[i] = len(nodes)
        nodes.append(node._replace(inputs=tuple(now[j] for j in node.inputs), address=address))
        if i == last[-1]:
            for k in range(1, count - row.copies + 1):
                now[i] = _copied(graph, last, nodes, now[i], row, end + k)
    return Graph(tuple(nodes))


def _copied(graph: Graph, block: Sequence[int], nodes: list[Node], source: int, row: Row, number: int) -> int:
    """Append a copy of a block that reads a node; its output's number."""
    here: dict[int, int] = {}
    for i in block:
        node = graph.nodes[i]
        here[i] = len(nodes)
        inputs = tuple(here.get(j, source) for j in node.inputs)
        nodes.append(node._replace(inputs=inputs, address=_moved(node.address, row.at, number)))
    return len(nodes) - 1


def _index(address: str, at: str) -> int:
    """Which of the parts at `at` a node belongs to; -1 for none."""
    match = re.match(r"\[(\d+)\]", address[len(at) :]) if address.startswith(at) else None
    return int(match[1]) if match else -1


def _moved(address: str, at: str, number: int) -> str:
    rest = address[len(at) :]
    return f"{at}[{number}]{rest[rest.index(']') + 1 :]}"
