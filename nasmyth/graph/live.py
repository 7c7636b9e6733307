"""What of a cell is wired: the states that something reaches and that an output needs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from nasmyth.graph.arrivals import arrive
from nasmyth.graph.combine import Combine, Layout, Name, Step
from nasmyth.graph.joins import Zero, joined
from nasmyth.record import Value

Vertices = tuple[Any, ...]
"""The vertices of a cell, a `Vertex` each, as `cell.py` makes them."""
Live = list[tuple[int, Any, int]]
"""For each live state of a cell its number, its vertex, and the states that it reads, a bit for each."""


def laid(vertices: Vertices, inputs: int, join: Value | None, output: Any, out: Value) -> Layout:
    """What lies on a non-zero path from an input of a cell to an output; without its join None stands where that is put."""
    live, ends, needed = _live(vertices, inputs, output)
    steps: list[Step] = []

    def put(part: Any, read: tuple[int, ...], name: Name) -> int:
        steps.append((part, read, name))
        return inputs + len(steps) - 1

    handles = {i: i for i in range(inputs)}
    for j, vertex, reads in live:
        own = join if vertex.join is None else vertex.join
        if own is None or isinstance(own, Combine):
            handles[j] = arrive(put, vertex.reached(reads), own, vertex.body, handles, f"n{j}.")
        else:
            sources, arrivals = vertex.entry(reads, own)
            steps.append((arrivals, tuple([handles[i] for i in sources]), f"n{j}"))
            handles[j] = inputs + len(steps) - 1
    if not ends:
        return Layout(steps, put(Zero(), (0,), "out"), inputs == 1)
    every = (1 << inputs) - 1
    return Layout(steps, joined(put, out, tuple([handles[j] for j in ends]), "out"), needed & every == every)


laid_around = lru_cache(maxsize=1_000)(laid)
"""The same, remembered: of a cell whose join is left out."""


def _live(vertices: Vertices, inputs: int, output: Any) -> tuple[Live, tuple[int, ...], int]:
    """The states on such a path in order, those that leave the cell, and, a bit for each, all that are needed."""
    reached = (1 << inputs) - 1
    arriving: Live = []
    for j, vertex in enumerate(vertices, inputs):
        if reads := vertex.reads & reached:
            reached |= 1 << j
            arriving.append((j, vertex, reads))
    ends = tuple([j for j in _outputs(vertices, inputs, output) if reached >> j & 1])
    needed = 0
    for j in ends:
        needed |= 1 << j
    live: Live = []
    for step in reversed(arriving):
        if needed >> step[0] & 1:
            needed |= step[2]
            live.append(step)
    live.reverse()
    return live, ends, needed


def _outputs(vertices: Vertices, first: int, output: Any) -> Iterable[int]:
    """The states that leave a cell, if anything reaches them."""
    end = first + len(vertices)
    if output == "last":
        return (end - 1,)
    if output == "all":
        return range(first, end)
    if output == "loose":
        return [j for j in range(first, end) if not any(vertex.sources >> j & 1 for vertex in vertices)]
    return tuple(output)
