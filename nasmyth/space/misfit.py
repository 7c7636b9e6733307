"""When a genome's shapes do not fit: which decision is at fault, and what would fit in its place."""

from __future__ import annotations

from typing import Any

from nasmyth.errors import ShapeError
from nasmyth.graph.graph import Graph
from nasmyth.space.decisions import Decisions
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice

_NAMED = 3  # decisions that the message names at most
_TRIED = 200  # genomes decoded to find them
_WORK = 20_000  # decisions made in all of these


def diagnose(decisions: Decisions, genome: Genome, error: ShapeError) -> ShapeError:
    """The error, which has both shapes and the address where they meet, with the decisions that could be made otherwise.

    Those are sought last to first: what lies nearest to the misfit is more often the cause than the width of a stem.
    """
    cures: list[str] = []
    tried, most = 0, max(1, min(_TRIED, _WORK // (1 + len(genome))))
    for key in reversed(genome):
        for decision in decisions.alternatives(key, genome[key]):
            tried += 1
            if tried > most or len(cures) == _NAMED:
                break
            if _fits(decisions, {**genome, key: decision}):
                cures.append(
                    f"{_said(decisions, key, genome[key])} (with {_said(decisions, key, decision)} it fits)"
                )  # fmt: skip
                break
    if not cures:
        return ShapeError(f"{error}; no single decision of this genome mends it")
    return ShapeError(f"{error}; the decision {' or '.join(cures)}")


def _fits(decisions: Decisions, changes: Genome) -> bool:
    def pick(key: str, hole: Hole) -> Any:
        return changes[key] if key in changes else decisions.first(key, hole)

    try:
        Graph.of(decisions.fill(pick)[0][0], decisions.inputs)
    except ShapeError:
        return False
    return True


def _said(decisions: Decisions, key: str, decision: object) -> str:
    hole = decisions.holes[key]
    if isinstance(hole, Choice) and not hole.scalar:
        return f"{key} = {decision}, {hole.options[hole.index(decision)]!r},"
    return f"{key} = {decision!r}"
