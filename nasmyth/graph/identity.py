"""The key of a network: the same for isomorphic networks, however they are written, in every process.

Where everything passes through one layer, a network falls into two pieces, one after the other; so a network is a row of
pieces, and its key is the hash of theirs. Most pieces are a single layer. Pieces are known from the wiring alone, not
from how it was written, and those of a chain are those of its parts: equal parts of different networks (a cell that is
stacked, a stem that all candidates share) are looked at once in a process.

Inside a piece, every node gets a colour from its op and shape, refined along the edges both ways until no further nodes
are told apart (Weisfeiler and Leman 1968); the piece's hash is that of all its colours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from nasmyth.graph.combine import Combine, Name
from nasmyth.graph.costs import summarise
from nasmyth.graph.flat import MOST, Node, canonical, flatten, inputs_in, unfold
from nasmyth.graph.inputs import Inputs, checked_inputs
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import Block, Op
from nasmyth.graph.signature import Shape
from nasmyth.record import content_key


def key_of_nodes(nodes: tuple[Node, ...]) -> str:
    """20 hexadecimal digits of a network in its canonical flat form."""
    inputs = inputs_in(nodes)
    return _key(inputs.shape if inputs.plain else inputs, tuple(_pieces(nodes)))


def key_of_term(term: Any, input: Shape) -> str:
    """The same of a template without holes on one plain input, with no need to flatten what has been seen before."""
    return _key(input, _pieces_of(term, input))


def _key(input: Shape | Inputs, pieces: Sequence[bytes]) -> str:
    return _hash(repr(tuple(input)).encode(), b"".join(pieces)).hex()


def _pieces_of(term: Any, shape: Shape) -> tuple[bytes, ...]:
    if not isinstance(term, Combine):
        return _pieces_of_layer(term, shape)
    known: dict[Shape, tuple[bytes, ...]] | None = term.__dict__.get("_pieces")  # as with its costs
    if known is None:
        known = term.__dict__["_pieces"] = {}
    found = known.get(shape)
    if found is None:
        row = _row_of(term, shape)
        found = known[shape] = _flat_pieces(term, shape) if row is None else row
    return found


@lru_cache(maxsize=100_000)
def _pieces_of_layer(term: Any, shape: Shape) -> tuple[bytes, ...]:
    return _pieces_of(unfold(term, (shape,)), shape) if isinstance(term, Block) else _flat_pieces(term, shape)


def _row_of(term: Combine, shape: Shape) -> tuple[bytes, ...] | None:
    """The pieces of a wiring that is a row of parts: those of its parts."""
    row = _Row(shape)
    try:
        if term.wire(row, (0,)) == len(row.shapes) - 1:
            return tuple(row.pieces)
    except _NotInARow:
        pass
    return None


def _flat_pieces(term: Any, shape: Shape) -> tuple[bytes, ...]:
    return tuple(_pieces(canonical(flatten(term, checked_inputs(shape)))))


class _NotInARow(Exception):
    """A wiring has branches, uses weights twice, or does not need what comes first."""


class _Row:
    """Reads a wiring in which each part works on what the one before it gave, and shares no weights with another."""

    def __init__(self, shape: Shape) -> None:
        self.shapes = [shape]
        self.names: set[Name] = set()
        self.pieces: list[bytes] = []

    def shape(self, handle: int) -> Shape:
        return self.shapes[handle]

    def __call__(self, part: Any, inputs: tuple[int, ...], name: Name) -> int:
        if inputs != (len(self.shapes) - 1,) or name in self.names or len(self.pieces) > MOST:
            raise _NotInARow
        summary = summarise(part, (self.shapes[-1],))
        if summary.reads == ():  # whatever came before is not needed
            raise _NotInARow
        self.pieces += _pieces_of(part, self.shapes[-1])
        self.names.add(name)
        self.shapes.append(summary.shape)
        return len(self.shapes) - 1


def _pieces(nodes: Sequence[Node]) -> Iterator[bytes]:
    """The hash of each piece of a flat network, in order."""
    ends = _ends(nodes)
    for start, end in zip([0, *ends], ends, strict=False):
        if end == start + 1:
            node = nodes[end]
            if not isinstance(node.op, Identity):  # the network that does nothing has no pieces
                yield _hash(_colour(node.op, node.shape, len(node.inputs)), b"alone")
        else:
            yield _hash_of_piece(nodes, start, end)


def _ends(nodes: Sequence[Node]) -> list[int]:
    """The last node of each piece: those through which everything passes, that no shared weights reach across."""
    reach = list(range(len(nodes)))  # how far from each node an edge, or another use of its weights, leads
    first: dict[str, int] = {}
    for i, node in enumerate(nodes):
        if i:
            for j in node.inputs or (0,):  # what reads nothing is a part of the whole
                reach[j] = i
            begun = first.setdefault(node.address, i)
            if begun != i:
                reach[begun - 1] = max(reach[begun - 1], i)
    ends, furthest = [], 0
    for i in range(1, len(nodes)):
        furthest = max(furthest, reach[i - 1])
        if furthest == i:
            ends.append(i)
    return ends


def _hash_of_piece(nodes: Sequence[Node], start: int, end: int) -> bytes:
    """One pass down gives every node the hash of all it is computed from, one pass up of all that is computed from it,
    so that a shared node and two equal copies of it differ; further rounds mix the two.
    """
    piece = nodes[start + 1 : end + 1]
    n = len(piece) + 1
    readings = [(), *(tuple([j - start for j in node.inputs]) for node in piece)]
    ordered = [True, *(not node.op.commutative for node in piece)]
    sharing = _sharing(piece)
    uses = [0] * n
    for group in sharing:
        for i in group:
            uses[i] = len(group)
    colours = [_hash(b"start"), *(_colour(node.op, node.shape, uses[i]) for i, node in enumerate(piece, 1))]
    told = len(set(colours))
    while True:
        down: list[bytes] = []
        for colour, inputs, order in zip(colours, readings, ordered, strict=True):
            read = [down[i] for i in inputs]
            down.append(_hash(colour, *(read if order else sorted(read))))
        readers: list[list[bytes]] = [[] for _ in range(n)]
        up = [b""] * n
        for i in reversed(range(n)):
            up[i] = _hash(down[i], *sorted(readers[i]))
            for position, j in enumerate(readings[i], 1):
                readers[j].append(up[i] + (position if ordered[i] else 0).to_bytes(4))
        for group in sharing:  # nodes that share weights see each other
            shared = _hash(*sorted(up[i] for i in group))
            for i in group:
                up[i] = _hash(up[i], shared)
        colours, before = up, told
        told = len(set(colours))
        if told in (before, n):
            return _hash(*sorted(colours))


def _sharing(piece: Sequence[Node]) -> list[list[int]]:
    """Numbers, from 1, of the nodes that share weights, group by group."""
    groups: dict[str, list[int]] = {}
    for i, node in enumerate(piece, 1):
        groups.setdefault(node.address, []).append(i)
    return [group for group in groups.values() if len(group) > 1]


@lru_cache(maxsize=100_000)
def _colour(op: Op, shape: Shape, uses: int) -> bytes:
    return _hash(content_key(op).encode(), repr((shape, uses)).encode())


def _hash(*parts: bytes) -> bytes:
    """Of parts whose lengths are known from their place, so that joining them loses nothing."""
    return hashlib.blake2b(b"".join(parts), digest_size=10).digest()
