"""Which parts of a graph go on when its places come one by one: `plan(graph, whole)`.

Every value follows a clock: ALWAYS, that of the places; WHOLE, for what is given before the first place, and what is made of
that alone; or that of a layer behind which places come more rarely, as the chunks of a sequence do.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from nasmyth.errors import ShapeError
from nasmyth.graph.flat import Node
from nasmyth.graph.graph import Graph
from nasmyth.graph.op import Op
from nasmyth.graph.op_axes import op_axes
from nasmyth.graph.signature import Shape

ALWAYS, WHOLE = -1, -2
"""Other clocks are known by the number of the node that they begin behind."""


class Layer(NamedTuple):
    """How a layer takes places: whether it keeps a state, its clock, and those of its inputs."""

    keeps: bool
    clock: int
    given: tuple[int, ...]

    @property
    def resumes(self) -> tuple[int, ...]:
        """The clock that ends at this layer, if one does."""
        return tuple(clock for clock in self.given[:1] if clock not in (self.clock, WHOLE))


@lru_cache(maxsize=256)
def plan(graph: Graph, whole: tuple[bool, ...]) -> tuple[Layer, ...]:
    """How each layer takes places, where some of the inputs were given whole.

    Raises ShapeError for a layer that neither keeps a state nor takes each place by itself.
    """
    _refuse_other_lengths(graph, whole)
    clocks = [WHOLE if given else ALWAYS for given in whole]
    outer: dict[int, int] = {}
    found = []
    for node in graph.nodes[len(graph.inputs) :]:
        layer = _layer(graph, node, tuple(clocks[i] for i in node.inputs), outer)
        found.append(layer)
        begins = layer.clock != WHOLE and hasattr(node.op.module, "ticked")
        if begins:
            outer[len(clocks)] = layer.clock
        clocks.append(len(clocks) if begins else layer.clock)
    if clocks[-1] >= 0:
        raise ShapeError(f"the network answers at some places only: put Unchunk() behind {graph.nodes[-1].op!r}")
    return tuple(found)


def along(op: Op, shapes: tuple[Shape, ...], output: Shape) -> tuple[bool, ...]:
    """Which inputs of an op come place by place, and which are there as a whole: those of another first axis than the
    output's, or than the first input's where no input has that one."""
    if hasattr(op.module, "resumes"):
        return (True,) * len(shapes)
    axes = op_axes(op, shapes, output)
    first = [given[0].places if given else () for given in axes.inputs]
    for places in (axes.output[0].places if axes.output else (), *first[:1]):
        if places and places in first:
            return tuple(one == places for one in first)
    return (False,) * len(first)


def usually_whole(graph: Graph) -> tuple[str, ...]:
    """The inputs that are given whole where nobody says which: those of which a layer takes what is made of them as a whole,
    such as a memory, and those of another length than the first of the others."""
    behind: list[frozenset[str]] = [frozenset({name}) for name in graph.inputs.names]
    found: frozenset[str] = frozenset()
    for node in graph.nodes[len(behind) :]:
        comes = along(node.op, tuple(graph.nodes[i].shape for i in node.inputs), node.shape)
        found = found.union(*(behind[i] for i, one in zip(node.inputs, comes, strict=True) if not one))
        behind.append(frozenset().union(*(behind[i] for i, one in zip(node.inputs, comes, strict=True) if one)))
    lengths = [entry.shape[:1] for entry in graph.inputs if entry.name not in found]
    return tuple(entry.name for entry in graph.inputs if entry.name in found or entry.shape[:1] != lengths[0])


def _refuse_other_lengths(graph: Graph, whole: tuple[bool, ...]) -> None:
    lengths = {entry.shape[:1] for entry, given in zip(graph.inputs, whole, strict=True) if not given}
    if len(lengths) != 1 or lengths == {()}:
        raise ShapeError(
            f"the network takes {graph.inputs}: places come one by one where the first axis of each input is theirs; what "
            "is no sequence of places is given whole: network.initial_state(batch, memory=...)"
        )


def _layer(graph: Graph, node: Node, given: tuple[int, ...], outer: dict[int, int]) -> Layer:
    """How this layer takes places. outer: of the clocks that began so far, which they go on within."""
    if given and set(given) == {WHOLE}:
        return Layer(False, WHOLE, given)
    shapes = tuple(graph.nodes[i].shape for i in node.inputs)
    keeps, where = hasattr(node.op.module, "step"), f"(at {node.address})"
    if not keeps and not _by_itself(node, shapes, given):
        raise ShapeError(
            f"{node.op!r} needs the whole sequence, and a network takes places one by one where every layer takes each by "
            f"itself or keeps a state (causal attention, recurrences); forward takes it whole  {where}"
        )
    if keeps and along(node.op, shapes, node.shape) != tuple(clock != WHOLE for clock in given):
        raise ShapeError(
            f"{node.op!r} takes places one by one beside what is given whole, before the first: name just that one in "
            f"initial_state(memory=...)  {where}"
        )
    coming = [clock for clock in given if clock != WHOLE] or [ALWAYS]
    clock = outer.get(coming[0]) if hasattr(node.op.module, "resumes") else coming[0]
    if clock is None or any(other != clock for other in coming[1:]):
        raise ShapeError(f"{node.op!r} takes what comes at every place together with what comes at some only  {where}")
    return Layer(keeps, clock, given)


def _by_itself(node: Node, shapes: tuple[Shape, ...], given: tuple[int, ...]) -> bool:
    """Whether a place of the output, along the first axis, depends on that place of the inputs that come place by place, and on
    nothing else of them."""
    axes = op_axes(node.op, shapes, node.shape)
    if not axes.output or not all(axes.inputs):
        return False
    places = axes.output[0].places
    units = {name for place in places for name, _ in place}
    held = [axis for tensor in axes.weights.values() for axis in tensor]
    whole = [axis for tensor, clock in zip(axes.inputs, given, strict=True) if clock == WHOLE for axis in tensor]
    elsewhere = {name for axis in (*axes.output[1:], *held, *whole) for place in axis.places for name, _ in place}
    alike = all(tensor[0].places == places for tensor, clock in zip(axes.inputs, given, strict=True) if clock != WHOLE)
    return bool(units) and alike and not units & (axes.mixed | elsewhere)
