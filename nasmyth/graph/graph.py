"""A graph is an architecture as a value: ops wired together, no holes, no weights.

    graph = Graph.of(chain(Conv(16), BatchNorm(), Mean("h w"), Linear(10)), input=(3, 32, 32))
    graph.nodes     # flat: node 0 is the input, the last is the output; each has an op, inputs, a shape, an address
    graph.key       # the same 20 digits for every way of writing the same network, in every process

Graphs are canonical: nodes that nothing reads are gone, identities are gone, and the key does not depend on the order of
a sum's terms. Two nodes of one address share one module, and so its weights.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import Any

from nasmyth.errors import NasmythError, ShapeError
from nasmyth.graph.axes import Axes
from nasmyth.graph.costs import Costs, Summary, of_nodes, summarise
from nasmyth.graph.flat import (
    Node,
    canonical,
    checked_address,
    flatten,
    infer,
    input_nodes,
    inputs_in,
    not_a_template,
    two_ops_of_one,
)
from nasmyth.graph.identity import key_of_nodes, key_of_term
from nasmyth.graph.inputs import Inputs, checked_inputs, inputs_of
from nasmyth.graph.joins import Input
from nasmyth.graph.lines import from_lines, to_lines
from nasmyth.graph.op import Op
from nasmyth.graph.signature import Shape
from nasmyth.graph.text import dot, html, table
from nasmyth.kinds import shown
from nasmyth.record import Value, defined_in, from_json, is_open, to_json


class Graph:
    """An immutable architecture. Make one with `Graph.of(template, input)`, `space.decode(genome)` or `trace(module)`."""

    __slots__ = ("__weakref__", "_axes", "_costs", "_key", "_nodes", "_term", "inputs")
    inputs: Inputs
    """What enters: for each input its name, the shape of one example, and its dtype."""
    _nodes: tuple[Node, ...] | None
    _term: Any
    _key: str | None
    _costs: Costs | None
    _axes: Axes | None

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self._set(canonical(nodes), inputs_in(nodes), None)

    def _set(self, nodes: tuple[Node, ...] | None, inputs: Inputs, term: Any) -> None:
        known = {"_nodes": nodes, "inputs": inputs, "_term": term, "_key": None, "_costs": None, "_axes": None}
        for name, value in known.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Graph is frozen: rewrite its template, or use a transform")

    @classmethod
    def of(cls, template: Any, input: Any) -> Graph:
        """The graph of a template without holes, for one example of shape `input`. Raises ShapeError at an address.

        input: a shape; or a mapping from names to shapes or `Spec(shape, dtype)`, of which the first flows into the template
            and ops read the others by name.
        """
        if is_open(template) or not isinstance(template, Value):
            raise not_a_template(template, "")
        graph = object.__new__(cls)
        graph._set(None, checked_inputs(input), template)
        _ = graph.output  # mismatched shapes are refused here, not later
        return graph

    @property
    def input(self) -> Shape:
        """The shape of one example, without the batch; of several inputs that of the first."""
        return self.inputs.shape

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All layers, inputs before readers."""
        if self._nodes is None:
            object.__setattr__(self, "_nodes", canonical(flatten(self._term, self.inputs)))
        assert self._nodes is not None
        return self._nodes

    @property
    def output(self) -> Shape:
        """The shape of the output, without the batch."""
        if self._term is None:
            return self.nodes[-1].shape
        try:
            return self._summary().shape
        except ShapeError:
            flatten(self._term, self.inputs)  # the same error, with the address where it happens
            raise

    @property
    def key(self) -> str:
        """20 hexadecimal digits: equal for isomorphic networks (same ops, wiring, shapes and sharing of weights)."""
        if self._key is None:
            flat = self._term is None or not self.inputs.plain
            key = key_of_nodes(self.nodes) if flat else key_of_term(self._term, self.inputs.shape)
            object.__setattr__(self, "_key", key)
        assert self._key is not None
        return self._key

    @property
    def costs(self) -> Costs:
        """Parameters, buffers and MACs by rule, without building anything."""
        if self._costs is None:
            s = of_nodes(self.nodes) if self._term is None else self._summary()
            object.__setattr__(self, "_costs", Costs(*s[1:6]))
        assert self._costs is not None
        return self._costs

    @property
    def axes(self) -> Axes:
        """Which axes change together, of all outputs and weights; printed, one group a line."""
        if self._axes is None:
            object.__setattr__(self, "_axes", Axes(self.nodes))
        assert self._axes is not None
        return self._axes

    def _summary(self) -> Summary:
        return summarise(self._term, (self.inputs.shape,), self.inputs.named)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.to_json(), defined_in(*(node.op for node in self.nodes)))

    def __repr__(self) -> str:
        return f"<Graph {self.key}: {self.inputs} -> {self.output}, {len(self.nodes) - len(self.inputs)} layers>"

    def __str__(self) -> str:
        return table(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return html(self)

    def dot(self) -> str:
        """The graph in Graphviz's language."""
        return dot(self)

    def to_text(self, *, addresses: bool = False, shapes: bool = False) -> str:
        """Compact text, one line a node: "3: Conv(out=16) <- 2". `Graph.from_text` reads it (see `graph/lines.py`)."""
        return to_lines(self.nodes, addresses=addresses, shapes=shapes)

    @classmethod
    def from_text(cls, text: str) -> Graph:
        """The graph that `to_text` wrote. Raises NasmythError, which names the line, the token and what was expected."""
        return cls(from_lines(text))

    def to_json(self) -> dict[str, Any]:
        """Plain data; `Graph.from_json` reads it."""
        nodes = [[to_json(node.op), list(node.inputs), node.address] for node in self.nodes[len(self.inputs) :]]
        return {"input": self.inputs.to_json(), "nodes": nodes}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Graph:
        """The graph that `to_json` wrote. Shapes are inferred again, so that a damaged file is noticed."""
        nodes = input_nodes(inputs_of(data, "a graph"))
        listed = data.get("nodes")
        if not isinstance(listed, list):
            raise NasmythError(f"a graph lists its nodes, got {shown(listed)}")
        ops: dict[str, Op] = {}
        for entry in listed:
            node = _node(entry, nodes)
            if ops.setdefault(node.address, node.op) is not node.op:
                raise two_ops_of_one(node.address, ops[node.address], node.op)
            nodes.append(node)
        return cls(tuple(nodes))


def _node(entry: Any, nodes: list[Node]) -> Node:
    """A node as `to_json` wrote it, after those before it."""
    if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[1], list) or type(entry[2]) is not str:
        raise NasmythError(f"node {len(nodes)} is {shown(entry)}, and should be [op, numbers of nodes, address]")
    value, inputs, address = from_json(entry[0]), entry[1], checked_address(entry[2])
    if not isinstance(value, Op):
        raise NasmythError(f"node {shown(address)} is {shown(value)}, which is not an op")
    if isinstance(value, Input):
        raise NasmythError(f"node {shown(address)} is an input, and a graph has one, which comes first")
    if not inputs or not all(type(i) is int and 0 <= i < len(nodes) for i in inputs):
        raise NasmythError(
            f"node {shown(address)} reads {shown(inputs)}, which does not come before it: numbers of nodes above"
        )
    if is_open(value):
        raise not_a_template(value, address)
    shape = infer(value, tuple(nodes[i].shape for i in inputs), address)
    return Node(value, tuple(inputs), shape, address)


def _unpickled(data: dict[str, Any], modules: tuple[str, ...]) -> Graph:
    """A graph in a process that may not have imported yet what its ops are."""
    for module in modules:
        with suppress(ImportError):  # `from_json` says what is missing
            importlib.import_module(module)
    return Graph.from_json(data)
