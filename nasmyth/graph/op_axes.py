"""The axes of one op: which places of its inputs, of its output and of its weights are one and the same.

A sentence says it: in "b c=(groups n) h w -> b out=(groups m) h/stride w/stride" with the weights "out n kernel kernel",
place i of the output's first axis is place i of the weight's, and every group has the same n. So an axis is a row of
places, and each place depends on *units*, (name, number): place 5 of d=(heads k) with k=4 on (heads, 1) and (k, 1).
Without a unit, all places that depend on it are gone, everywhere at once.

Four things are read from a sentence beside its names. A number among the factors of a product has no units of its own. `1+l`
puts places one after another. What is computed, `h/stride`, cannot change by itself, and what it is computed of is
*ordered*: its places are not alike. `op(..., ordered=)` says so where no sentence does, and `mixes=` names the axes along
which an output depends on more than its own place (attention, norms over features). All of it is held true by `check_op`:
the units of an axis that is not ordered may be exchanged, in inputs and weights at once, and nothing but the order changes.

An op whose places no sentence can tell has a rule, dispatched on its class like its costs: `@op_axes.register(Slice)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import singledispatch
from itertools import product
from typing import Any, NamedTuple

from nasmyth.contents import late
from nasmyth.graph.joins import Concat, Input, Multiply
from nasmyth.graph.op import Op, buffer_count, param_count
from nasmyth.graph.signature import ALL, ELLIPSIS, Axis, Shape, Signature, parse
from nasmyth.units import is_whole

Unit = tuple[str, int]
Place = tuple[Unit, ...]
"""What one place of an axis depends on; nothing where it can never be taken away."""


class NamedAxis(NamedTuple):
    """An axis of a tensor: its name in the sentence, and its places."""

    name: str
    places: tuple[Place, ...]


Tensor = tuple[NamedAxis, ...]


class OpAxes(NamedTuple):
    """The axes of an op's inputs, output and weights; why some cannot change; and which are mixed."""

    inputs: tuple[Tensor, ...]
    output: Tensor
    weights: dict[str, Tensor]
    fixed: dict[str, str]
    mixed: frozenset[str] = frozenset()


@singledispatch
def op_axes(op: Op, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    """The axes of an op on inputs of these shapes: by its rule, or by its signature."""
    return by_sentence(op, inputs, output)


def weight_sentences(op: Op, inputs: tuple[Shape, ...]) -> Mapping[str, str]:
    """The axes of each parameter and saved buffer, as the op declares them, or as they are found by building it."""
    declared = op.said("weight_axes")
    if declared is not None:
        return declared  # type: ignore[no-any-return]
    if op.module is None or not inputs:
        return {}
    rules = param_count(op, inputs, output := op.infer(*inputs)), buffer_count(op, inputs, output)
    if rules == (0, 0):
        return {}
    found: Mapping[str, str] = late("nasmyth.ops.found.weights:found")(op, inputs)
    return found


def by_sentence(op: Op, inputs: tuple[Shape, ...], output: Shape, text: str = "", **known: int) -> OpAxes:
    """The axes as a sentence tells them: the op's own, or one for these very shapes with the lengths that it leaves open."""
    signature = parse(text) if text else op.parsed_signature
    fields = {**dict(zip(op.fields, op.field_values, strict=True)), **known}
    lengths = {**fields, **signature.solve(inputs, fields, op)}
    reader = _Sentence(signature, lengths)
    patterns = [*signature.inputs, *[signature.inputs[-1]] * (len(inputs) - len(signature.inputs))][: len(inputs)]
    read = tuple(reader.tensor(pattern) for pattern in patterns)
    gives = signature.output
    out = (
        reader.tensor(gives)
        if gives is not None
        else fixed_axes("output", output, reader.fixed, f"{op!r} says no more of it")
    )
    weights = {name: reader.weight(said) for name, said in weight_sentences(op, inputs).items()}
    for name in reader.names(op.said("ordered_axes")):
        reader.fixed.setdefault(name, f"its order matters to {op!r}")
    told = OpAxes(read, out, weights, reader.fixed, frozenset(reader.names(op.said("mixed_axes"))))
    return told if text or says_of_its_axes(op) else _as_seen(op, inputs, told)


def says_of_its_axes(op: Op) -> bool:
    """Whether an op says how its places hang together. Nasmyth's own that say nothing are plain: the suite holds them to it."""
    said = (op.said("weight_axes"), op.said("ordered_axes") or None, op.said("mixed_axes") or None)
    return op.module is None or type(op).__module__.startswith("nasmyth.") or said != (None, None, None)


def _as_seen(op: Op, inputs: tuple[Shape, ...], told: OpAxes) -> OpAxes:
    """What an op of a user's does with its places, where it says nothing: its module is run to see."""
    fixed, mixed = late("nasmyth.ops.found.places:seen")(op, inputs, told)
    return told._replace(fixed={**fixed, **told.fixed}, mixed=mixed)


def fixed_axes(name: str, shape: Shape, fixed: dict[str, str], why: str) -> Tensor:
    """Axes that cannot change, each by itself, and why."""
    axes = []
    for i, length in enumerate(shape):
        fixed[f"{name}{i}"] = why
        axes.append(NamedAxis(f"{name}{i}", (((f"{name}{i}", 0),),) * length))
    return tuple(axes)


def all_fixed(op: Op, inputs: tuple[Shape, ...], output: Shape, weights: Mapping[str, Shape], why: str) -> OpAxes:
    """The axes of an op of which nothing may change."""
    fixed: dict[str, str] = {}
    read = tuple(fixed_axes(f"input {i} axis ", shape, fixed, why) for i, shape in enumerate(inputs))
    held = {name: fixed_axes(f"{name} axis ", shape, fixed, why) for name, shape in weights.items()}
    return OpAxes(read, fixed_axes("axis ", output, fixed, why), held, fixed)


def free_axes(name: str, shape: Shape) -> Tensor:
    """Axes of which each can change by itself."""
    return tuple(free_axis(f"{name}{i}", length) for i, length in enumerate(shape))


def free_axis(name: str, length: int) -> NamedAxis:
    """An axis each place of which is a unit of its own."""
    return NamedAxis(name, tuple(((name, i),) for i in range(length)))


class _Sentence:
    """Reads the axes of a parsed signature whose lengths are known."""

    def __init__(self, signature: Signature, lengths: dict[str, Any]) -> None:
        self.lengths, self.fixed = lengths, dict[str, str]()
        self.split = {a.name: a for axes in (*signature.inputs, signature.output or ()) for a in axes if _is_split(a)}
        for axis in signature.output or ():
            if _is_split(axis):
                self._complete(axis)

    def _complete(self, axis: Axis) -> None:
        """The length of the one factor on the right that nothing else says: m of out=(groups m)."""
        rest = self.lengths[axis.name]
        for factor in axis.factors:
            rest //= int(factor) if is_whole(factor) else self.lengths.get(factor, 1)
        for factor in axis.factors:
            if not is_whole(factor):
                self.lengths.setdefault(factor, rest)

    def names(self, said: str) -> Iterable[str]:
        """The units behind the names that an op says something of; "..." are those of all its axes."""
        for name in said.split():
            if name == "...":
                yield from (f"...{i}" for i in range(len(self.lengths["..."])))
            elif name in self.split:
                yield from (f for f in self.split[name].factors if not is_whole(f))
            else:
                yield name

    def tensor(self, axes: tuple[Axis, ...]) -> Tensor:
        found: list[NamedAxis] = []
        for axis in axes:
            rest = [f"...{i}" for i in range(len(self.lengths.get("...", ())))] if axis in (ELLIPSIS, ALL) else []
            if axis == ALL:
                found.append(NamedAxis("(...)", self.product(rest)))
            elif axis == ELLIPSIS:
                found += [NamedAxis(name, self.places(name)) for name in rest]
            else:
                found.append(NamedAxis(str(axis) if not axis.name else axis.name, self.product(axis.factors)))
        return tuple(found)

    def weight(self, said: str) -> Tensor:
        return self.tensor(parse(f"b ... -> b {said}").output or ())

    def product(self, factors: Iterable[str]) -> tuple[Place, ...]:
        """Places counted through all factors, the last the fastest. A factor of length 1, as one group, is none."""
        factors = tuple(factors)
        factors = tuple(f for f in factors if is_whole(f) or self.lengths.get(f) != 1) or factors[-1:]
        if len(factors) == 1:
            return self.places(factors[0], alone=True)
        return tuple(sum(parts, ()) for parts in product(*map(self.places, factors)))

    def places(self, factor: str, alone: bool = False) -> tuple[Place, ...]:
        if factor in self.split and self.split[factor].factors != (factor,):
            return self.product(self.split[factor].factors)
        if is_whole(factor):
            return self.whole(factor, "the signature says so") if alone else ((),) * int(factor)
        length = self.lengths["..."][int(factor[3:])] if factor.startswith("...") else self.lengths.get(factor)
        if type(length) is int:
            return tuple(((factor, i),) for i in range(length))
        terms = factor.split("+")
        if len(terms) > 1 and all(re.fullmatch(r"\w+", term) for term in terms):
            return tuple(place for term in terms for place in self.places(term, alone=True))
        return self.computed(factor)

    def whole(self, number: str, why: str, length: int | None = None) -> tuple[Place, ...]:
        self.fixed[number] = why
        return (((number, 0),),) * (int(number) if length is None else length)

    def computed(self, expression: str) -> tuple[Place, ...]:
        """What is computed cannot change by itself, and the order of what it is computed of matters."""
        names = re.findall(r"[A-Za-z_]\w*", expression)
        for name in self.names(" ".join(names)):
            self.fixed.setdefault(name, f"{expression} is computed of it")
        return self.whole(expression, f"it is computed of {names[0]}", _value(expression, self.lengths))


def _is_split(axis: Axis) -> bool:
    return bool(axis.name) and axis.factors != (axis.name,) and axis != ALL


def _value(expression: str, lengths: Mapping[str, Any]) -> int:
    return parse(f"b ... -> b {expression}").result(lengths, expression)[0]


# --- ops that join ------------------------------------------------------------------------------------------------


@op_axes.register(Input)
def _(op: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    return all_fixed(op, inputs, output, {}, "it is what enters the graph")


@op_axes.register(Concat)
def _(op: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    """One after another along one axis; the others are one."""
    names = [f"part{i}" for i in range(len(inputs))]
    side = "b {} ..." if op.axis == "c" else "b ... {}"
    text = f"{', '.join(side.format(name) for name in names)} -> {side.format('+'.join(names))}"
    return by_sentence(op, inputs, output, text)


@op_axes.register(Multiply)
def _(op: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    return by_sentence(op, inputs, output, op.sentence_for(inputs))
