"""What moves numbers without mixing them: other shapes, other orders of axes, parts, and what changes nothing at all."""

from __future__ import annotations

import math
from typing import Any

from nasmyth import ops
from nasmyth.graph.signature import Shape
from nasmyth.tracing.asking import flow_of
from nasmyth.tracing.call import Call, rule
from nasmyth.tracing.values import Expression, Flow, Held, Layout

# --- nothing at all -------------------------------------------------------------------------------------------------------


@rule("contiguous", "clone", "detach", "alias", "lift_fresh_copy", "lift_fresh", "positive")
def _same(call: Call) -> Any:
    return next(iter(call.arguments.values()))


@rule("pad", "constant_pad_nd")
def _no_padding(call: Call) -> Any:
    return call["self"] if not any(call["pad"]) else None


@rule("to", "_to_copy", "type_as")
def _converted(call: Call) -> Any:
    """A change of type is one; a change to the type that it has already is none."""
    x = next(iter(call.arguments.values()))
    if isinstance(x, Held):
        return x if x.tensor.dtype == call.given.dtype else None
    return x if isinstance(x, Flow) and x.layout.dtype == call.layout.dtype and _float_kept(call) else None


def _float_kept(call: Call) -> bool:
    source = call.node.args[0]
    return source.meta["val"].dtype == call.given.dtype  # type: ignore[union-attr]


@rule("expand", "expand_as", "broadcast_to", "repeat")
def _expand(call: Call) -> Any:
    """Equal shapes: nothing. Weights, or what is the same for all examples, given to every example: that is what a graph
    does with them anyway."""
    x, out = call["self"], call.layout
    if isinstance(x, Flow) and x.layout.axis >= 0:
        return x if x.layout == out else None
    if out.axis != 0 or out.share != 1 or isinstance(x, Expression):
        return None
    actual = tuple(x.tensor.shape) if isinstance(x, Held) else x.layout.actual
    if len(actual) == len(out.actual):
        kept = actual[0] == 1 and actual[1:] == out.shape
    else:
        kept = actual == out.shape
    if not kept:
        return None
    if isinstance(x, Held):
        weight = Held(x.name, x.tensor.detach().reshape(out.shape), True)
        name = x.name.rpartition(".")[2]
        return (
            call.flow(call.put(ops.Weight(out.shape), 0, weights={"weight": weight}, name=name)) if x.learned else None
        )
    return call.flow(reshape(call, x.draft, out.shape))


# --- shapes ---------------------------------------------------------------------------------------------------------------


@rule("view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as")
def _shape(call: Call) -> Flow | None:
    """In the graph the same numbers, perhaps with the neighbours' axis brought to where the program has it and back."""
    x = flow_of(call["self"])
    if x is None:
        return None
    before, after = x.layout, call.layout
    if before.axis < 0 or after.axis < 0:
        return call.flow(reshape(call, x.draft, after.shape)) if before.axis == after.axis else None
    if (
        math.prod(before.actual[before.axis + 1 :]) * before.share
        != math.prod(after.actual[after.axis + 1 :]) * after.share
    ):
        return None  # the batch is dealt out anew among the other axes
    draft = _shared_axis(call, x.draft, before, inward=True)
    spread = (
        *after.actual[: after.axis],
        *((after.share,) if after.share > 1 else ()),
        *after.actual[after.axis + 1 :],
    )
    draft = None if draft is None else reshape(call, draft, spread)
    return None if draft is None else call.flow(_shared_axis(call, draft, after, inward=False))


def _shared_axis(call: Call, draft: int, layout: Layout, inward: bool) -> int | None:
    """The neighbours' axis from the front to where the batch is in the program, or from there to the front."""
    if layout.share == 1 or layout.axis == 0:
        return draft
    rank = len(layout.shape)
    at = layout.axis
    if inward:
        return _permute(call, draft, (*range(1, at + 1), 0, *range(at + 1, rank)))
    return _permute(call, draft, (at, *range(at), *range(at + 1, rank)))


def reshape(call: Call, draft: int, shape: Shape) -> int | None:
    """The draft in another shape: itself if it has it already, and past what only reshapes."""
    drafts = call.reader.drafts
    while isinstance(drafts[draft].op, (ops.Reshape, ops.Flatten)):
        draft = drafts[draft].inputs[0]
    if drafts[draft].shape == shape:
        return draft
    return call.put(ops.Flatten() if len(shape) == 1 and len(drafts[draft].shape) > 1 else ops.Reshape(shape), draft)


def _permute(call: Call, draft: int, order: tuple[int, ...]) -> int | None:
    """The draft with its axes in this order: two permutations are one, and an image as a list of pixels a sequence."""
    drafts = call.reader.drafts
    if isinstance(drafts[draft].op, ops.Permute):
        inner = drafts[draft].op.order
        draft, order = drafts[draft].inputs[0], tuple(inner[i] for i in order)
    if order == tuple(range(len(order))):
        return draft
    made = drafts[draft]
    if order == (1, 0) and isinstance(made.op, ops.Reshape):
        image = drafts[made.inputs[0]].shape
        if len(image) == 3 and made.shape == (image[0], image[1] * image[2]):
            return call.put(ops.ToSequence(), made.inputs[0])
    return call.put(ops.Permute(order), draft)


@rule("permute", "transpose", "t", "movedim", "swapaxes", "numpy_T", "moveaxis", "swapdims")
def _order(call: Call) -> Flow | None:
    x = flow_of(call["self"])
    if x is None:
        return None
    order = _new_order(call, len(x.layout.actual))
    if order is None:
        return None
    before, after = x.layout, call.layout
    if before.axis >= 0 and (after.axis < 0 or order[after.axis] != before.axis):
        return None
    labels = [order[i] if isinstance(i, int) else i for i in after.labels]
    return call.flow(_permute(call, x.draft, tuple(before.labels.index(label) for label in labels)))


def _new_order(call: Call, rank: int) -> list[int] | None:
    order = list(range(rank))
    if call.name == "permute":
        return [d % rank for d in call["dims"]]
    if call.name in ("transpose", "swapaxes", "swapdims"):
        a, b = (call.arguments[k] % rank for k in [a.name for a in call.target._schema.arguments][1:3])
        order[a], order[b] = b, a
        return order
    if call.name in ("movedim", "moveaxis"):
        source, target = call["source"], call["destination"]
        if not isinstance(source, int):
            return None
        order.remove(source % rank)
        order.insert(target % rank, source % rank)
        return order
    return order[::-1]


# --- parts ----------------------------------------------------------------------------------------------------------------


def _axis(x: Flow, dim: int) -> int | None:
    """The axis in the graph of an axis in the program; None for the batch's."""
    dim %= len(x.layout.actual)
    return None if dim == x.layout.axis else x.layout.labels.index(dim)


@rule("select")
def _select(call: Call) -> Flow | None:
    x = flow_of(call["self"])
    if x is None or (axis := _axis(x, call["dim"])) is None:
        return None
    return call.flow(call.put(ops.Select(axis, call["index"]), x.draft))


@rule("slice", "narrow")
def _slice(call: Call) -> Any:
    x = flow_of(call["self"])
    if x is None:
        return None
    length = x.layout.actual[call["dim"] % len(x.layout.actual)]
    if call.name == "narrow":
        start, stop, step = call["start"], call["start"] + call["length"], 1
    else:
        start, stop, step = call["start"], call["end"], call["step"]
    span = range(length)[start:stop:step]
    if len(span) == length and step == 1:
        return x
    axis = _axis(x, call["dim"])
    return None if axis is None else call.flow(_part(call, x, axis, span))


def _part(call: Call, x: Flow, axis: int, span: range) -> int | None:
    length = x.layout.shape[axis]
    stop = None if span.stop >= length else span.stop
    return call.put(ops.Slice(axis, span.start or None, stop, span.step), x.draft)


@rule("split", "chunk", "split_with_sizes", "unbind", "tensor_split", "unsafe_chunk", "unsafe_split")
def _parts(call: Call) -> list[Any] | None:
    x = flow_of(call["self"])
    if x is None or (axis := _axis(x, call["dim"])) is None:
        return None
    wanted = {user.args[1] for user in call.node.users if user.users}
    found: list[Any] = []
    start = 0
    for i, given in enumerate(call.given):
        layout = call.layout_of(given)
        if call.name == "unbind":
            op = ops.Select(axis, i)
            made = call.put(op, x.draft) if i in wanted else None
        else:
            length = layout.shape[axis] if layout.axis == x.layout.axis else 0
            made = _part(call, x, axis, range(start, start + length)) if i in wanted else None
            start += length
        if i in wanted and made is None:
            return None
        found.append(Flow(made, layout) if made is not None else None)
    return found


# --- joins ----------------------------------------------------------------------------------------------------------------


def _empty(value: Any) -> bool:
    """Whether a constant holds nothing, as the first part of a list that is still to grow does."""
    if isinstance(value, Expression):
        return 0 in value.layout.actual
    return isinstance(value, Held) and value.tensor.numel() == 0


@rule("cat", "concat", "concatenate")
def _cat(call: Call) -> Flow | None:
    parts = [flow_of(x) for x in call["tensors"] if not _empty(x)]
    first = parts[0]
    if any(
        x is None or x.layout.axis != first.layout.axis or x.layout.share != first.layout.share for x in parts if first
    ):
        return None
    if first is None or any(x is None for x in parts) or (axis := _axis(first, call["dim"])) is None:
        return None
    drafts = [x.draft for x in parts if x]
    if len(drafts) == 1:
        return first
    if axis == 0:
        return call.flow(call.put(ops.Concat("c"), *drafts, name="concat"))
    return call.flow(call.put(ops.Concat("d"), *drafts, name="concat")) if axis == len(first.layout.shape) - 1 else None
