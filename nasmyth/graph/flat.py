"""The flat form of a wiring: a list of nodes, inputs before readers, without identities and without what nothing needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from nasmyth.errors import NasmythError, ShapeError, SpaceError
from nasmyth.graph.combine import Combine, Name
from nasmyth.graph.inputs import Entry, Inputs
from nasmyth.graph.joins import Identity, Input
from nasmyth.graph.op import Block, Op
from nasmyth.graph.signature import Shape
from nasmyth.kinds import shown, written
from nasmyth.record import MAX_DEPTH, below, is_open

MOST = 100_000
"""Layers that a graph may have. A few words can ask for more than any memory holds: repeat(repeat(...), 10000)."""


class Node(NamedTuple):
    """One layer in its place. `inputs` are numbers of earlier nodes; `shape` is the output's, without the batch."""

    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    address: str


def checked_address(address: str) -> str:
    """An address from a file. Raises NasmythError where it has more levels than modules can be within each other."""
    if address.count(".") + address.count("[") > MAX_DEPTH or not written(address):
        raise NasmythError(f"the address {shown(address)} has more than {MAX_DEPTH} levels, or is no text")
    return address


def two_ops_of_one(address: str, first: Op, second: Op) -> NasmythError:
    return NasmythError(f"two nodes at {address!r} would share one module, but are {first!r} and {second!r}")


def input_nodes(inputs: Inputs) -> list[Node]:
    """The nodes where data enters, the first of which flows into the template."""
    if inputs.plain:
        return [Node(Input(inputs.shape), (), inputs.shape, "input")]
    return [Node(Input(e.shape, e.name, e.dtype), (), e.shape, f"input {e.name}") for e in inputs]


def inputs_in(nodes: Sequence[Node]) -> Inputs:
    """What enters a flat network: its first nodes."""
    entries = [Entry(n.op.name, n.shape, n.op.dtype) for n in nodes if isinstance(n.op, Input)]
    return Inputs(tuple(entries))


def handed(term: Op | Block, given: int, named: Mapping[str, Any]) -> tuple[Any, ...]:
    """The inputs of the graph that an op or a block reads by name, where it is given no more than the others."""
    return tuple(named[name] for name in term.parsed_signature.reads(given) if name in named)


@lru_cache(maxsize=100_000)
def inferred(op: Op, shapes: tuple[Shape, ...]) -> Shape:
    return op.infer(*shapes)


@lru_cache(maxsize=100_000)
def _declared_output(block: Block, shapes: tuple[Shape, ...]) -> Shape | None:
    return block.declared_output(*shapes)


def infer(op: Op, shapes: tuple[Shape, ...], address: str) -> Shape:
    try:
        return inferred(op, shapes)
    except ShapeError as error:
        raise ShapeError(f"{error}  (at {address})" if address else str(error)) from None


class _Flattener:
    """Reads a wiring into a list of nodes."""

    def __init__(self, nodes: list[Node], named: Mapping[str, int], address: str = "") -> None:
        self.nodes, self.named, self.address = nodes, named, address

    def shape(self, handle: int) -> Shape:
        return self.nodes[handle].shape

    def __call__(self, part: Any, inputs: tuple[int, ...], name: Name) -> int:
        return self.put(part, inputs, below(self.address, name))

    def put(self, term: Any, inputs: tuple[int, ...], address: str) -> int:
        if len(self.nodes) > MOST:
            raise too_many_layers(address)
        if isinstance(term, Op):
            nodes = self.nodes
            if self.named:
                inputs += handed(term, len(inputs), self.named)
            shapes = (nodes[inputs[0]].shape,) if len(inputs) == 1 else tuple([nodes[i].shape for i in inputs])
            nodes.append(Node(term, inputs, infer(term, shapes, address), address))
            return len(nodes) - 1
        if isinstance(term, Block):
            shapes = tuple(self.nodes[i].shape for i in (*inputs, *handed(term, len(inputs), self.named)))
            output = self.put(unfold(term, shapes, address), inputs, address)
            check_declared_output(term, shapes, self.nodes[output].shape, address)
            return output
        if isinstance(term, Combine):
            return int(term.wire(_Flattener(self.nodes, self.named, address), inputs))
        raise not_a_template(term, address)


def unfold(block: Block, shapes: tuple[Shape, ...], address: str = "") -> Any:
    """A block's body for inputs of these shapes."""
    try:
        return block.unfold(*shapes)
    except ShapeError as error:
        raise ShapeError(f"{error}  (at {address})" if address else str(error)) from None


def check_declared_output(block: Block, shapes: tuple[Shape, ...], got: Shape, address: str = "") -> None:
    """Holds a block to the shape that its signature declares. Raises ShapeError."""
    declared = _declared_output(block, shapes)
    if declared is not None and got != declared:
        at = f"  (at {address})" if address else ""
        raise ShapeError(f"{block!r} declares {declared} and gives {got}; mend its signature or its body{at}")


def too_many_layers(address: str) -> SpaceError:
    return SpaceError(f"more than {MOST:,} layers: no network here has so many; repeat less (at {address})")


def not_a_template(term: Any, address: str) -> SpaceError:
    at = f" at {address}" if address else ""
    if is_open(term):
        return SpaceError(f"{term!r}{at} has a hole, and a graph has none: wrap it in Space(...) and decode a genome")
    return SpaceError(f"{term!r}{at} is not an op, a block or a combinator")


def flatten(term: Any, inputs: Inputs) -> tuple[Node, ...]:
    """The nodes of a template on the first of these inputs."""
    return _flattened(term, input_nodes(inputs), (0,), {name: i for i, (name, _) in enumerate(inputs.named)})


def flatten_on(term: Any, shapes: tuple[Shape, ...]) -> tuple[Node, ...]:
    """The nodes of a part of a template on all of so many inputs."""
    nodes = [Node(Input(shape), (), shape, f"input {i}") for i, shape in enumerate(shapes)]
    return _flattened(term, nodes, tuple(range(len(shapes))), {})


def _flattened(term: Any, nodes: list[Node], inputs: tuple[int, ...], named: Mapping[str, int]) -> tuple[Node, ...]:
    given = len(nodes)
    last = _Flattener(nodes, named).put(term, inputs, "")
    if last < given or last != len(nodes) - 1:  # the output comes last, always
        nodes.append(Node(Identity(), (last,), nodes[last].shape, "output"))
    return tuple(nodes)


def append(nodes: list[Node], term: Any, inputs: tuple[int, ...], address: str) -> int:
    """Put a template at an address behind nodes that are there, on some of them; the number of its output."""
    named = {n.op.name: i for i, n in enumerate(nodes) if isinstance(n.op, Input)}
    return _Flattener(nodes, {name: named[name] for name, _ in inputs_in(nodes).named}).put(term, inputs, address)


def canonical(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Without identities and without nodes that the output does not need."""
    source = list(range(len(nodes)))
    first = sum(isinstance(node.op, Input) for node in nodes)  # inputs stay, read or not: they are how it is called
    for i, (op, inputs, _, _) in enumerate(nodes):
        if isinstance(op, Identity):
            source[i] = source[inputs[0]]
    needed, stack = set(range(first)), [source[-1]]  # the output is the last of them, as it is computed from the others
    while stack:
        i = stack.pop()
        if i not in needed:
            needed.add(i)
            stack += [source[j] for j in nodes[i].inputs]
    if source[-1] < first:  # nothing but identities: one of them is the network
        end = source[-1]
        return (*nodes[:first], Node(Identity(), (end,), nodes[end].shape, nodes[-1].address))
    kept = sorted(needed)
    number = {old: new for new, old in enumerate(kept)}
    return tuple(
        Node(op, tuple([number[source[j]] for j in inputs]), shape, address)
        for op, inputs, shape, address in map(nodes.__getitem__, kept)
    )
