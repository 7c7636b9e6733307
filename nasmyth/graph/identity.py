"""The key of a network: the same for isomorphic networks, however they are written, in every process.

A network is a row of pieces (`pieces.py`), and its key is the hash of theirs. Most pieces are a single layer. Pieces are known
from the wiring alone, not from how it was written, and those of a chain are those of its parts: equal parts of different
networks (a cell that is stacked, a stem that all candidates share) are looked at once in a process. So is what a part that
is no row consists of (its `Fragment`): a cell's is put together from those of its states.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from nasmyth.graph.combine import Combine, Name
from nasmyth.graph.costs import summarise
from nasmyth.graph.flat import MOST, Node, canonical, flatten_on, inputs_in, unfold
from nasmyth.graph.inputs import Inputs
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import Block
from nasmyth.graph.pieces import Fragment, fragment_of_nodes, hash_of, pieces
from nasmyth.graph.signature import Shape


def key_of_nodes(nodes: tuple[Node, ...]) -> str:
    """20 hexadecimal digits of a network in its canonical flat form."""
    inputs = inputs_in(nodes)
    return _key(inputs.shape if inputs.plain else inputs, tuple(pieces(fragment_of_nodes(nodes))))


def key_of_term(term: Any, input: Shape) -> str:
    """The same of a template without holes on one plain input, with no need to flatten what has been seen before."""
    return _key(input, _pieces_of(term, input))


def _key(input: Shape | Inputs, pieces: Sequence[bytes]) -> str:
    return hash_of(repr(tuple(input)).encode() + b"".join(pieces)).hex()


def _pieces_of(term: Any, shape: Shape) -> tuple[bytes, ...]:
    if not isinstance(term, Combine):
        return _pieces_of_layer(term, shape)
    known: dict[Shape, tuple[bytes, ...]] | None = term.__dict__.get("_pieces")  # as with its costs
    if known is None:
        known = term.__dict__["_pieces"] = {}
    found = known.get(shape)
    if found is None:
        row = _row_of(term, shape)
        found = known[shape] = tuple(pieces(_wired(term, (shape,)))) if row is None else row
    return found


@lru_cache(maxsize=100_000)
def _pieces_of_layer(term: Any, shape: Shape) -> tuple[bytes, ...]:
    if isinstance(term, Block):
        return _pieces_of(unfold(term, (shape,)), shape)
    return tuple(pieces(_fragment_of_layer(term, (shape,))))


# --- parts in a row -----------------------------------------------------------------------------------------------


def _row_of(term: Combine, shape: Shape) -> tuple[bytes, ...] | None:
    """The pieces of a wiring that is a row of parts: those of its parts."""
    row = _Row(shape)
    try:
        if term.wire(row, (0,)) == len(row.shapes) - 1:
            return tuple(row.pieces)
    except _NotInARow:
        pass
    return None


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


# --- parts side by side -------------------------------------------------------------------------------------------


def _fragment_of(term: Any, shapes: tuple[Shape, ...]) -> Fragment:
    """What a part consists of, on inputs of these shapes."""
    if not isinstance(term, Combine):
        return _fragment_of_layer(term, shapes)
    known: dict[tuple[Shape, ...], Fragment] | None = term.__dict__.get("_fragments")
    if known is None:
        known = term.__dict__["_fragments"] = {}
    found = known.get(shapes)
    if found is None:
        found = known[shapes] = _wired(term, shapes)
    return found


@lru_cache(maxsize=20_000)
def _fragment_of_layer(term: Any, shapes: tuple[Shape, ...]) -> Fragment:
    return _fragment_of(unfold(term, shapes), shapes) if isinstance(term, Block) else _flat(term, shapes)


def _wired(term: Combine, shapes: tuple[Shape, ...]) -> Fragment:
    """What a wiring consists of: what its parts do, where that tells it all."""
    reader = _Columns(shapes)
    try:
        return reader.fragment(term.wire(reader, tuple(range(len(shapes)))))
    except _NotAlone:
        return _flat(term, shapes)


def _flat(term: Any, shapes: tuple[Shape, ...]) -> Fragment:
    nodes = canonical(flatten_on(term, shapes))
    if isinstance(nodes[-1].op, Identity):  # nothing but identities
        return Fragment(len(shapes), [], [], [], [], [], nodes[-1].inputs[0])
    return fragment_of_nodes(nodes, len(shapes))


class _NotAlone(Exception):
    """A wiring uses weights twice, or does not need all of it, so that a part by itself does not tell what it is here."""


class _Columns:
    """Reads a wiring, and puts what its parts consist of one below the other."""

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        self.inputs = len(shapes)
        self.shapes = list(shapes)
        self.outputs = list(range(self.inputs))  # the number of the layer behind each handle
        self.names: set[Name] = set()
        self.read: set[int] = set()
        self.whole = Fragment(self.inputs, [], [], [], [], [], 0)

    def shape(self, handle: int) -> Shape:
        return self.shapes[handle]

    def __call__(self, part: Any, inputs: tuple[int, ...], name: Name) -> int:
        if name in self.names or name is None or (type(name) is str and "." in name):
            raise _NotAlone
        given = tuple([self.shapes[i] for i in inputs])
        summary = summarise(part, given)
        if summary.reads is not None:
            raise _NotAlone
        own, whole = _fragment_of(part, given), self.whole
        if len(whole.layers) > MOST:
            raise _NotAlone
        places = [self.outputs[i] for i in inputs]
        places.extend(range(first := self.inputs + len(whole.layers), first + len(own.layers)))
        whole.layers.extend(own.layers)
        whole.colours.extend(own.colours)
        whole.ordered.extend(own.ordered)
        whole.readings.extend([tuple([places[i] for i in reading]) for reading in own.readings])
        if own.sharing:
            whole.sharing.extend([tuple([places[i] for i in group]) for group in own.sharing])
        self.names.add(name)
        self.read.update(inputs)
        self.outputs.append(places[own.output])
        self.shapes.append(summary.shape)
        return len(self.shapes) - 1

    def fragment(self, output: int) -> Fragment:
        """All of it. Raises _NotAlone where the output does not need all."""
        self.read.add(output)
        if len(self.read) < len(self.shapes):
            raise _NotAlone
        return self.whole._replace(output=self.outputs[output])
