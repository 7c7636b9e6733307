"""A call that no op of ours says exactly, kept as it was written: `Opaque("aten.roll.default", ...)`.

Tracing a network (`nasmyth.trace`) makes them. An opaque op holds the name of a function of PyTorch and its arguments, so
it is as good a value as any other: equal calls have equal keys, it can be saved, built in another process and run.
What it takes, what it gives and its MACs were measured when it was traced; on other shapes it is refused.

Arguments are frozen values. Whole numbers, floats, booleans and None are themselves, a tuple is a list, and a string says
what it is in its first word:

    "input 0"  "weight bias"  "constant 0"     what flows in; what is learned or saved; a table that is part of the call
    "batch 4"                                  four times the number of examples
    "text mean"  "float -inf"                  a string; a number that JSON cannot hold
    "dtype int64"  "real"  "device"  "format contiguous_format"
    ("call aten.arange.default", (name, value), ...)     the result of another call, of which nothing learns or flows

Between ops the batch comes first, whatever the function wants: `takes` and `gives` say on which axis it has it, together
with how many neighbours (a window or a frame of each example), or -1 for what is the same for all examples.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import ShapeError
from nasmyth.graph.op import buffer_count, mac_count, op, param_count
from nasmyth.graph.op_axes import OpAxes, all_fixed, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.ops.foreign import onnx  # noqa: F401  a function of PyTorch that opaque ops may call
from nasmyth.ops.foreign.calls import check

Place = tuple[Shape, int, int, str]
"""A shape without the batch; the batch's axis (-1: none); how many share it with the batch; its type if it is not real."""


def _as_measured(call: Any, *shapes: Shape) -> Shape:
    wanted = tuple(shape for shape, *_ in call.takes)
    if shapes != wanted:
        raise ShapeError(
            f"{call!r}: was traced for {' and '.join(map(str, wanted))}, got {' and '.join(map(str, shapes))}; "
            "trace the network again with an example of the new size"
        )
    return tuple(call.gives[0])


@op("b ..., *", infer=_as_measured, check=check)
class Opaque(nn.Module):
    """A function of PyTorch that no op of ours stands for, as it was called in a network that was traced.

    takes, gives: (shape, axis of the batch, how many share it, type) of each input and of the output. weights: (name,
    shape, type, learned) of each. constants: tables. pick: which of several results, or (which, axis, share) of each that
    is wanted, side by side. macs: for one example, as measured.
    """

    def __init__(
        self,
        target: str,
        settings: tuple[tuple[str, Any], ...],
        takes: tuple[Place, ...],
        gives: tuple[Shape, int, int],
        weights: tuple[tuple[str, Shape, str, bool], ...] = (),
        constants: tuple[str, ...] = (),
        pick: int | tuple[tuple[int, int, int], ...] | None = None,
        macs: int = 0,
    ) -> None:
        super().__init__()
        self.call: tuple[Any, ...] = (f"call {target}", *settings)
        self.places, self.gives, self.pick = takes, gives, pick
        self.flows = "input " in repr(settings)
        for name, shape, dtype, learned in weights:
            fresh = self.fresh(name, tuple(shape), getattr(torch, dtype))
            if learned:
                self.register_parameter(name, nn.Parameter(fresh))
            else:
                self.register_buffer(name, fresh)
        for i, text in enumerate(constants):
            self.register_buffer(f"constant_{i}", self.table(text), persistent=False)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        values = [self.laid_out(x, *place) for x, place in zip(inputs, self.places, strict=True)]
        found = self.read(self.call, values, inputs[0])
        if isinstance(self.pick, tuple):
            parts = [self.led_by_batch(found[i], axis, share, inputs[0]).flatten(1) for i, axis, share in self.pick]
            return torch.cat(parts, 1)
        found = found if self.pick is None else found[self.pick]
        found = self.led_by_batch(found, *self.gives[1:], inputs[0])
        return found if self.flows else found.clone()  # a bare view of a weight upsets hooks

    def led_by_batch(self, x: torch.Tensor, axis: int, share: int, first: torch.Tensor) -> torch.Tensor:
        """A result as graphs have it: the batch first, then how many share its axis with it."""
        if axis < 0:
            return x[None].expand(first.shape[0], *x.shape)
        x = x.movedim(axis, 0)
        return x.unflatten(0, (-1, share)) if share > 1 else x

    def laid_out(self, x: torch.Tensor, shape: tuple[int, ...], axis: int, share: int, dtype: str) -> torch.Tensor:
        """An input as the function takes it."""
        x = x.to(getattr(torch, dtype)) if dtype else x
        if axis < 0:
            return x[0]
        return (x.flatten(0, 1) if share > 1 else x).movedim(0, axis)

    def read(self, value: Any, values: list[torch.Tensor], first: torch.Tensor) -> Any:
        """An argument as the function takes it."""
        if isinstance(value, tuple):
            if value and isinstance(value[0], str) and value[0].startswith("call "):
                function: Any = torch.ops
                for part in value[0][5:].split("."):
                    function = getattr(function, part)
                return function(**{name: self.read(v, values, first) for name, v in value[1:]})
            return [self.read(v, values, first) for v in value]
        if not isinstance(value, str):
            return value
        kind, _, rest = value.partition(" ")
        if kind == "input":
            return values[int(rest)]
        if kind in ("weight", "constant"):
            return getattr(self, rest if kind == "weight" else f"constant_{rest}")
        if kind == "batch":
            return int(rest) * first.shape[0]
        if kind == "device":
            return first.device
        if kind == "real":
            floats = [x.dtype for x in (*values, *self.parameters(), *self.buffers()) if x.is_floating_point()]
            return (floats or [torch.get_default_dtype()])[0]
        if kind in ("dtype", "format", "layout"):
            return getattr(torch, rest)
        return float(rest) if kind == "float" else rest

    @staticmethod
    def fresh(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Untrained weights: scales and variances 1, other vectors 0, matrices uniform by their inputs."""
        found = torch.zeros(shape, dtype=dtype)
        if len(shape) > 1 and dtype.is_floating_point:
            width = found[0].numel()
            found.uniform_(-(width**-0.5), width**-0.5)
        elif name in ("weight", "running_var"):
            found.fill_(1)
        return found

    @staticmethod
    def table(text: str) -> torch.Tensor:
        """A tensor from "type 3x4 data", its bytes in base 64."""
        import base64

        dtype, sizes, data = text.split(" ")
        shape = [int(n) for n in sizes.split("x") if n]
        raw = bytearray(base64.b64decode(data))
        if not raw:
            return torch.zeros(shape, dtype=getattr(torch, dtype))
        return torch.frombuffer(raw, dtype=getattr(torch, dtype)).reshape(shape).clone()

    def extra_repr(self) -> str:
        return self.call[0][5:]


def _only_fields(call: Any, *shapes: Shape) -> dict[str, Any]:
    """Shapes of inputs need not agree, so their axes have no one length."""
    call.infer(*shapes)
    return dict(zip(call.fields, call.field_values, strict=True))


def _described(call: Any) -> str:
    """The function and the settings that are plain: "Opaque(aten.roll: shifts=(1,), dims=(2,))"."""
    plain = [f"{name}={value!r}" for name, value in call.settings if _is_plain(value)]
    picked = f"[{call.pick}]" if isinstance(call.pick, int) else ""
    name = called(call).removesuffix(".default") + picked
    return f"Opaque({name}{': ' if plain else ''}{', '.join(plain)})"


def called(call: Any) -> str:
    """The name of the function, or of the operator of ONNX: "aten.roll.default", "onnx.Det"."""
    if call.target == "nasmyth.onnx.default":
        return "onnx." + next(value for name, value in call.settings if name == "operator").partition(" ")[2]
    return str(call.target)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is not None and not isinstance(value, str)


Opaque.solve = _only_fields  # type: ignore[attr-defined]
Opaque.__repr__ = _described


def _size(call: Any, learned: bool) -> int:
    total = 0
    for _, shape, _, is_learned in call.weights:
        if is_learned == learned:
            numbers = 1
            for n in shape:
                numbers *= n
            total += numbers
    return total


@param_count.register(Opaque)
def _(call: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return _size(call, learned=True)


@buffer_count.register(Opaque)
def _(call: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return _size(call, learned=False)


@op_axes.register(Opaque)
def _(call: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    weights = {name: shape for name, shape, *_ in call.weights}
    return all_fixed(call, inputs, output, weights, f"{called(call)} is opaque, traced for this shape alone")


@mac_count.register(Opaque)
def _(call: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(call.macs)


EXAMPLES = [
    (
        Opaque(
            "aten.roll.default",
            (("self", "input 0"), ("shifts", (1,)), ("dims", (2,))),
            (((3, 4), 0, 1, ""),),
            ((3, 4), 0, 1),
        ),
        (3, 4),
    ),
    (
        Opaque(
            "aten.conv1d.default",
            (("input", "input 0"), ("weight", "weight weight"), ("bias", "weight bias"), ("padding", (1,))),
            (((3, 6), 0, 1, ""),),
            ((5, 6), 0, 1),
            (("weight", (5, 3, 3), "float32", True), ("bias", (5,), "float32", True)),
            macs=5 * 6 * 3 * 3,
        ),
        (3, 6),
    ),
    (
        Opaque(  # an axis that holds four windows of each example, behind another one
            "aten.mul.Tensor",
            (("self", "input 0"), ("other", "constant 0")),
            (((4, 2, 3), 1, 4, ""),),
            ((4, 2, 3), 1, 4),
            constants=("float32 3 AAAAPwAAAEAAAIC/",),
        ),
        (4, 2, 3),
    ),
]
