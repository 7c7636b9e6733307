"""The flat form of a wiring: a list of nodes, inputs before readers, without identities and without what nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from nasmyth.errors import NasmythError, ShapeError, SpaceError
from nasmyth.graph.combine import Combine, Name
from nasmyth.graph.joins import Identity, Input
from nasmyth.graph.op import Block, Op
from nasmyth.graph.signature import Shape, checked_shape
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


def checked_input(shape: Any) -> Shape:
    """The shape of one example as a tuple of whole numbers above 0. Raises ShapeError."""
    if not isinstance(shape, Iterable) or isinstance(shape, (str, bytes, Mapping)):
        raise ShapeError(
            f"input={shown(shape)}: give the shape of one example without the batch, such as (3, 224, 224)"
        )
    with suppress(TypeError):
        lengths = checked_shape(shape, "the input")
        if 0 not in lengths:
            return lengths
    raise ShapeError(f"input={shown(shape)}: give the shape of one example without the batch, such as (3, 224, 224)")


def shape_of(data: Any, what: str) -> Shape:
    """The shape that enters a graph or a space, as its JSON says it. Raises NasmythError."""
    if not isinstance(data, dict):
        raise NasmythError(f"{what} is read from an object with its input, got {shown(data)}")
    if not isinstance(data.get("input"), (list, tuple)):
        raise NasmythError(
            f"{what} says what shape enters it, a list such as [3, 32, 32], got {shown(data.get('input'))}"
        )
    return checked_input(data["input"])


def checked_address(address: str) -> str:
    """An address from a file. Raises NasmythError where it has more levels than modules can be within each other."""
    if address.count(".") + address.count("[") > MAX_DEPTH or not written(address):
        raise NasmythError(f"the address {shown(address)} has more than {MAX_DEPTH} levels, or is no text")
    return address


def two_ops_of_one(address: str, first: Op, second: Op) -> NasmythError:
    return NasmythError(f"two nodes at {address!r} would share one module, but are {first!r} and {second!r}")


def input_node(shape: Shape) -> Node:
    shape = checked_input(shape)
    return Node(Input(shape), (), shape, "input")


@lru_cache(maxsize=100_000)
def inferred(op: Op, shapes: tuple[Shape, ...]) -> Shape:
    return op.infer(*shapes)


@lru_cache(maxsize=100_000)
def _promised(block: Block, shapes: tuple[Shape, ...]) -> Shape | None:
    return block.promised(*shapes)


def infer(op: Op, shapes: tuple[Shape, ...], address: str) -> Shape:
    try:
        return inferred(op, shapes)
    except ShapeError as error:
        raise ShapeError(f"{error}  (at {address})" if address else str(error)) from None


class _Flattener:
    """Reads a wiring into a list of nodes."""

    def __init__(self, nodes: list[Node], address: str = "") -> None:
        self.nodes, self.address = nodes, address

    def shape(self, handle: int) -> Shape:
        return self.nodes[handle].shape

    def __call__(self, part: Any, inputs: tuple[int, ...], name: Name) -> int:
        return self.put(part, inputs, below(self.address, name))

    def put(self, term: Any, inputs: tuple[int, ...], address: str) -> int:
        if len(self.nodes) > MOST:
            raise too_many_layers(address)
        if isinstance(term, Op):
            shape = infer(term, tuple(self.nodes[i].shape for i in inputs), address)
            self.nodes.append(Node(term, inputs, shape, address))
            return len(self.nodes) - 1
        if isinstance(term, Block):
            shapes = tuple(self.nodes[i].shape for i in inputs)
            output = self.put(unfold(term, shapes, address), inputs, address)
            keeps_promise(term, shapes, self.nodes[output].shape, address)
            return output
        if isinstance(term, Combine):
            return int(term.wire(_Flattener(self.nodes, address), inputs))
        raise not_a_template(term, address)


def unfold(block: Block, shapes: tuple[Shape, ...], address: str = "") -> Any:
    """A block's body for inputs of these shapes."""
    try:
        return block.unfold(*shapes)
    except ShapeError as error:
        raise ShapeError(f"{error}  (at {address})" if address else str(error)) from None


def keeps_promise(block: Block, shapes: tuple[Shape, ...], got: Shape, address: str = "") -> None:
    """Holds a block to the shape that its signature promises. Raises ShapeError."""
    promised = _promised(block, shapes)
    if promised is not None and got != promised:
        at = f"  (at {address})" if address else ""
        raise ShapeError(f"{block!r} promises {promised} and gives {got}; mend its signature or its body{at}")


def too_many_layers(address: str) -> SpaceError:
    return SpaceError(f"more than {MOST:,} layers: no network here has so many; repeat less (at {address})")


def not_a_template(term: Any, address: str) -> SpaceError:
    at = f" at {address}" if address else ""
    if is_open(term):
        return SpaceError(f"{term!r}{at} has a hole, and a graph has none: wrap it in Space(...) and decode a genome")
    return SpaceError(f"{term!r}{at} is not an op, a block or a combinator")


def flatten(term: Any, input: Shape) -> tuple[Node, ...]:
    nodes = [input_node(input)]
    last = _Flattener(nodes).put(term, (0,), "")
    if last == 0 or last != len(nodes) - 1:  # the output comes last, always
        nodes.append(Node(Identity(), (last,), nodes[last].shape, "output"))
    return tuple(nodes)


def canonical(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
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
