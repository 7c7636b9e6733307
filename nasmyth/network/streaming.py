"""A network that takes a sequence a place at a time, and gives at each what it would give there for the whole.

    state = network.initial_state(batch=2)
    for place in range(length):
        output, state = network.step(state, x[:, place])        # b d -> b out: what network(x) gives at that place

A layer streams if it takes each place by itself, as `Linear` and norms over features do; or if its module has two methods:

    initial_state(batch) -> tuple of tensors        # before the first place, made as the module's weights are
    step(state, *inputs) -> (output, state)         # one place of each input, without the axis of places

`initial_state` raises ValueError where the layer's settings need places that are yet to come. That both ways give the same is
a law of every op that has them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from torch import Tensor

from nasmyth.errors import ShapeError
from nasmyth.graph.flat import Node
from nasmyth.graph.graph import Graph
from nasmyth.graph.op_axes import op_axes
from nasmyth.graph.signature import Shape

if TYPE_CHECKING:
    from nasmyth.network.layers import Layers

State = tuple[tuple[Tensor, ...], ...]
"""What each layer keeps from place to place, in the order of computation; nothing for one that takes places by themselves."""


def initial_state(network: Layers, batch: int = 1) -> State:
    """What the layers know before the first place. Raises ShapeError for a network that cannot take places one by one."""
    from nasmyth.network.layers import layers, modules_of

    state = []
    modules: list[Any] = modules_of(network)
    for node, module, keeps in zip(layers(network.graph), modules, _plan(network.graph), strict=True):
        try:
            state.append(tuple(module.initial_state(batch)) if keeps else ())
        except ValueError as error:
            raise ShapeError(f"{node.op!r} cannot take places one by one: {error}  (at {node.address})") from error
    return tuple(state)


def step(network: Layers, state: State, *places: Tensor) -> tuple[Tensor, State]:
    """The output at the next place, and the state after it. places: of each input of the graph, b ... without that axis."""
    from nasmyth.network.layers import layers, modules_of

    if len(places) != len(network.graph.inputs):
        raise ShapeError(f"the network takes {network.graph.inputs}, and was given a place of {len(places)} inputs")
    values: list[Any] = [*places]
    after: list[tuple[Tensor, ...]] = []
    modules: list[Any] = modules_of(network)
    for node, module, kept, keeps in zip(layers(network.graph), modules, state, _plan(network.graph), strict=True):
        given = [values[i] for i in node.inputs]
        if keeps:
            output, kept = module.step(kept, *given)
        else:
            output = module(*(x.unsqueeze(1) for x in given)).squeeze(1)
        values.append(output)
        after.append(kept)
    return values[-1], tuple(after)


@lru_cache(maxsize=256)
def _plan(graph: Graph) -> tuple[bool, ...]:
    """Whether each layer keeps a state. Raises ShapeError for one that neither does nor takes each place by itself."""
    lengths = {entry.shape[:1] for entry in graph.inputs}
    if len(lengths) != 1 or lengths == {()}:
        raise ShapeError(
            f"the network takes {graph.inputs}: places come one by one where the first axis of each input is theirs"
        )
    plan = []
    for node in graph.nodes[len(graph.inputs) :]:
        shapes = tuple(graph.nodes[i].shape for i in node.inputs)
        keeps = hasattr(node.op.module, "step")
        if not keeps and not _by_itself(node, shapes):
            raise ShapeError(
                f"{node.op!r} needs the whole sequence, and a network takes places one by one where every layer takes each by "
                f"itself or keeps a state (causal attention, recurrences); forward takes it whole  (at {node.address})"
            )
        plan.append(keeps)
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
