"""Writing a call down as an opaque op: what flows in, what it holds, and its settings, as a frozen value."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.ops.foreign.opaque import Opaque
from nasmyth.ops.found.counted import count_macs
from nasmyth.tracing.drafts import Drafts
from nasmyth.tracing.values import Draft, Expression, Flow, Held, Layout

if TYPE_CHECKING:
    from nasmyth.tracing.call import Call

TABLE = 1 << 20
"""Whole numbers of up to so many bytes are part of the call: they say where, and not how much."""
SMALL = 1 << 16
"""Constants written in the source of `forward`, likewise."""


def is_table(held: Held) -> bool:
    """Whether something that a module holds is part of the architecture, as an index is, and not a weight."""
    if held.learned:
        return False
    if held.tensor.is_floating_point():
        return "lifted_tensor" in held.name and held.tensor.numel() <= SMALL
    return held.tensor.nbytes <= TABLE


def opaque(call: Call) -> Any:
    """The value, or the tuple of values, that a call gives which no rule takes."""
    given = call.given
    if isinstance(given, Tensor):
        return _one(call, given, None)
    results = list(given)
    picks: list[Any] = [user.args[1] for user in call.node.users if user.users]
    wanted: list[int] = sorted(set(picks))
    if not all(isinstance(results[i], Tensor) for i in wanted):
        raise TraceError(f"{call.target} gives something that is no tensor{call.line}")
    weighty = any(isinstance(v, Held) and v.learned for v in _held(call))
    if weighty and len(wanted) > 1:
        return _packed(call, results, wanted)
    return [_one(call, results[i], i) if i in wanted else None for i in range(len(results))]


def alone(reader: Drafts, value: Expression) -> Flow:
    """A constant as a node of its own, which reads the input for the size of the batch alone."""
    op = _constant_op(reader, value)
    name = op.target.split(".")[1]
    return Flow(reader.add(Draft(op, (0,), value.layout.shape, "", "", name, {}, "")), value.layout)


def value_of(reader: Drafts, value: Expression) -> Tensor:
    """The numbers of a constant, for a batch of one."""
    shape = reader.drafts[0].shape
    with torch.no_grad():
        found: Tensor = _constant_op(reader, value).build(shape)(torch.zeros(1, *shape))
    return found


def _constant_op(reader: Drafts, value: Expression) -> Any:
    name, *settings = value.call
    target, moved, tables = _without_tables(name[5:], tuple(settings))
    return Opaque(target, moved, (_first(reader),), _gives(value.layout), constants=tables)


def _one(call: Call, given: Tensor, pick: int | None) -> Flow:
    layout = call.layout_of(given)
    inputs: dict[int, tuple[int, Layout]] = {}
    held: dict[str, Held] = {}
    name, *settings = encoded(call, inputs, held)
    return _put(call, name[5:], tuple(settings), inputs, held, layout, pick)


def _put(
    call: Call,
    target: str,
    settings: tuple[Any, ...],
    inputs: dict[int, tuple[int, Layout]],
    held: dict[str, Held],
    layout: Layout,
    pick: Any,
) -> Flow:
    places = [(draft, flow.place) for draft, flow in inputs.values()] or [(0, _first(call.reader))]
    weights = tuple(
        (own, tuple(h.tensor.shape), str(h.tensor.dtype).removeprefix("torch."), h.learned) for own, h in held.items()
    )
    target, settings, constants = _without_tables(target, settings)
    op: Any = Opaque(target, settings, tuple(place for _, place in places), _gives(layout), weights, constants, pick)
    shapes = tuple(place[0] for _, place in places)
    macs = _macs(call, op, shapes)
    if macs:
        op = op.replace(macs=macs)
    draft = Draft(op, tuple(i for i, _ in places), layout.shape, call.path, call.visit, call.name, held, call.line)
    return Flow(call.reader.add(draft), layout)


def _packed(call: Call, results: list[Any], wanted: list[int]) -> list[Any]:
    """Several results of a call that learns: flattened, side by side, and taken apart again, so that it is one node."""
    from nasmyth.ops.tensors import Reshape, Slice

    layouts = {i: call.layout_of(results[i]) for i in wanted}
    inputs: dict[int, tuple[int, Layout]] = {}
    held: dict[str, Held] = {}
    name, *settings = encoded(call, inputs, held)
    sizes = {i: math.prod(layout.shape) for i, layout in layouts.items()}
    pick = tuple((i, layout.axis, layout.share) for i, layout in layouts.items())
    whole = Layout((1, sum(sizes.values())), 0, 1, "")
    packed = _put(call, name[5:], tuple(settings), inputs, held, whole, pick)
    found: list[Any] = [None] * len(results)
    start = 0
    for i, layout in layouts.items():
        part = call.put(Slice(0, start, start + sizes[i]), packed.draft)
        assert part is not None
        shaped = call.put(Reshape(layout.shape), part)
        assert shaped is not None
        found[i] = Flow(shaped, layout)
        start += sizes[i]
    return found


# --- settings -------------------------------------------------------------------------------------------------------


def encoded(call: Call, inputs: dict[int, tuple[int, Layout]], held: dict[str, Held]) -> tuple[Any, ...]:
    """The call as a frozen value; `inputs` and `held` take down what it reads."""
    target = call.target
    settings = []
    for argument in target._schema.arguments:
        value = call.arguments[argument.name]
        default = argument.has_default_value() and _same(value, argument.default_value)
        if default or argument.name in ("pin_memory", "layout"):
            continue
        settings.append((argument.name, _setting(value, argument.name, call, inputs, held)))
    name = str(target)
    name = {"aten.view.default": "aten.reshape.default", "aten._unsafe_view.default": "aten.reshape.default"}.get(
        name, name
    )
    if name == "aten.reshape.default":
        settings = [("shape" if key == "size" else key, value) for key, value in settings]
    return (f"call {name}", *settings)


def _setting(value: Any, name: str, call: Call, inputs: dict[int, tuple[int, Layout]], held: dict[str, Held]) -> Any:
    if isinstance(value, Flow):
        number = next(
            (n for n, (draft, seen) in inputs.items() if (draft, seen) == (value.draft, value.layout)), len(inputs)
        )
        inputs[number] = (value.draft, value.layout)
        return f"input {number}"
    if isinstance(value, Expression):
        return value.call
    if isinstance(value, Held):
        return _holding(value, name, call, inputs, held)
    if isinstance(value, (list, tuple)):
        return tuple(_setting(v, f"{name}_{i}", call, inputs, held) for i, v in enumerate(value))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        batch = call.reader.batch
        return f"batch {value // batch}" if value and value % batch == 0 else value
    if isinstance(value, float):
        return value if math.isfinite(value) else f"float {value}"
    if isinstance(value, str):
        return f"text {value}"
    if isinstance(value, torch.dtype):
        return "real" if value is torch.get_default_dtype() else f"dtype {str(value).removeprefix('torch.')}"
    if isinstance(value, torch.device):
        return "device"
    if isinstance(value, torch.memory_format):
        return f"format {str(value).removeprefix('torch.')}"
    raise TraceError(f"{call.target} is given {value!r} as {name}, which cannot be written down{call.line}")


def _holding(value: Held, name: str, call: Call, inputs: dict[int, tuple[int, Layout]], held: dict[str, Held]) -> Any:
    if is_table(value):
        return f"table {table_text(value.tensor)}"
    if value.name in call.reader.apart:
        return _setting(call.reader.as_flow(value), name, call, inputs, held)
    own = next((own for own, h in held.items() if h.name == value.name), name)
    held[own] = value
    return f"weight {own}"


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, (Flow, Held, Expression)):
        return False
    return type(value) is type(default) and bool(value == default)


def _without_tables(target: str, settings: tuple[Any, ...]) -> tuple[str, tuple[Any, ...], tuple[str, ...]]:
    """Tables moved out of the settings, each once."""
    tables: list[str] = []

    def moved(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(moved, value))
        if isinstance(value, str) and value.startswith("table "):
            if value[6:] not in tables:
                tables.append(value[6:])
            return f"constant {tables.index(value[6:])}"
        return value

    return target, moved(settings), tuple(tables)


def table_text(tensor: Tensor) -> str:
    """A tensor as text: type, lengths and bytes. Not compressed: that would make keys depend on who does it."""
    tensor = tensor.detach().cpu().contiguous()
    data = base64.b64encode(tensor.reshape(-1).view(torch.uint8).numpy().tobytes()).decode()
    return f"{str(tensor.dtype).removeprefix('torch.')} {'x'.join(map(str, tensor.shape))} {data}"


# --- odds and ends ------------------------------------------------------------------------------------------------------


def _first(reader: Drafts) -> tuple[Any, ...]:
    """The place of the graph's input, read for the size of the batch alone."""
    return (reader.drafts[0].shape, 0, 1, "")


def _gives(layout: Layout) -> tuple[Any, ...]:
    return (layout.shape, layout.axis, layout.share)


def _held(call: Call) -> list[Held]:
    found: list[Held] = []
    stack = list(call.arguments.values())
    while stack:
        value = stack.pop()
        if isinstance(value, Held):
            found.append(value)
        elif isinstance(value, (list, tuple)) and not isinstance(value, (Flow, Expression)):
            stack += value
    return found


# --- MACs -----------------------------------------------------------------------------------------------------------------

_MULTIPLY = (
    "linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "addbmm", "mv", "dot", "vdot", "inner", "outer", "tensordot",
    "einsum",
    "bilinear", "conv", "lstm", "gru", "rnn", "attention", "cdist", "chain_matmul", "addmv", "kron",
)  # fmt: skip
"""What the names of functions have in them that multiply matrices; all others count nothing, as is usual."""


def _macs(call: Call, op: Any, shapes: tuple[Any, ...]) -> int:
    """Multiply-accumulates for one example: by the sizes where that is simple, else by running the call once."""
    name = call.name
    if call.target.namespace == "aten" and not any(word in name for word in _MULTIPLY):
        return 0
    weight = call.arguments.get("weight")
    share = call.layout if isinstance(call.given, Tensor) else None
    if isinstance(weight, Held) and share is not None:
        out = math.prod(share.actual)
        if name == "linear":
            return out * int(weight.tensor.shape[-1])
        if name in ("conv1d", "conv2d", "conv3d"):
            return out * math.prod(weight.tensor.shape[1:])
    try:
        with torch.random.fork_rng(devices=[]):
            return count_macs(op.build(*shapes).eval(), shapes)
    except Exception as error:
        if call.target.namespace != "aten":
            return 0  # somebody's own function, which may not run on zeros: nothing is known of its cost
        raise TraceError(f"{call.target} cannot be run on zeros to count its products{call.line}: {error}") from error
