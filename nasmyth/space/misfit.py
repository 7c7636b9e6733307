"""When a genome's shapes do not fit: which decision is at fault, and what would fit in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmyth.errors import ShapeError
from nasmyth.graph.graph import Graph
from nasmyth.space.holes import Choice, Genome

if TYPE_CHECKING:
    from nasmyth.space.space import Space

_NAMED = 3  # decisions that the message names at most
_TRIED = 200  # genomes decoded to find them
_WORK = 20_000  # decisions made in all of these


def explained(space: Space, genome: Genome, error: ShapeError) -> ShapeError:
    """The error, which has both shapes and the address where they meet, with the decisions that could be made otherwise.

    Those are sought last to first: what lies nearest to the misfit is more often the cause than the width of a stem.
    """
    cures: list[str] = []
    tried, most = 0, max(1, min(_TRIED, _WORK // (1 + len(genome))))
    for key in reversed(genome):
        for decision in space.alternatives(key, genome[key]):
            tried += 1
            if tried > most or len(cures) == _NAMED:
                break
            if _fits(space, {**genome, key: decision}):
                cures.append(f"{_said(space, key, genome[key])} (with {_said(space, key, decision)} it fits)")
                break
    if not cures:
        return ShapeError(f"{error}; no single decision of this genome mends it")
    return ShapeError(f"{error}; the decision {' or '.join(cures)}")


def _fits(space: Space, changes: Genome) -> bool:
    try:
        Graph.of(
            space._fill(lambda key, hole: changes[key] if key in changes else space._first(key, hole))[0][0],
            space.inputs,
        )
    except ShapeError:
        return False
    return True


def _said(space: Space, key: str, decision: object) -> str:
    hole = space.holes[key]
    if isinstance(hole, Choice) and not hole.scalar:
        return f"{key} = {decision}, {hole.options[hole.index(decision)]!r},"
    return f"{key} = {decision!r}"
