"""A graph is an architecture as a value: ops wired together, no holes, no weights.

    graph = Graph.of(chain(Conv(16), BatchNorm(), Mean("h w"), Linear(10)), input=(3, 32, 32))
    graph.nodes     # flat: node 0 is the input, the last is the output; each has an op, inputs, a shape, an address
    graph.key       # the same 20 digits for every way of writing the same network, in every process

Graphs are canonical: nodes that nothing reads are gone, identities are gone, and the key does not depend on the order of
a sum's terms. Two nodes of one address share one module, and so its weights.
"""

from __future__ import annotations

import hashlib
import importlib
import math
from collections import Counter
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from nasmyth.errors import NasmythError, ShapeError, SpaceError
from nasmyth.graph.combine import Combine, Identity, Input, Repeat
from nasmyth.graph.op import Block, Op, buffer_count, mac_count, param_count
from nasmyth.graph.signature import Shape
from nasmyth.record import below, content_key, defined_in, from_json, is_open, to_json


class Node(NamedTuple):
    """One layer in its place. `inputs` are numbers of earlier nodes; `shape` is the output's, without the batch."""

    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    address: str


class Unknown(NamedTuple):
    """An op that has no rule, and the shapes of its inputs; `shared` where its weights have been counted before."""

    op: Op
    shapes: tuple[Shape, ...]
    shared: bool = False


class Costs(NamedTuple):
    """What a network costs, as its graph tells: learnable numbers, other saved numbers, and for one example MACs and the
    numbers in the outputs of all layers.

    `unknown` holds what has no rule, and counts nothing here but its output.
    """

    params: int
    buffers: int
    macs: int
    activations: int
    unknown: tuple[Unknown, ...] = ()


class Graph:
    """An immutable architecture. Make one with `Graph.of(template, input)`, `space.decode(genome)` or `trace(module)`."""

    __slots__ = ("__weakref__", "_costs", "_key", "_nodes", "_term", "input")
    input: Shape
    """The shape of one example, without the batch."""
    _nodes: tuple[Node, ...] | None
    _term: Any
    _key: str | None
    _costs: Costs | None

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self._set(_canonical(nodes), nodes[0].shape, None)

    def _set(self, nodes: tuple[Node, ...] | None, input: Shape, term: Any) -> None:
        for name, value in {"_nodes": nodes, "input": input, "_term": term, "_key": None, "_costs": None}.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Graph is frozen: rewrite its template, or use a transform")

    @classmethod
    def of(cls, template: Any, input: Shape) -> Graph:
        """The graph of a template without holes, for one example of shape `input`. Raises ShapeError at an address."""
        if is_open(template):
            raise _not_a_template(template, "")
        graph = object.__new__(cls)
        graph._set(None, tuple(input), template)
        _ = graph.output  # mismatched shapes are refused here, not later
        return graph

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All layers, inputs before readers."""
        if self._nodes is None:
            object.__setattr__(self, "_nodes", _canonical(_flatten(self._term, self.input)))
        assert self._nodes is not None
        return self._nodes

    @property
    def output(self) -> Shape:
        """The shape of the output, without the batch."""
        if self._term is None:
            return self.nodes[-1].shape
        try:
            return summarise(self._term, (self.input,)).shape
        except ShapeError:
            _flatten(self._term, self.input)  # the same error, with the address where it happens
            raise

    @property
    def key(self) -> str:
        """20 hexadecimal digits: equal for isomorphic networks (same ops, wiring, shapes and sharing of weights)."""
        if self._key is None:
            object.__setattr__(self, "_key", _content_hash(self.nodes))
        assert self._key is not None
        return self._key

    @property
    def costs(self) -> Costs:
        """Parameters, buffers and MACs by rule, without building anything."""
        if self._costs is None:
            object.__setattr__(self, "_costs", self._count())
        assert self._costs is not None
        return self._costs

    def _count(self) -> Costs:
        if self._term is not None:
            s = summarise(self._term, (self.input,))
            return Costs(*s[1:])
        total = Summary(self.input)
        seen: set[str] = set()
        for node in self.nodes[1:]:
            shapes = tuple(self.nodes[i].shape for i in node.inputs)
            total = total.plus(_summarise_op(node.op, shapes), shared=node.address in seen)
            seen.add(node.address)
        return Costs(*total[1:])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.to_json(), defined_in(*(node.op for node in self.nodes)))

    def __repr__(self) -> str:
        return f"<Graph {self.key}: {self.input} -> {self.output}, {len(self.nodes) - 1} layers>"

    def __str__(self) -> str:
        from nasmyth.graph.text import table

        return table(self)

    def dot(self) -> str:
        """The graph in Graphviz's language."""
        from nasmyth.graph.text import dot

        return dot(self)

    def to_json(self) -> dict[str, Any]:
        """Plain data; `Graph.from_json` reads it."""
        nodes = [[to_json(node.op), list(node.inputs), node.address] for node in self.nodes[1:]]
        return {"input": list(self.input), "nodes": nodes}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Graph:
        """The graph that `to_json` wrote. Shapes are inferred again, so that a damaged file is noticed."""
        nodes = [_input_node(tuple(data["input"]))]
        for op, inputs, address in data["nodes"]:
            value = from_json(op)
            if not isinstance(value, Op):
                raise NasmythError(f"node {address!r} is {value!r}, which is not an op")
            if any(not 0 <= i < len(nodes) for i in inputs):
                raise NasmythError(f"node {address!r} reads a node that does not come before it")
            shape = _infer(value, tuple(nodes[i].shape for i in inputs), address)
            nodes.append(Node(value, tuple(inputs), shape, address))
        return cls(tuple(nodes))


def _unpickled(data: dict[str, Any], modules: tuple[str, ...]) -> Graph:
    """A graph in a process that may not have imported yet what its ops are."""
    for module in modules:
        with suppress(ImportError):  # `from_json` says what is missing
            importlib.import_module(module)
    return Graph.from_json(data)


# --- flat form ----------------------------------------------------------------------------------------------------


def _input_node(shape: Shape) -> Node:
    return Node(Input(tuple(shape)), (), tuple(shape), "input")


@lru_cache(maxsize=100_000)
def _inferred(op: Op, shapes: tuple[Shape, ...]) -> Shape:
    return op.infer(*shapes)


@lru_cache(maxsize=100_000)
def _promised(block: Block, shapes: tuple[Shape, ...]) -> Shape | None:
    return block.promised(*shapes)


def _infer(op: Op, shapes: tuple[Shape, ...], address: str) -> Shape:
    try:
        return _inferred(op, shapes)
    except ShapeError as error:
        raise ShapeError(f"{error}  (at {address})" if address else str(error)) from None


class _Flattener:
    """Reads a wiring into a list of nodes."""

    def __init__(self, nodes: list[Node], address: str = "") -> None:
        self.nodes, self.address = nodes, address

    def shape(self, handle: int) -> Shape:
        return self.nodes[handle].shape

    def __call__(self, part: Any, inputs: tuple[int, ...], name: str | int) -> int:
        return self.put(part, inputs, below(self.address, name))

    def put(self, term: Any, inputs: tuple[int, ...], address: str) -> int:
        if isinstance(term, Op):
            shape = _infer(term, tuple(self.nodes[i].shape for i in inputs), address)
            self.nodes.append(Node(term, inputs, shape, address))
            return len(self.nodes) - 1
        if isinstance(term, Block):
            shapes = tuple(self.nodes[i].shape for i in inputs)
            output = self.put(_unfold(term, shapes, address), inputs, address)
            _keeps_promise(term, shapes, self.nodes[output].shape, address)
            return output
        if isinstance(term, Combine):
            return int(term.wire(_Flattener(self.nodes, address), inputs))
        raise _not_a_template(term, address)


def _unfold(block: Block, shapes: tuple[Shape, ...], address: str = "") -> Any:
    """A block's body for inputs of these shapes."""
    try:
        return block.unfold(*shapes)
    except ShapeError as error:
        raise ShapeError(f"{error}  (at {address})" if address else str(error)) from None


def _keeps_promise(block: Block, shapes: tuple[Shape, ...], got: Shape, address: str = "") -> None:
    """Holds a block to the shape that its signature promises. Raises ShapeError."""
    promised = _promised(block, shapes)
    if promised is not None and got != promised:
        at = f"  (at {address})" if address else ""
        raise ShapeError(f"{block!r} promises {promised} and gives {got}; mend its signature or its body{at}")


def _not_a_template(term: Any, address: str) -> SpaceError:
    at = f" at {address}" if address else ""
    if is_open(term):
        return SpaceError(f"{term!r}{at} has a hole, and a graph has none: wrap it in Space(...) and decode a genome")
    return SpaceError(f"{term!r}{at} is not an op, a block or a combinator")


def _flatten(term: Any, input: Shape) -> tuple[Node, ...]:
    nodes = [_input_node(input)]
    last = _Flattener(nodes).put(term, (0,), "")
    if last == 0 or last != len(nodes) - 1:  # the output comes last, always
        nodes.append(Node(Identity(), (last,), nodes[last].shape, "output"))
    return tuple(nodes)


def _canonical(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Without identities and without nodes that the output does not need."""
    source = list(range(len(nodes)))
    for i, node in enumerate(nodes):
        if isinstance(node.op, Identity):
            source[i] = source[node.inputs[0]]
    needed, stack = {0}, [source[-1]]  # the output is the last of them, as it is computed from the others
    while stack:
        i = stack.pop()
        if i not in needed:
            needed.add(i)
            stack.extend(source[j] for j in nodes[i].inputs)
    if source[-1] == 0:  # nothing but identities: one of them is the network
        return (nodes[0], Node(Identity(), (0,), nodes[0].shape, nodes[-1].address))
    kept = sorted(needed)
    number = {old: new for new, old in enumerate(kept)}
    return tuple(
        Node(op, tuple([number[source[j]] for j in inputs]), shape, address)
        for op, inputs, shape, address in map(nodes.__getitem__, kept)
    )


def _content_hash(nodes: tuple[Node, ...], rounds: int = 3) -> str:
    """A hash that two isomorphic graphs share: colours refined along the edges, both ways, then the bag of colours.

    One pass down gives every node the hash of all it is computed from, one pass up of all that is computed from it, so
    that a shared node and two equal copies of it differ; further rounds (Weisfeiler and Leman 1968) mix the two.
    """
    copies = Counter(node.address for node in nodes[1:])
    groups: dict[str, list[int]] = {}
    for i, node in enumerate(nodes):
        if i and copies[node.address] > 1:
            groups.setdefault(node.address, []).append(i)
    colours = [_colour(node.op, node.shape, len(groups.get(node.address, ()))) for node in nodes]
    for _ in range(rounds):
        down: list[bytes] = []
        for node, colour in zip(nodes, colours, strict=True):
            inputs = [down[i] for i in node.inputs]
            down.append(_hash(colour, *(sorted(inputs) if node.op.commutative else inputs)))
        readers: list[list[bytes]] = [[] for _ in nodes]
        up = [b""] * len(nodes)
        for i in reversed(range(len(nodes))):
            up[i] = _hash(down[i], *sorted(readers[i]))
            for position, j in enumerate(nodes[i].inputs, 1):
                readers[j].append(up[i] + (0 if nodes[i].op.commutative else position).to_bytes(4))
        for group in groups.values():  # nodes that share weights see each other
            shared = _hash(*sorted(up[i] for i in group))
            for i in group:
                up[i] = _hash(up[i], shared)
        before, colours = colours, up
        if len(set(up)) in (len(set(before)), len(nodes)):  # refined as far as it goes
            break
    return _hash(*sorted(colours)).hex()


@lru_cache(maxsize=100_000)
def _colour(op: Op, shape: Shape, copies: int) -> bytes:
    return _hash(content_key(op).encode(), repr((shape, copies)).encode())


def _hash(*parts: bytes) -> bytes:
    """Of parts whose lengths are known from their place, so that joining them loses nothing."""
    return hashlib.blake2b(b"".join(parts), digest_size=10).digest()


# --- costs --------------------------------------------------------------------------------------------------------


class Summary(NamedTuple):
    """A part's output shape and costs. Parts are shared between candidates, so each is added up only once."""

    shape: Shape
    params: int = 0
    buffers: int = 0
    macs: int = 0
    activations: int = 0
    unknown: tuple[Unknown, ...] = ()

    def plus(self, other: Summary, shared: bool = False) -> Summary:
        """Both together; `shared` weights have been counted before."""
        return Summary(
            other.shape,
            self.params + (0 if shared else other.params),
            self.buffers + (0 if shared else other.buffers),
            self.macs + other.macs,
            self.activations + other.activations,
            self.unknown + (_shared(other.unknown) if shared else other.unknown) if other.unknown else self.unknown,
        )


class _Counter:
    """Reads a wiring into a summary: what flows is shapes."""

    __slots__ = ("activations", "buffers", "macs", "params", "shared", "tied", "unknown")

    def __init__(self, tied: bool) -> None:
        self.params = self.buffers = self.macs = self.activations = 0
        self.unknown: tuple[Unknown, ...] = ()
        self.tied, self.shared = tied, False

    def shape(self, handle: Shape) -> Shape:
        return handle

    def __call__(self, part: Any, inputs: tuple[Shape, ...], name: str | int) -> Shape:
        shape, params, buffers, macs, activations, unknown = summarise(part, inputs)
        self.macs += macs
        self.activations += activations
        if not self.shared:
            self.params += params
            self.buffers += buffers
        if unknown:
            self.unknown += _shared(unknown) if self.shared else unknown
        self.shared = self.tied  # a body applied again brings no new weights
        return shape


@lru_cache(maxsize=200_000)
def summarise(term: Any, shapes: tuple[Shape, ...]) -> Summary:
    """Output shape and costs of a template without holes on inputs of these shapes."""
    if isinstance(term, Op):
        return _summarise_op(term, shapes)
    if isinstance(term, Block):
        summary = summarise(_unfold(term, shapes), shapes)
        _keeps_promise(term, shapes, summary.shape)
        return summary
    if not isinstance(term, Combine):
        raise _not_a_template(term, "")
    counter = _Counter(tied=isinstance(term, Repeat) and bool(term.tied))
    shape = term.wire(counter, shapes)
    return Summary(shape, counter.params, counter.buffers, counter.macs, counter.activations, counter.unknown)


def _summarise_op(op: Op, shapes: tuple[Shape, ...]) -> Summary:
    output = _inferred(op, shapes)
    params, buffers, macs = (rule(op, shapes, output) for rule in (param_count, buffer_count, mac_count))
    activations = 0 if isinstance(op, Identity) else math.prod(output)
    if params is None or buffers is None or macs is None:
        return Summary(output, activations=activations, unknown=(Unknown(op, shapes),))
    return Summary(output, params, buffers, macs, activations)


def _shared(unknown: tuple[Unknown, ...]) -> tuple[Unknown, ...]:
    return tuple(one._replace(shared=True) for one in unknown)
