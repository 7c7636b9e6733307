"""Sums and products of two, whose shapes PyTorch stretches to each other and ours do not."""

from __future__ import annotations

from nasmyth import ops
from nasmyth.graph.signature import Shape
from nasmyth.tracing.asking import flow_of
from nasmyth.tracing.call import Call, rule
from nasmyth.tracing.moves import reshape
from nasmyth.tracing.values import Flow, Held


@rule("add")
def _add(call: Call) -> Flow | None:
    if call.arguments.get("alpha", 1) != 1:
        return None
    pairs = [(call["self"], call["other"]), (call["other"], call["self"])]
    for x, weight in pairs:
        if isinstance(x, Flow) and isinstance(weight, Held) and weight.learned:
            return _bias(call, x, weight) or _position(call, x, weight)
    both = _stretched(call)
    return None if both is None else call.flow(call.put(ops.Add(), *both, name="add"))


def _bias(call: Call, x: Flow, weight: Held) -> Flow | None:
    """The bias of a linear map that was written as a product and a sum."""
    made = call.reader.drafts[x.draft]
    source = next(n for n in call.node.all_input_nodes if call.reader.env.get(n) == x)
    if made.op is not ops.Linear(made.shape[-1], bias=False) or len(source.users) > 1:
        return None
    if tuple(weight.tensor.shape) != made.shape[-1:]:
        return None
    held = {"weight": made.weights["weight"], "bias": weight}
    return call.flow(call.put(ops.Linear(made.shape[-1]), *made.inputs, weights=held))


def _position(call: Call, x: Flow, weight: Held) -> Flow | None:
    """A learned vector for each place of a sequence."""
    shape = tuple(weight.tensor.shape)
    if not x.layout.plain or len(x.layout.shape) != 2 or _without_ones(shape, 2) != x.layout.shape:
        return None
    position = Held(weight.name, weight.tensor.detach().reshape(x.layout.shape), True)
    name = weight.name.rpartition(".")[2]
    return call.flow(call.put(ops.LearnedPosition(), x.draft, weights={"position": position}, name=name))


def _without_ones(shape: Shape, rank: int) -> Shape:
    """A shape without ones in front, down to a rank."""
    while len(shape) > rank and shape[0] == 1:
        shape = shape[1:]
    return shape


@rule("mul")
def _multiply(call: Call) -> Flow | None:
    pairs = [(call["self"], call["other"]), (call["other"], call["self"])]
    for x, y in pairs:
        if isinstance(x, Flow) and isinstance(y, Held):
            return _scale(call, x, y) if y.learned else None
    for x, y in pairs:
        found = _gate(call, x, y)
        if found is not None:
            return found
    both = _stretched(call)
    return None if both is None else call.flow(call.put(ops.Multiply(), *both, name="multiply"))


def _scale(call: Call, x: Flow, weight: Held) -> Flow | None:
    """A learned factor for each feature or channel."""
    shape = tuple(weight.tensor.shape)
    flat = Held(weight.name, weight.tensor.detach().reshape(-1), True)
    if not x.layout.plain or not x.layout.shape:
        return None
    if _without_ones(shape, 1) == x.layout.shape[-1:]:
        return call.flow(call.put(ops.LayerScale(), x.draft, weights={"scale": flat}))
    if len(x.layout.shape) == 3 and _without_ones(shape, 3) == (x.layout.shape[0], 1, 1):
        return call.flow(call.put(ops.LayerScale2d(), x.draft, weights={"scale": flat}))
    return None


def _gate(call: Call, x: object, gate: object) -> Flow | None:
    """Each channel of an image times its own number."""
    image, factor = flow_of(x, plain=True), flow_of(gate, plain=True)
    if image is None or factor is None or len(image.layout.shape) != 3 or image.layout.shape == factor.layout.shape:
        return None
    if factor.layout.shape != (image.layout.shape[0], 1, 1):
        return None
    vector = reshape(call, factor.draft, factor.layout.shape[:1])
    return None if vector is None else call.flow(call.put(ops.Multiply(), image.draft, vector))


def _stretched(call: Call) -> tuple[int, int] | None:
    """Both operands as nodes of the shape that comes out; None if one would have to be repeated."""
    out = call.layout
    found = []
    for name in ("self", "other"):
        x = flow_of(call[name])
        if x is None:
            return None
        if x.layout.axis < 0 and out.axis == 0 and out.share == 1:  # the same for all examples
            actual = x.layout.actual
            fits = actual == out.shape or actual == (1, *out.shape)
        else:
            actual, fits = x.layout.shape, x.layout.axis == out.axis and x.layout.actual == out.actual
        draft = reshape(call, x.draft, out.shape) if fits else None
        if draft is None:
            return None
        found.append(draft)
    return found[0], found[1]
