"""What becomes of what arrives at a state of a cell: a part of the wiring of the cell, which cells with equal states share."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.combine import Combine, Handle, Put, Reader
from nasmyth.graph.joins import joined, through
from nasmyth.record import Value

Arriving = tuple[int, Any, str | int]
"""Where an edge comes from, what it carries things through, and its name."""


class Arrivals(Combine, abstract=True):
    """Edges, what joins them, and what follows, on the states that are read; numbers of sources are places among these."""

    edges: tuple[Any, ...]
    join: Value
    body: Value

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        return arrive(go, self.edges, self.join, self.body, inputs, "")


def arrive(go: Put, edges: tuple[Arriving, ...], join: Any, body: Value, states: Any, prefix: str) -> Handle:
    """Wires a state of a cell: its edges from other states, what joins them, and its body."""
    arriving = tuple([through(go, edge, states[source], f"{prefix}{name}") for source, edge, name in edges])
    return through(go, body, joined(go, join, arriving, f"{prefix}join"), f"{prefix}op")


Entry = tuple[tuple[int, ...], Arrivals]
"""The states that a state reads, and what is wired on them."""
