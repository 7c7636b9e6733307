"""A network that takes a sequence a place at a time, and gives at each what it would give there for the whole.

    state = network.initial_state(batch=2)
    for place in range(length):
        output, state = network.step(state, x[:, place])        # b d -> b out: what network(x) gives at that place

A layer streams if it takes each place by itself, as `Linear` and norms over features do; or if its module has two methods:

    initial_state(batch) -> tuple of tensors        # before the first place, made as the module's weights are
    step(state, *inputs) -> (output, state)         # one place of each input, without the axis of places

`initial_state` raises ValueError where the layer's settings need places that are yet to come. That both ways give the same is
a law of every op that has them.

Parts of a network may go on at some places only, as what works on chunks of a sequence does (`ops/chunking.py`). They begin
behind a module with a method `ticked(state before, state after)`, which says in which examples of a batch they go on, b; and
they end at one with `resumes = True`, whose `step` takes that as its last argument. Between the two, layers keep a state for
each example by itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from nasmyth.errors import ShapeError
from nasmyth.graph.flat import Node
from nasmyth.graph.graph import Graph
from nasmyth.graph.op_axes import op_axes
from nasmyth.graph.signature import Shape

if TYPE_CHECKING:
    from nasmyth.network.layers import Layers

State = tuple[Any, ...]
"""What each layer keeps from place to place, in the order of computation, as a tuple of tensors: nothing for one that takes
places by themselves; a tuple for each example where a layer goes on at some places only."""

ALWAYS = -1
"""The clock of what goes on at every place. Others are known by the number of the layer that they begin behind."""


class _Layer(NamedTuple):
    """How a layer takes places: whether it keeps a state, the clock by which it goes on, and that of its first input."""

    keeps: bool
    clock: int
    given: int


def initial_state(network: Layers, batch: int = 1) -> State:
    """What the layers know before the first place. Raises ShapeError for a network that cannot take places one by one."""
    from nasmyth.network.layers import layers, modules_of

    state: list[Any] = []
    modules: list[Any] = modules_of(network)
    for node, module, layer in zip(layers(network.graph), modules, _plan(network.graph), strict=True):
        try:
            if layer.clock == ALWAYS:
                state.append(tuple(module.initial_state(batch)) if layer.keeps else ())
            else:
                state.append(tuple(tuple(module.initial_state(1)) if layer.keeps else () for _ in range(batch)))
        except ValueError as error:
            raise ShapeError(f"{node.op!r} cannot take places one by one: {error}  (at {node.address})") from error
    return tuple(state)


def step(network: Layers, state: State, *places: Tensor) -> tuple[Tensor, State]:
    """The output at the next place, and the state after it. places: of each input of the graph, b ... without that axis."""
    from nasmyth.network.layers import layers, modules_of

    if len(places) != len(network.graph.inputs):
        raise ShapeError(f"the network takes {network.graph.inputs}, and was given a place of {len(places)} inputs")
    values: list[Any] = [*places]
    after: list[Any] = []
    ticks: dict[int, Tensor] = {}
    modules: list[Any] = modules_of(network)
    for node, module, kept, layer in zip(layers(network.graph), modules, state, _plan(network.graph), strict=True):
        given = [values[i] for i in node.inputs]
        if layer.given != layer.clock:
            given.append(ticks[layer.given])
        at = ticks.get(layer.clock)
        output, now = (
            _at_once(module, layer, kept, given) if at is None else _where(at, node, module, layer, kept, given)
        )
        if hasattr(module, "ticked"):
            ticks[len(values)] = _ticked(module, kept, now, at)
        values.append(output)
        after.append(now)
    return values[-1], tuple(after)


def _at_once(module: Any, layer: _Layer, kept: Any, given: list[Tensor]) -> tuple[Tensor, Any]:
    """A layer at a place of all examples."""
    if layer.keeps:
        output, kept = module.step(kept, *given)
        return output, kept
    return module(*(x.unsqueeze(1) for x in given)).squeeze(1), kept


def _where(at: Tensor, node: Node, module: Any, layer: _Layer, kept: Any, given: list[Tensor]) -> tuple[Tensor, Any]:
    """A layer at a place of some examples, one after the other, since what it keeps of each may have another length; zeros
    for the others, which keep what they had."""
    outputs, after = [], []
    for i, goes_on in enumerate(at.tolist()):
        own = [x[i : i + 1] for x in given]
        output, now = _at_once(module, layer, kept[i], own) if goes_on else (None, kept[i])
        outputs.append(own[0].new_zeros(1, *node.shape[1:]) if output is None else output)
        after.append(now)
    return torch.cat(outputs), tuple(after)


def _ticked(module: Any, before: Any, after: Any, at: Tensor | None) -> Tensor:
    """The examples in which what comes behind this layer goes on."""
    if at is None:
        found: Tensor = module.ticked(before, after)
        return found
    return torch.cat([module.ticked(*pair) for pair in zip(before, after, strict=True)])


@lru_cache(maxsize=256)
def _plan(graph: Graph) -> tuple[_Layer, ...]:
    """How each layer takes places. Raises ShapeError for one that neither keeps a state nor takes each place by itself."""
    lengths = {entry.shape[:1] for entry in graph.inputs}
    if len(lengths) != 1 or lengths == {()}:
        raise ShapeError(
            f"the network takes {graph.inputs}: places come one by one where the first axis of each input is theirs"
        )
    clocks = [ALWAYS] * len(graph.inputs)
    outer: dict[int, int] = {}
    plan = []
    for node in graph.nodes[len(graph.inputs) :]:
        shapes = tuple(graph.nodes[i].shape for i in node.inputs)
        keeps = hasattr(node.op.module, "step")
        if not keeps and not _by_itself(node, shapes):
            raise ShapeError(
                f"{node.op!r} needs the whole sequence, and a network takes places one by one where every layer takes each by "
                f"itself or keeps a state (causal attention, recurrences); forward takes it whole  (at {node.address})"
            )
        first, *others = [clocks[i] for i in node.inputs] or [ALWAYS]
        clock = outer.get(first) if hasattr(node.op.module, "resumes") else first
        if clock is None or any(other != clock for other in others):
            raise ShapeError(
                f"{node.op!r} takes what comes at every place together with what comes at some only  (at {node.address})"
            )
        plan.append(_Layer(keeps, clock, first))
        if hasattr(node.op.module, "ticked"):
            outer[len(clocks)] = clock
            clock = len(clocks)
        clocks.append(clock)
    if clocks[-1] != ALWAYS:
        raise ShapeError(f"the network answers at some places only: put Unchunk() behind {graph.nodes[-1].op!r}")
    return tuple(plan)


def _by_itself(node: Node, shapes: tuple[Shape, ...]) -> bool:
    """Whether a place of the output, along the first axis, depends on that place of the inputs and on nothing else."""
    axes = op_axes(node.op, shapes, node.shape)
    if not axes.output or not all(axes.inputs):
        return False
    places = axes.output[0].places
    units = {name for place in places for name, _ in place}
    weighed = {name for held in axes.weights.values() for axis in held for place in axis.places for name, _ in place}
    elsewhere = {name for axis in axes.output[1:] for place in axis.places for name, _ in place}
    alike = all(axis.places == places for axis, *_ in axes.inputs)
    return bool(units) and alike and not units & (axes.mixed | weighed | elsewhere)
