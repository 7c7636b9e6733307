"""A space whose template is a chain, as a table: what each part makes of each shape, for each of its decisions, at what cost.

    table = tabulate(space, ("params", "macs"))
    table.stages[3]         # the arcs of the fourth part: from a state, to a state, the decisions, and what they add up to

A *state* is what flows between two parts: a shape; what was decided before and matters again (the number of copies of a repeat
that is not over, a name that is met again); and, where widths must not fall, the width at the last border between parts of
the outermost chain. Since a part depends on nothing else, a network is a way through the stages, and what is additive over
layers is a sum over the arcs of that way. So a space of 10^20 networks is a table of a few thousand sub-graphs, each of which
is decoded and measured as any graph is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph import Graph, Identity
from nasmyth.graph.signature import Shape
from nasmyth.measure import find
from nasmyth.measure.scores.entropy import Path, has_positions, longest_path
from nasmyth.search.chain_parts import Stage, met_again, stages_of, ways
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

ARCS = 300_000
ADDITIVE = ("activations", "macs", "params", "size", "traffic")
"""Measures that are sums over layers."""

Decided = tuple[tuple[str, Any], ...]
_REPEAT = "#"  # before the address of a repeat, among names


class State(NamedTuple):
    """What flows between two stages."""

    shape: Shape
    decided: Decided = ()
    """How many copies the repeats have that are not over, by address, and names that are met again."""
    width: int = 0
    """Channels at the last border of the outermost chain; 0 where widths may fall."""


class Arc(NamedTuple):
    """One way through a stage: the decisions of it, and what its layers add."""

    start: State
    end: State
    genome: Genome
    costs: tuple[float, ...]
    path: Path
    """The part of the path that `entropy` judges by: nothing behind the last positions."""
    numbers: int = 0
    """Those in the last feature map, where that is in this stage."""


class Table(NamedTuple):
    """The arcs of every stage. Of each way through them one arc has `numbers`."""

    start: State
    stages: tuple[tuple[Arc, ...], ...]


def tabulate(space: Space, costs: Sequence[str], growing: bool = False) -> Table:
    """The table of a space, with the costs of these measures; growing: without what narrows from one part to the next.

    Raises SpaceError for a template that is no chain of parts that can be listed, and for measures that are not additive.
    """
    refuse_not_additive(costs)
    if not space.inputs.plain:
        raise SpaceError(f"a chain has one input, and this space reads {space.inputs}: search it by another strategy")
    measures = [find(name) for name in costs]
    begin = State(space.input, (), 0)
    states = {begin}
    known: dict[tuple[Any, Shape], tuple[Shape, tuple[float, ...], Path, Path] | None] = {}

    def measured(part: Any, shape: Shape) -> tuple[Shape, tuple[float, ...], Path, Path] | None:
        """Its output, costs and paths, without and with what is behind its positions; None where it does not fit."""
        if (part, shape) not in known:
            try:
                graph = Graph.of(part, shape)
                told = tuple(float(one(graph)) for one in measures)
                known[part, shape] = (graph.output, told, longest_path(graph), longest_path(graph, head=True))
            except ShapeError:
                known[part, shape] = None
        return known[part, shape]

    rows: list[list[tuple[Arc, Path]]] = []
    total = 0
    parts = stages_of(space.template)
    later = met_again(parts)
    for stage, names in zip(parts, later, strict=True):
        listed = ways(space, stage)
        row: list[tuple[Arc, Path]] = []
        for state in sorted(states, key=repr):
            for filled, genome in listed if _active(stage, state) else _PASSED:
                if any(genome.get(key, value) != value for key, value in state.decided):
                    continue
                found = measured(Identity() if stage.counts is not None else filled, state.shape)
                if found is None:
                    continue
                end = _after(stage, state, found[0], filled, genome, names, growing)
                if end is not None:
                    row.append((Arc(state, end, genome, found[1], found[3]), found[2]))
            if total + len(row) > ARCS:
                raise SpaceError(
                    f"this chain has more than {ARCS:,} ways through single parts, counted for each shape that reaches "
                    f"them (at {stage.address}): give its parts fewer options"
                )
        if not row:
            raise SpaceError(f"no option of {stage.address or 'the template'} takes any shape that reaches it")
        total += len(row)
        rows.append(row)
        states = {arc.end for arc, _ in row}
    return Table(begin, _judged(rows))


def refuse_not_additive(names: Sequence[str]) -> None:
    """Raise SpaceError for a measure that is no sum over layers."""
    for name in names:
        if name not in ADDITIVE:
            raise SpaceError(
                f"{name} is no sum over the layers of a network, so that no integer program has it: leave it to the "
                f"search that comes after; there are {', '.join(ADDITIVE)}, depth, effectiveness and entropy"
            )


_PASSED: list[tuple[Any, Genome]] = [(Identity(), {})]


def _active(stage: Stage, state: State) -> bool:
    copies = dict(state.decided)
    return all(copies[_REPEAT + address] > k for address, k in stage.within)


def _after(
    stage: Stage, state: State, shape: Shape, filled: Any, genome: Genome, names: set[str], growing: bool
) -> State | None:
    """The state behind a stage; None where widths fall that must not. names: those that are met again."""
    decided, width = dict(state.decided), state.width
    if stage.counts is not None:
        decided[_REPEAT + stage.counts] = filled if _active(stage, state) else 0
    decided.update({key: value for key, value in genome.items() if key in names})
    over = {_REPEAT + address for address in stage.closes}
    kept = {key: value for key, value in decided.items() if key in names or (key[0] == _REPEAT and key not in over)}
    if growing and stage.border and has_positions(shape):
        channels = shape[0] if len(shape) > 2 else shape[-1]  # images have them first, sequences last
        if channels < width:
            return None
        width = channels
    return State(shape, tuple(sorted(kept.items())), width)


def _judged(rows: list[list[tuple[Arc, Path]]]) -> tuple[tuple[Arc, ...], ...]:
    """The arcs with what counts of them: all up to the last value with positions, or all where there is none.

    Raises SpaceError where it is not told by a stage whether positions come back behind it.
    """
    last = len(rows) - 1
    begins = any(has_positions(arc.start.shape) for arc, _ in rows[0])
    back = any(not has_positions(arc.start.shape) and has_positions(arc.end.shape) for row in rows for arc, _ in row)
    if begins and not back:  # positions end once, wherever that is

        def judged(i: int, arc: Arc, body: Path) -> Arc:
            if not has_positions(arc.start.shape):
                return arc._replace(path=_NOTHING)
            ends = i == last or not has_positions(arc.end.shape)
            return arc._replace(path=body, numbers=body.numbers if ends else 0)

    else:
        given = [[has_positions(arc.start.shape) for arc, _ in row] for row in rows]
        end = max((i for i, row in enumerate(given) if any(row)), default=last)
        if any(given[end]) and not all(given[end]):
            raise SpaceError("positions come back in this chain, and some networks lose them earlier than others")

        def judged(i: int, arc: Arc, body: Path) -> Arc:
            if i == end:
                return arc._replace(path=body, numbers=body.numbers)
            return arc if i < end else arc._replace(path=_NOTHING)

    return tuple(tuple(judged(i, arc, body) for arc, body in row) for i, row in enumerate(rows))


_NOTHING = Path(0.0, 0, 0)
