"""What a network costs, added up from rules, without building anything and without listing its layers.

Parts are shared between candidates, so each part's costs are added up only once: those of ops and blocks in a process, and
those of a wiring for as long as somebody holds it. What the output does not need, such as what prepares an input that a
cell then ignores, is not in the network and costs nothing.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import Any, NamedTuple

from nasmyth.graph.combine import Combine, Layout, Listed, Name, Step
from nasmyth.graph.flat import Node, check_declared_output, handed, inferred, not_a_template, unfold
from nasmyth.graph.joins import Identity, Input
from nasmyth.graph.op import Block, Op, buffer_count, computing, mac_count, param_count
from nasmyth.graph.signature import Shape

Named = tuple[tuple[str, Shape], ...]
"""The inputs of a graph that its ops can read by name."""


class Unknown(NamedTuple):
    """An op that has no rule, and the shapes of its inputs; `shared` where its weights have been counted before."""

    op: Op
    shapes: tuple[Shape, ...]
    shared: bool = False


class Costs(NamedTuple):
    """What a network costs, as its graph tells: learnable numbers, other saved numbers, and for one example MACs and the
    numbers in the outputs of all layers.

    `unknown` holds what has no rule, and counts nothing here but its output.
    """

    params: int
    buffers: int
    macs: int
    activations: int
    unknown: tuple[Unknown, ...] = ()


class Summary(NamedTuple):
    """A part's output shape and costs. Parts are shared between candidates, so each is added up only once."""

    shape: Shape
    params: int = 0
    buffers: int = 0
    macs: int = 0
    activations: int = 0
    unknown: tuple[Unknown, ...] = ()
    reads: tuple[int, ...] | None = None
    """The inputs that its output depends on, where that is not all of them."""

    def plus(self, other: Summary, shared: bool = False) -> Summary:
        """Both together; `shared` weights have been counted before."""
        return Summary(
            other.shape,
            self.params + (0 if shared else other.params),
            self.buffers + (0 if shared else other.buffers),
            self.macs + other.macs,
            self.activations + other.activations,
            self.unknown + (_shared(other.unknown) if shared else other.unknown) if other.unknown else self.unknown,
        )


class _Lister:
    """Reads a wiring into a list of its steps."""

    __slots__ = ("inputs", "named", "shapes", "steps")

    def __init__(self, shapes: tuple[Shape, ...], named: Named) -> None:
        self.inputs, self.named = len(shapes), named
        self.shapes = list(shapes)
        """Those that are known: the inputs', and as many more as were asked for."""
        self.steps: list[Step] = []

    def shape(self, handle: int) -> Shape:
        shapes = self.shapes
        while len(shapes) <= handle:
            part, inputs, _ = self.steps[len(shapes) - self.inputs]
            shapes.append(summarise(part, tuple([shapes[i] for i in inputs]), self.named).shape)
        return shapes[handle]

    def __call__(self, part: Any, inputs: tuple[int, ...], name: Name) -> int:
        self.steps.append((part, inputs, name))
        return self.inputs + len(self.steps) - 1

    def layout(self, output: int) -> Layout:
        steps = self.steps
        names, needed = {name for _, _, name in steps}, {output}.union(*[inputs for _, inputs, _ in steps])
        return Layout(steps, output, len(names) == len(steps) and len(needed) == self.inputs + len(steps))


def _listed(term: Combine, shapes: tuple[Shape, ...], named: Named) -> Layout:
    if isinstance(term, Listed):
        return term.lay(len(shapes))
    lister = _Lister(shapes, named)
    return lister.layout(term.wire(lister, tuple(range(len(shapes)))))


def _of_list(layout: Layout, shapes: tuple[Shape, ...], named: Named) -> Summary:
    """All parts of a wiring that the output needs. What is put under one name several times brings its weights once."""
    steps, whole = layout.steps, layout.whole
    made, summaries = [*shapes], []
    params = buffers = macs = activations = 0
    given: tuple[Shape, ...]
    for part, inputs, _ in steps:
        count = len(inputs)
        if count == 1:
            given = (made[inputs[0]],)
        elif count == 2:
            given = (made[inputs[0]], made[inputs[1]])
        else:
            given = tuple([made[i] for i in inputs])
        summary = summarise(part, given, named) if isinstance(part, Combine) else of_layer(part, given, named)
        shape, weights, others, products, numbers, unknown, reads = summary
        params += weights
        buffers += others
        macs += products
        activations += numbers
        if unknown or reads is not None:
            whole = False
        made.append(shape)
        summaries.append(summary)
    return Summary(made[-1], params, buffers, macs, activations) if whole else _needed(layout, summaries, shapes)


def _needed(layout: Layout, summaries: list[Summary], shapes: tuple[Shape, ...]) -> Summary:
    """The same where not all is needed, weights are shared, or something has no rule."""
    steps, output, inputs = layout.steps, layout.output, len(shapes)
    needed = [False] * (inputs + len(steps))
    needed[output] = True
    for i in reversed(range(len(steps))):
        if needed[inputs + i]:
            reads, read = summaries[i].reads, steps[i][1]
            for j in read if reads is None else [read[k] for k in reads]:
                needed[j] = True
    params = buffers = macs = activations = 0
    unknown: tuple[Unknown, ...] = ()
    seen: set[Name] = set()
    for part, (_, _, name) in itertools.compress(zip(summaries, steps, strict=True), needed[inputs:]):
        shared = name in seen
        seen.add(name)
        macs += part.macs
        activations += part.activations
        if not shared:
            params += part.params
            buffers += part.buffers
        if part.unknown:
            unknown += _shared(part.unknown) if shared else part.unknown
    shape = shapes[output] if output < inputs else summaries[output - inputs].shape
    reads = None if all(needed[:inputs]) else tuple(i for i in range(inputs) if needed[i])
    return Summary(shape, params, buffers, macs, activations, unknown, reads)


def of_nodes(nodes: tuple[Node, ...]) -> Summary:
    """Output shape and costs of a flat network."""
    total = Summary(nodes[0].shape)
    seen: set[str] = set()
    for node in nodes[1:]:
        if isinstance(node.op, Input):
            continue
        shapes = tuple(nodes[i].shape for i in node.inputs)
        total = total.plus(_summarise_op(node.op, shapes), shared=node.address in seen)
        seen.add(node.address)
    return total


def summarise(term: Any, shapes: tuple[Shape, ...], named: Named = ()) -> Summary:
    """Output shape and costs of a template without holes on inputs of these shapes, in a graph of these named inputs."""
    if not isinstance(term, Combine):
        return of_layer(term, shapes, named)
    # known to the wiring itself, so that what is remembered of a candidate goes when the candidate goes
    known: dict[Any, Summary] | None = term.__dict__.get("_summaries")
    if known is None:
        known = term.__dict__["_summaries"] = {}
    key = (shapes, named) if named else shapes
    found = known.get(key)
    if found is None:
        found = known[key] = _of_list(_listed(term, shapes, named), shapes, named)
    return found


@lru_cache(maxsize=200_000)
def of_layer(term: Any, shapes: tuple[Shape, ...], named: Named) -> Summary:
    """The same of an op or a block, which many candidates share."""
    if not isinstance(term, (Op, Block)):
        raise not_a_template(term, "")
    every = shapes + handed(term, len(shapes), dict(named)) if named else shapes
    if isinstance(term, Op):
        return _summarise_op(term, every)
    summary = summarise(unfold(term, every), shapes, named)
    check_declared_output(term, every, summary.shape)
    return summary


def _summarise_op(op: Op, shapes: tuple[Shape, ...]) -> Summary:
    output = inferred(op, shapes)
    with computing(op, f"its costs on {shapes} cannot be told"):
        params, buffers, macs = (rule(op, shapes, output) for rule in (param_count, buffer_count, mac_count))
    activations = 0 if isinstance(op, Identity) else math.prod(output)
    if params is None or buffers is None or macs is None:
        return Summary(output, activations=activations, unknown=(Unknown(op, shapes),))
    return Summary(output, params, buffers, macs, activations)


def _shared(unknown: tuple[Unknown, ...]) -> tuple[Unknown, ...]:
    return tuple(one._replace(shared=True) for one in unknown)
