"""A graph as text: a table for people, Graphviz for pictures."""

from __future__ import annotations

from typing import Protocol

from nasmyth.graph.costs import Costs
from nasmyth.graph.flat import Node
from nasmyth.graph.joins import Input
from nasmyth.graph.op import mac_count, param_count
from nasmyth.markup import table as html_table
from nasmyth.units import show


class Shown(Protocol):
    """What is shown of a graph."""

    @property
    def nodes(self) -> tuple[Node, ...]: ...
    @property
    def costs(self) -> Costs: ...
    @property
    def key(self) -> str: ...


def rows(graph: Shown) -> list[dict[str, object]]:
    """One row a node: number, address, op, inputs, shape, params, macs (None where an op has no rule)."""
    found: list[dict[str, object]] = []
    seen: set[str] = set()
    for number, node in enumerate(graph.nodes):
        shapes = tuple(graph.nodes[i].shape for i in node.inputs)
        layer = not isinstance(node.op, Input)
        shared = layer and node.address in seen
        found.append(
            {
                "node": number,
                "address": node.address,
                "op": repr(node.op) if layer else "input",
                "inputs": list(node.inputs),
                "shape": list(node.shape),
                "params": 0 if shared or not layer else param_count(node.op, shapes, node.shape),
                "macs": mac_count(node.op, shapes, node.shape) if layer else 0,
                "shared": shared,
            }
        )
        if layer:
            seen.add(node.address)
    return found


HEADS = ("", "address", "op", "from", "shape", "params", "MACs")
RIGHT = (0, 5, 6)
"""The columns of numbers."""


def table(graph: Shown) -> str:
    """Node by node: address, op, shape, parameters and MACs, with the totals below."""
    lines = [HEADS, *_lines(graph)]
    widths = [max(len(line[i]) for line in lines) for i in range(7)]
    body = ["  ".join(_pad(line, widths)).rstrip() for line in lines]
    return "\n".join([*body, f"{totals(graph)}; key {graph.key}"])


def html(graph: Shown, title: str = "") -> str:
    """The same as a table for a notebook."""
    return html_table(HEADS, _lines(graph), RIGHT, title or f"Graph {graph.key}: {totals(graph)}")


def totals(graph: Shown) -> str:
    """What all nodes cost together."""
    costs = graph.costs
    more = " and what the ops marked ? cost" if costs.unknown else ""
    return f"{show(costs.params)} parameters, {show(costs.macs)} MACs{more}"


def _lines(graph: Shown) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for row in rows(graph):
        inputs = ",".join(map(str, row["inputs"]))  # type: ignore[call-overload]
        shape = "x".join(map(str, row["shape"]))  # type: ignore[call-overload]
        counts = [_count(row["params"]) + (" (shared)" if row["shared"] else ""), _count(row["macs"])]
        lines.append((str(row["node"]), str(row["address"]), str(row["op"]), inputs, shape, *counts))
    return lines


def _pad(line: tuple[str, ...], widths: list[int]) -> list[str]:
    return [
        text.rjust(w) if i in RIGHT else text.ljust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True))
    ]


def _count(value: object) -> str:
    return "?" if value is None else "" if value == 0 else f"{value:,}"


def dot(graph: Shown) -> str:
    """The graph in Graphviz's language: one box a node, labelled with its op and shape."""
    lines = ["digraph network {", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    for row in rows(graph):
        shape = "×".join(map(str, row["shape"]))  # type: ignore[call-overload]
        op, address = _quoted(row["op"]), _quoted(row["address"])
        lines.append(f'  n{row["node"]} [label="{op}\\n{shape}", tooltip="{address}"];')
        lines += [f"  n{i} -> n{row['node']};" for i in row["inputs"]]  # type: ignore[attr-defined]
    return "\n".join([*lines, "}"])


def _quoted(text: object) -> str:
    """As it may stand between quotes in Graphviz's language, whatever a file says."""
    return " ".join(str(text).replace("\\", "\\\\").replace('"', '\\"').split())
