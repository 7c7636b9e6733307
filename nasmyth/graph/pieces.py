"""A network as columns of layers, and the hashes of the pieces into which it falls.

Where everything passes through one layer, a network falls into two pieces, one after the other. Inside a piece, every layer
gets a colour from its op and shape, refined along the edges both ways until no further layers are told apart (Weisfeiler and
Leman 1968); the piece's hash is that of all its colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from nasmyth.graph.flat import Node
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import Op
from nasmyth.graph.signature import Shape
from nasmyth.record import content_key

Reading = tuple[int, ...]


class Fragment(NamedTuple):
    """What a part of a network consists of, column by column: only layers that its output needs, readers after what they read.

    Numbers in `readings`, `sharing` and `output` are those of its inputs first, then those of its layers.
    """

    inputs: int
    layers: list[tuple[Op, Shape]]
    colours: list[bytes]
    readings: list[Reading]
    ordered: list[bool]
    """Of each layer whether the order of what it reads matters."""
    sharing: list[Reading]
    """Layers that share their weights, group by group."""
    output: int


def fragment_of_nodes(nodes: Sequence[Node], inputs: int = 1) -> Fragment:
    """A flat network in its canonical form; the first nodes are its inputs."""
    groups: dict[str, list[int]] = {}
    for i, node in enumerate(nodes[inputs:], inputs):
        groups.setdefault(node.address, []).append(i)
    rest = nodes[inputs:]
    shared = {address: len(group) for address, group in groups.items() if len(group) > 1}
    return Fragment(
        inputs,
        [(node.op, node.shape) for node in rest],
        [colour_of(node.op, node.shape, shared.get(node.address, 0)) for node in rest],
        [node.inputs for node in rest],
        [not node.op.commutative for node in rest],
        [tuple(groups[address]) for address in shared],
        len(nodes) - 1,
    )


def pieces(fragment: Fragment) -> Iterator[bytes]:
    """The hash of each piece of a whole network, in order. It has one input."""
    _, layers, colours, readings, ordered, sharing, _ = fragment
    ends = _ends(readings, sharing)
    for start, end in zip([0, *ends], ends, strict=False):
        if end == start + 1:
            op, shape = layers[start]
            if not isinstance(op, Identity):  # the network that does nothing has no pieces
                yield hash_of(colour_of(op, shape, len(readings[start])) + b"alone")
        else:
            within = [tuple([i - start for i in group]) for group in sharing if start < group[0] <= end]
            inner = readings[start:end]
            if start:
                inner = [tuple([i - start for i in reading]) for reading in inner]
            yield _hash_of_piece([_START, *colours[start:end]], [(), *inner], [True, *ordered[start:end]], within)


def _ends(readings: Sequence[Reading], sharing: Sequence[Reading]) -> list[int]:
    """The last layer of each piece: those through which everything passes, that no shared weights reach across."""
    reach = list(range(len(readings) + 1))  # how far from each layer an edge, or another use of its weights, leads
    for i, reading in enumerate(readings, 1):
        for j in reading or (0,):  # what reads nothing is a part of the whole
            reach[j] = i
    for group in sharing:
        reach[group[0] - 1] = max(reach[group[0] - 1], group[-1])
    ends, furthest = [], 0
    for i, far in enumerate(reach):
        if i and furthest == i:
            ends.append(i)
        if far > furthest:
            furthest = far
    return ends


def _hash_of_piece(colours: list[bytes], readings: list[Reading], ordered: list[bool], sharing: list[Reading]) -> bytes:
    """One pass down gives every layer the hash of all it is computed from, one pass up of all that is computed from it,
    so that a shared layer and two equal copies of it differ; further rounds mix the two.
    """
    n = len(colours)
    told = len(set(colours))
    while True:
        down: list[bytes] = []
        for colour, inputs, order in zip(colours, readings, ordered, strict=True):
            read = [down[i] for i in inputs]
            if not order:
                read.sort()
            down.append(hash_of(colour + b"".join(read)))
        readers: list[list[bytes]] = [[] for _ in colours]
        up = [b""] * n
        for i in range(n - 1, -1, -1):
            own = readers[i]
            own.sort()
            up[i] = made = hash_of(down[i] + b"".join(own))
            order = ordered[i]
            for position, j in enumerate(readings[i], 1):
                readers[j].append(made + position.to_bytes(4) if order else made + _ANYWHERE)
        for group in sharing:  # layers that share weights see each other
            shared = hash_of(b"".join(sorted([up[i] for i in group])))
            for i in group:
                up[i] = hash_of(up[i] + shared)
        colours, before = up, told
        told = len(set(colours))
        if told in (before, n):
            return hash_of(b"".join(sorted(colours)))


@lru_cache(maxsize=100_000)
def colour_of(op: Op, shape: Shape, uses: int) -> bytes:
    return hash_of(content_key(op).encode() + repr((shape, uses)).encode())


def hash_of(data: bytes) -> bytes:
    """Of parts whose lengths are known from their place, so that joining them loses nothing."""
    return blake2b(data, digest_size=10).digest()


_START = hash_of(b"start")
_ANYWHERE = bytes(4)
