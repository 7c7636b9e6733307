"""A network that takes a sequence a place at a time, and gives at each what it would give there for the whole.

    state = network.initial_state(batch=2)
    for place in range(length):
        output, state = network.step(state, x[:, place])        # b d -> b out: what network(x) gives at that place

A layer streams if it takes each place by itself, as `Linear` and norms over features do; or if its module has two methods:

    initial_state(batch) -> tuple of tensors        # before the first place, made as the module's weights are
    step(state, *inputs) -> (output, state)         # one place of each input, without the axis of places

Inputs that are no places, such as the memory that cross-attention looks at, are given once, by name, and layers that depend on
them alone are computed once:

    state = network.initial_state(batch=2, memory=memory)   # a module gets it as initial_state(batch, memory)

`initial_state` raises ValueError where the layer's settings need places that are yet to come. That both ways give the same is
a law of every op that has them.

Parts of a network may go on at some places only, as what works on chunks of a sequence does (`ops/chunking.py`). They begin
behind a module with a method `ticked(state before, state after)`, which says in which examples of a batch they go on, b; and
they end at one with `resumes = True`, whose `step` takes that as its last argument. Between the two, layers keep a state for
each example by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nasmyth.errors import ShapeError
from nasmyth.graph.flat import Node
from nasmyth.graph.graph import Graph
from nasmyth.network.clocks import ALWAYS, WHOLE, Layer, plan

if TYPE_CHECKING:
    from nasmyth.network.layers import Layers

State = tuple[Any, ...]
"""What is kept from place to place: of each input what was given whole, then of each layer, in the order of computation, a
tuple of tensors; nothing for one that takes places by themselves; a tuple for each example where a layer goes on at some
places only."""


def initial_state(network: Layers, batch: int = 1, **whole: Tensor) -> State:
    """What the layers know before the first place. whole: by name, the inputs that do not come place by place, b ...

    Raises ShapeError for a network that cannot take places one by one, and for inputs of another name or shape.
    """
    from nasmyth.network.layers import layers, modules_of

    graph = network.graph
    values: list[Any] = [*_checked(graph, batch, whole)]
    state: list[Any] = [() if value is None else (value,) for value in values]
    modules: list[Any] = modules_of(network)
    for node, module, layer in zip(layers(graph), modules, plan(graph, _are_whole(graph, state)), strict=True):
        there = [values[i] for i, clock in zip(node.inputs, layer.given, strict=True) if clock == WHOLE]
        try:
            kept = (module(*there),) if layer.clock == WHOLE else _first(module, layer, batch, there)
        except ValueError as error:
            raise ShapeError(f"{node.op!r} cannot take places one by one: {error}  (at {node.address})") from error
        values.append(kept[0] if layer.clock == WHOLE else None)
        state.append(kept)
    return tuple(state)


def step(network: Layers, state: State, *places: Tensor) -> tuple[Tensor, State]:
    """The output at the next place, and the state after it. places: of each input of the graph that was not given whole,
    b ... without that axis."""
    from nasmyth.network.layers import layers, modules_of

    graph, whole = network.graph, _are_whole(network.graph, state)
    if len(places) != whole.count(False):
        raise ShapeError(f"the network takes {graph.inputs}, and was given a place of {len(places)} inputs")
    coming = iter(places)
    values: list[Any] = [kept[0] if kept else next(coming) for kept in state[: len(whole)]]
    after: list[Any] = [*state[: len(whole)]]
    ticks: dict[int, Tensor] = {}
    modules: list[Any] = modules_of(network)
    for node, module, kept, layer in zip(layers(graph), modules, state[len(whole) :], plan(graph, whole), strict=True):
        if layer.clock == WHOLE:
            output, now = kept[0], kept
        else:
            at, given = ticks.get(layer.clock), [values[i] for i in node.inputs]
            ended = [ticks[clock] for clock in layer.resumes]
            output, now = (
                _everywhere(module, layer, kept, given, ended)
                if at is None
                else _where(at, node, module, layer, kept, given, ended)
            )
            if hasattr(module, "ticked"):
                ticks[len(values)] = _ticked(module, kept, now, at)
        values.append(output)
        after.append(now)
    return values[-1], tuple(after)


def _checked(graph: Graph, batch: int, whole: dict[str, Tensor]) -> list[Tensor | None]:
    """The inputs that are given whole; None for the others."""
    shapes = {entry.name: entry.shape for entry in graph.inputs}
    for name, value in whole.items():
        if name not in shapes:
            raise ShapeError(f"the network has no input {name!r}, it takes {graph.inputs}")
        if tuple(value.shape) != (batch, *shapes[name]):
            raise ShapeError(
                f"{name} has the shape {tuple(value.shape)}, and is {(batch, *shapes[name])} for a batch of {batch}"
            )
    return [whole.get(name) for name in shapes]


def _are_whole(graph: Graph, state: Sequence[Any]) -> tuple[bool, ...]:
    return tuple(bool(kept) for kept in state[: len(graph.inputs)])


def _first(module: Any, layer: Layer, batch: int, whole: list[Tensor]) -> tuple[Any, ...]:
    """What a layer knows before the first place: of each example by itself where it goes on at some places only."""
    if not layer.keeps:
        return () if layer.clock == ALWAYS else ((),) * batch
    if layer.clock == ALWAYS:
        return tuple(module.initial_state(batch, *whole))
    return tuple(tuple(module.initial_state(1, *(x[i : i + 1] for x in whole))) for i in range(batch))


def _everywhere(module: Any, layer: Layer, kept: Any, given: list[Tensor], ended: list[Tensor]) -> tuple[Tensor, Any]:
    """A layer at a place of all examples. ended: where what comes of a clock that ends here went on."""
    pairs = [*zip(given, layer.given, strict=True)]
    if layer.keeps:
        output, now = module.step(kept, *(x for x, clock in pairs if clock != WHOLE), *ended)
        return output, now
    return module(*(x if clock == WHOLE else x.unsqueeze(1) for x, clock in pairs)).squeeze(1), kept


def _where(
    at: Tensor, node: Node, module: Any, layer: Layer, kept: Any, given: list[Tensor], ended: list[Tensor]
) -> tuple[Tensor, Any]:
    """A layer at a place of some examples, one after the other, since what it keeps of each may have another length; zeros
    for the others, which keep what they had."""
    outputs, after = [], []
    for i, goes_on in enumerate(at.tolist()):
        own, told = ([x[i : i + 1] for x in some] for some in (given, ended))
        output, now = _everywhere(module, layer, kept[i], own, told) if goes_on else (None, kept[i])
        outputs.append(own[0].new_zeros(1, *node.shape[1:]) if output is None else output)
        after.append(now)
    return torch.cat(outputs), tuple(after)


def _ticked(module: Any, before: Any, after: Any, at: Tensor | None) -> Tensor:
    """The examples in which what comes behind this layer goes on."""
    if at is None:
        found: Tensor = module.ticked(before, after)
        return found
    return torch.cat([module.ticked(*pair) for pair in zip(before, after, strict=True)])
