"""Small directed acyclic graphs whose edges carry templates: `cell`.

cell(3, lambda i, j: choice(*operations, name=f"{i}->{j}"))      # the cell of NAS-Bench-201
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.arrivals import Arrivals, Arriving, Entry, arrive
from nasmyth.graph.combine import Combine, Composite, Handle, Parts, Reader, row, split_row
from nasmyth.graph.joins import Add, Concat, Identity, Zero, is_zero, joined
from nasmyth.kinds import shown
from nasmyth.record import Value, is_open

MOST_STATES = 1_000
"""Of a cell, where each may read all before it."""


class Edge(Value):
    """A connection in a cell: from state `source` through `body`."""

    source: Any
    body: Value


class Vertex(Composite):
    """A state in a cell: what arrives over its edges, joined by `join` (or as in all the cell), then put through `body`."""

    edges: tuple[Edge, ...]
    body: Value = Identity()
    join: Value | None = None

    @cached_property
    def names(self) -> tuple[str | int, ...]:
        """What each edge is called: by its source, and a second one from there by its number as well."""
        sources = [getattr(edge, "source", None) for edge in self.edges] if isinstance(self.edges, tuple) else []
        return tuple(
            i if type(source) is not int else f"from{source}_{i}" if source in sources[:i] else f"from{source}"
            for i, source in enumerate(sources)
        )

    @cached_property
    def furthest(self) -> float:
        """The largest number of a state that it reads; infinite where an edge is none, or comes from no state."""
        sources = [edge.source if isinstance(edge, Edge) else None for edge in self.edges]
        return max(sources, default=-1) if all(type(i) is int and i >= 0 for i in sources) else math.inf

    @cached_property
    def carrying(self) -> tuple[Arriving, ...]:
        """Source, body and name of each edge that is not zero."""
        pairs = zip(self.edges, self.names, strict=True)
        return tuple((edge.source, edge.body, name) for edge, name in pairs if not is_zero(edge.body))

    @cached_property
    def sources(self) -> int:
        """The states from which they come, a bit for each."""
        return sum({1 << source for source, _, _ in self.carrying})

    @cached_property
    def reads(self) -> int:
        """The same, where anything comes out."""
        return 0 if is_zero(self.body) else self.sources

    @cached_property
    def _entries(self) -> dict[tuple[int, Value], Entry]:
        return {}

    def entry(self, reached: int, join: Value) -> Entry:
        """What is wired on those of its sources that are reached, in a cell that joins so.

        It is kept, as vertices are shared between candidates, unless the join is a wiring, which may be one candidate's.
        """
        known = self._entries.get((reached, join))
        if known is None:
            if isinstance(join, Combine):
                return reached, (), None
            edges = self.reached(reached)
            sources = sorted({source for source, _, _ in edges})
            numbered = tuple([(sources.index(source), body, name) for source, body, name in edges])
            arrivals = Arrivals.of((numbered, join if self.join is None else self.join, self.body))
            known = self._entries[reached, join] = reached, tuple(sources), arrivals
        return known

    def reached(self, states: int) -> tuple[Arriving, ...]:
        """The edges that carry something from these states."""
        return tuple([edge for edge in self.carrying if states >> edge[0] & 1])

    def parts(self) -> Parts:
        join: Parts = () if self.join is None else (("join", self.join),)
        return (*row(self.edges, self.names.__getitem__), *join, ("op", self.body))

    def with_parts(self, parts: Sequence[Any]) -> Vertex:
        edges, rest = split_row(self.edges, parts)
        return Vertex.of((edges, rest[-1], rest[0] if len(rest) > 1 else None))


Steps = list[tuple[int, Vertex, Entry]]
"""For each live state of a cell its number, its vertex, and what is wired there."""


class Cell(Combine):
    """A small directed acyclic graph whose edges carry templates. Made by `cell`.

    States are numbered: the inputs first, then one for each vertex. `output` is "last", "all", "loose" (every state that
    nothing reads) or a tuple of state numbers; several outputs are joined by `out`.
    """

    vertices: tuple[Vertex, ...]
    inputs: int = 1
    join: Value = Add()
    output: Any = "last"
    out: Value = Concat()

    def check(self) -> None:
        if self.is_open and is_open(self.inputs):
            raise SpaceError(
                f"cell(inputs={shown(self.inputs)}): how many inputs a cell takes is no decision of its own"
            )
        if self.is_open and is_open(self.vertices):
            return  # checked once it is filled
        if not 0 < self.inputs <= MOST_STATES or len(self.vertices) > MOST_STATES:
            raise SpaceError(
                f"cell(): 1 to {MOST_STATES:,} inputs and as many steps at most, got {shown(self.inputs)} inputs"
            )
        for j, vertex in enumerate(self.vertices, self.inputs):
            if not (isinstance(vertex, Vertex) and vertex.furthest < j):
                self._refuse_vertex(j, vertex)
        end = self.inputs + len(self.vertices)
        listed = isinstance(self.output, tuple) and all(type(j) is int and 0 <= j < end for j in self.output)
        if not (listed or is_open(self.output) or self.output in ("last", "all", "loose")):
            raise SpaceError(
                f"cell(output={shown(self.output)}): 'last', 'all', 'loose' or numbers of states below {end}"
            )

    @staticmethod
    def _refuse_vertex(j: int, vertex: Any) -> None:
        if not isinstance(vertex, Vertex) or not all(isinstance(edge, Edge) for edge in vertex.edges):
            raise SpaceError(f"cell(): state {j} is {shown(vertex)}, and should be a vertex with its edges")
        for edge in vertex.edges:
            if type(edge.source) is not int or not 0 <= edge.source < j:
                raise SpaceError(
                    f"cell(): an edge into state {j} comes from {shown(edge.source)}, and only 0 to {j - 1} are before it"
                )

    def parts(self) -> Parts:
        states = row(self.vertices, lambda i: f"n{i + self.inputs}")
        return (*states, ("join", self.join), ("output", self.output), ("out", self.out))

    def with_parts(self, parts: Sequence[Any]) -> Cell:
        vertices, (join, output, out) = split_row(self.vertices, parts)
        return Cell.of((vertices, self.inputs, join, output, out))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        if len(inputs) != self.inputs:
            raise ShapeError(f"this cell takes {self.inputs} inputs, got {len(inputs)}")
        steps, ends = self.live
        states: dict[int, Handle] = dict(enumerate(inputs))
        for j, vertex, (reached, sources, arrivals) in steps:
            if arrivals is None:
                join = self.join if vertex.join is None else vertex.join
                states[j] = arrive(go, vertex.reached(reached), join, vertex.body, states, f"n{j}.")
            else:
                states[j] = go(arrivals, tuple([states[i] for i in sources]), f"n{j}")
        if not ends:
            return go(Zero(), inputs[:1], "out")
        return joined(go, self.out, tuple([states[j] for j in ends]), "out")

    @property
    def live(self) -> tuple[Steps, tuple[int, ...]]:
        """What lies on a non-zero path from an input to an output, in order, and the states that leave the cell."""
        known: tuple[Steps, tuple[int, ...]] | None = self.__dict__.get("_live")
        if known is None:
            known = self.__dict__["_live"] = self._find_live()
        return known

    def _find_live(self) -> tuple[Steps, tuple[int, ...]]:
        reached = (1 << self.inputs) - 1
        arriving, steps = [], []
        for j, vertex in enumerate(self.vertices, self.inputs):
            if reads := vertex.reads & reached:
                reached |= 1 << j
                arriving.append((j, vertex, reads))
        ends = tuple([j for j in self._outputs() if reached >> j & 1])
        wanted = 0
        for j in ends:
            wanted |= 1 << j
        for j, vertex, reads in reversed(arriving):
            if wanted >> j & 1:
                wanted |= reads
                steps.append((j, vertex, vertex.entry(reads, self.join)))
        return steps[::-1], ends

    def _outputs(self) -> tuple[int, ...]:
        first, end = self.inputs, self.inputs + len(self.vertices)
        if self.output == "last":
            return (end - 1,)
        if self.output == "all":
            return tuple(range(first, end))
        if self.output == "loose":
            return tuple([j for j in range(first, end) if not any(vertex.sources >> j & 1 for vertex in self.vertices)])
        return tuple(self.output)


# --- what users write ---------------------------------------------------------------------------------------------


def cell(
    steps: int,
    edge: Any,
    *,
    inputs: int = 1,
    pick: Callable[[tuple[Edge, ...], int], Any] | None = None,
    vertex: Any = Identity(),  # noqa: B008
    join: Any = Add(),  # noqa: B008
    output: Any = "last",
    out: Any = Concat(),  # noqa: B008
) -> Any:
    """A cell of `inputs` given states and `steps` new ones, with an edge from every earlier state to each new one.

    edge, vertex: a template for every edge and vertex, or a function `edge(source, target)`, `vertex(target)` that
        returns one, so that each decision can have a name.
    pick: turns a vertex's possible edges into those it has, e.g. `lambda edges, j: subset(2, *edges)`; all of them
        otherwise.
    join, out, output: how arriving edges are joined, and which states leave the cell (see `Cell`).
    """
    if not (type(steps) is int and type(inputs) is int and 0 <= steps <= MOST_STATES):
        raise SpaceError(
            f"cell({shown(steps)}, inputs={shown(inputs)}): steps are a whole number of at most {MOST_STATES:,}"
        )
    vertices = []
    for j in range(inputs, inputs + steps):
        edges: Any = tuple(Edge(i, edge(i, j) if _is_function(edge) else edge) for i in range(j))
        if pick is not None:
            edges = pick(edges, j)
        vertices.append(Vertex(edges, vertex(j) if _is_function(vertex) else vertex))
    return Cell(tuple(vertices), inputs, join, output, out)


def _is_function(thing: Any) -> bool:
    return callable(thing) and not isinstance(thing, Value)
