"""Graphs as numbers, for predictors: what every encoding shares, the adjacency matrix, and tensors for message passing.

    encoder = Adjacency.fit(graphs)          # a frozen value: it has learned which ops there are, and how many nodes
    encoder.encode(graph)                    # a list of numbers, as long for every graph
    encoder.names                            # what each of them is

All encodings are read from a `Graph`, or from whatever has one as `.graph` (a network, a trial), so they serve any space:
`Adjacency` and `GraphTensors` here, `Paths` in `paths.py`, `Features` in `features.py`; `OneHot`, of genomes, is in
`nasmyth.space`. An encoder is JSON (`nasmyth.record.to_json`), so that a predictor can be kept together with it.

within: the address of a part, such as one cell of many equal ones ("body[0][0]"), which alone is encoded; what it reads
from outside are inputs then. settings: the fields of an op that tell it from others of its kind; None is all of them, ()
none, ("kernel", "stride") those two.

An op that no fitted graph had is encoded as "other", the last of its one-hot places. A graph with more nodes than an
adjacency matrix has room for is refused, since cutting it would encode another network.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from nasmyth.errors import NasmythError, nearest
from nasmyth.graph.flat import Node
from nasmyth.graph.op import Op, mac_count, param_count
from nasmyth.record import Value

INPUT, OUTPUT, OTHER = "input", "output", "other"


class Encoder(Value):
    """What all encodings of graphs have: a part that they look at, and the settings that tell ops apart."""

    within: Any = ""
    settings: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """What each number is."""
        raise NotImplementedError

    def encode(self, candidate: Any) -> Any:
        """The numbers of a graph, as many as there are names."""
        raise NotImplementedError

    def label(self, op: Op) -> str:
        """What an op is called here."""
        return label(op, self.settings)

    def view(self, candidate: Any) -> View:
        """The part of a graph that is encoded."""
        return view(candidate, self.within, self.settings)


class View(NamedTuple):
    """A graph, or a part of it, as encodings see it: rows of a label and the rows it reads, inputs first, output last."""

    labels: tuple[str, ...]
    inputs: tuple[tuple[int, ...], ...]
    nodes: tuple[Node | None, ...]
    """The node of each row; None for the output, which joins what leaves the part."""
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    """The shapes that each row's op takes."""

    @property
    def sources(self) -> int:
        """How many inputs there are: the first rows."""
        return sum(not row for row in self.inputs)


def label(op: Op, settings: tuple[str, ...] | None) -> str:
    """What an op is called: all that it says of itself, or its kind with these of its fields."""
    if settings is None:
        return repr(op)
    kept = [f"{name}={value!r}" for name, value in zip(op.fields, op.field_values, strict=True) if name in settings]
    return f"{type(op).__name__}({', '.join(kept)})"


def nodes_of(candidate: Any) -> tuple[Node, ...]:
    """The nodes of a graph, or of what has one."""
    nodes = getattr(getattr(candidate, "graph", candidate), "nodes", None)
    if not isinstance(nodes, tuple):
        raise NasmythError(f"{candidate!r:.80} has no graph; encode a Graph, such as space.decode(genome)")
    return nodes


def inside(address: str, within: str) -> bool:
    """Whether an address is that of a part, or of something in it."""
    return not within or address == within or address.startswith((f"{within}.", f"{within}["))


def view(candidate: Any, within: str = "", settings: tuple[str, ...] | None = None) -> View:
    """The rows of a graph, or of its part at the address `within`."""
    nodes = nodes_of(candidate)
    part = [i for i, node in enumerate(nodes) if node.inputs and inside(node.address, within)]
    own = set(part)
    read = sorted({j for i in part for j in nodes[i].inputs if j not in own}) or [0]
    leaving = {j for i, node in enumerate(nodes) if i not in own for j in node.inputs if j in own}
    ends = sorted(leaving | ({len(nodes) - 1} & own)) or read  # nothing inside: what comes in goes out
    place = {j: row for row, j in enumerate([*read, *part])}
    names = [INPUT if len(read) == 1 else f"{INPUT} {k}" for k in range(1, len(read) + 1)]
    return View(
        (*names, *(label(nodes[i].op, settings) for i in part), OUTPUT),
        (*(() for _ in read), *(tuple(place[j] for j in nodes[i].inputs) for i in part), tuple(place[j] for j in ends)),
        (*(nodes[i] for i in (*read, *part)), None),
        (*(() for _ in read), *(tuple(nodes[j].shape for j in nodes[i].inputs) for i in part), ()),
    )


def views(graphs: Iterable[Any], within: str, settings: tuple[str, ...] | None) -> list[View]:
    """The views of graphs to fit on. Raises NasmythError if there are none, or if none has the part."""
    given = list(graphs)
    if not given:
        raise NasmythError("an encoding is fitted on graphs: give at least one, such as some of space.sample(seed)")
    found = [view(one, within, settings) for one in given]
    if within and all(len(one.labels) == one.sources + 1 for one in found):
        known = {node.address.rpartition(".")[0] for one in given for node in nodes_of(one) if node.inputs}
        raise NasmythError(f"no graph has anything at {within!r}{nearest(within, sorted(known))}")
    return found


def vocabulary(found: Iterable[View]) -> tuple[str, ...]:
    """Every label that occurs, sorted, those of inputs and of the output left out."""
    return tuple(sorted({text for one in found for text in one.labels[one.sources : -1]}))


def one_hot(text: str, words: tuple[str, ...]) -> list[float]:
    """As many numbers as there are words and one more, which is 1 for any other text."""
    known = [float(text == word) for word in words]
    return [*known, float(not any(known))]


class Adjacency(Encoder):
    """The adjacency matrix above its diagonal, row by row, then the op of every node one-hot; padded with zeros.

    As in NAS-Bench-101 (Ying et al. 2019, arXiv:1902.09635), and by White et al. (2020, arXiv:2007.04965) the encoding that
    searches which perturb architectures do best with. Nodes are in the graph's order, so isomorphic graphs may differ;
    two edges between the same nodes count 2. The order of what a concatenation joins, shapes, and shared weights are not
    in it.
    """

    ops: tuple[str, ...] = ()
    rows: int = 0
    """For how many rows there is room; those of the inputs and of the output count."""

    @classmethod
    def fit(
        cls, graphs: Iterable[Any], within: str = "", settings: tuple[str, ...] | None = None, rows: int | None = None
    ) -> Self:
        """With the ops of these graphs, and room for the largest of them or for `rows`."""
        found = views(graphs, within, settings)
        room = max(len(one.labels) for one in found) if rows is None else rows
        return cls(within=within, settings=settings, ops=vocabulary(found), rows=room)

    @property
    def words(self) -> tuple[str, ...]:
        """What a row may be, `OTHER` left out."""
        return (INPUT, OUTPUT, *self.ops)

    @property
    def names(self) -> tuple[str, ...]:
        n = self.rows
        edges = [f"{i}->{j}" for i in range(n) for j in range(i + 1, n)]
        return (*edges, *(f"{i} is {word}" for i in range(n) for word in (*self.words, OTHER)))

    def encode(self, candidate: Any) -> list[float]:
        """Raises NasmythError for a graph that has too many nodes."""
        seen, n = self.view(candidate), self.rows
        if len(seen.labels) > n:
            raise NasmythError(
                f"the graph has {len(seen.labels)} rows and this encoding has room for {n}: "
                f"fit it with rows={len(seen.labels)}, or on larger graphs"
            )
        edges = Counter((i, j) for j, inputs in enumerate(seen.inputs) for i in inputs)
        matrix = [float(edges[i, j]) for i in range(n) for j in range(i + 1, n)]
        kinds = [INPUT if not inputs else text for text, inputs in zip(seen.labels, seen.inputs, strict=True)]
        marks = [x for text in kinds for x in one_hot(text, self.words)]
        return [*matrix, *marks, *[0.0] * ((n - len(kinds)) * (len(self.words) + 1))]


class Tensors(NamedTuple):
    """A graph for message passing: `torch.tensor(nodes)` is N F, `torch.tensor(edges)` is 2 E (from, to), as in PyTorch
    Geometric's `Data(x=..., edge_index=...)`."""

    nodes: list[list[float]]
    edges: list[list[int]]


class GraphTensors(Encoder):
    """A row of features for every node, and the edges: what graph neural networks read. `names` are the columns.

    Features: the op one-hot; log(1 + x) of its output's first axis, of all its output's numbers, of its parameters and its
    MACs (0 where an op has no rule); and whether it shares its weights with another node.
    """

    ops: tuple[str, ...] = ()

    @classmethod
    def fit(cls, graphs: Iterable[Any], within: str = "", settings: tuple[str, ...] | None = None) -> Self:
        """With the ops of these graphs."""
        return cls(within=within, settings=settings, ops=vocabulary(views(graphs, within, settings)))

    @property
    def names(self) -> tuple[str, ...]:
        kinds = (INPUT, OUTPUT, *self.ops, OTHER)
        return (*(f"is {word}" for word in kinds),
            *(f"log {what}" for what in ("first axis", "numbers", "params", "MACs")), "shared")  # fmt: skip

    def encode(self, candidate: Any) -> Tensors:
        """The tensors of a graph, as lists. Rows are in the graph's order; the output is a row of its own, the last."""
        seen = self.view(candidate)
        uses = Counter(node.address for node in seen.nodes[seen.sources :] if node is not None)
        rows = []
        for row, (text, node) in enumerate(zip(seen.labels, seen.nodes, strict=True)):
            source = row < seen.sources
            mark = one_hot(INPUT if source else text, (INPUT, OUTPUT, *self.ops))
            numbers = _numbers(node, seen.shapes[row], source) if node else [0.0] * 4
            rows.append([*mark, *numbers, float(not source and node is not None and uses[node.address] > 1)])
        edges = [(i, j) for j, inputs in enumerate(seen.inputs) for i in inputs]
        return Tensors(rows, [[i for i, _ in edges], [j for _, j in edges]])


def _numbers(node: Node, shapes: tuple[tuple[int, ...], ...], source: bool) -> list[float]:
    shape = node.shape
    costs = (0, 0) if source else (param_count(node.op, shapes, shape), mac_count(node.op, shapes, shape))
    return [math.log1p(x or 0) for x in (shape[0] if shape else 1, math.prod(shape), *costs)]
