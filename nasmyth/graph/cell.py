"""Small directed acyclic graphs whose edges carry templates: `cell`.

cell(3, lambda i, j: choice(*operations, name=f"{i}->{j}"))      # the cell of NAS-Bench-201
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.arrivals import Arrivals, Arriving, Entry
from nasmyth.graph.combine import Combine, Composite, Layout, Listed, Parts, row, split_row
from nasmyth.graph.joins import Add, Concat, Identity, is_zero
from nasmyth.graph.live import laid, laid_around
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
        """What is wired on those of its sources that are reached, joined so. It is kept, as vertices are shared between
        candidates: the join should be no wiring, which may be one candidate's."""
        known = self._entries.get((reached, join))
        if known is None:
            edges = self.reached(reached)
            sources = tuple(sorted({source for source, _, _ in edges}))
            numbered = tuple([(sources.index(source), body, name) for source, body, name in edges])
            known = self._entries[reached, join] = sources, Arrivals.of((numbered, join, self.body))
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


class Cell(Listed):
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

    def lay(self, inputs: int) -> Layout:
        if inputs != self.inputs:
            raise ShapeError(f"this cell takes {self.inputs} inputs, got {inputs}")
        known: Layout | None = self.__dict__.get("_layout")
        if known is None:
            known = self.__dict__["_layout"] = self._lay()
        return known

    def _lay(self) -> Layout:
        if not isinstance(self.join, Combine):
            return laid(self.vertices, self.inputs, self.join, self.output, self.out)
        # such a join is one candidate's, as a rule, and the cell around it is many candidates'
        steps, output, whole = laid_around(self.vertices, self.inputs, None, self.output, self.out)
        join = self.join
        return Layout([(join if part is None else part, read, name) for part, read, name in steps], output, whole)


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
