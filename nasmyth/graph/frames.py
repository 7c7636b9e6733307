"""A template on each frame of a sequence: `frames(chain(Conv(16), Mean("h w")))` makes l features of l images.

    chain(encoder=frames(chain(Conv(8), BatchNorm(), Activation("relu"), Mean("h w"))), reader=LSTM(32), head=Linear(5))

What flows has one axis more than the template knows, b l c h w, and each op is put on the frames of all examples at once, with
one set of weights ("time-distributed"; Donahue et al. 2015, arXiv:1411.4389). An op does not become another thing by it:
`Frames` wires its template as it is wired elsewhere, and each of its layers becomes a `Framewise` one. So holes, costs,
groups of axes and keys are those of the layers within. Statistics of a batch are then those of all frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nasmyth.errors import ShapeError
from nasmyth.graph.combine import Combine, Handle, Name, Parts, Reader, refuse_no_template
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.flat import check_declared_output, not_a_template, unfold
from nasmyth.graph.joins import Add, Identity, Multiply, Zero
from nasmyth.graph.op import Block, Op, buffer_count, mac_count, ops, param_count
from nasmyth.graph.op_axes import OpAxes, Tensor, free_axis, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.record import Value

ANYWHERE = (Identity, Zero, Add, Multiply)
"""Ops that do the same to a sequence as to each of its frames."""


class Framewise(Op):
    """One layer on each frame of b l ...: what it learns, it learns once. Made by `frames`."""

    signature = "b l ..., *"
    layer: Value

    def solve(self, *shapes: Shape) -> dict[str, Any]:
        """Only the field: what the layer reads is read from the frames."""
        self.of_frames(*shapes)
        return {"layer": self.layer}

    def of_frames(self, *shapes: Shape) -> tuple[Shape, ...]:
        """The shapes of a frame. Raises ShapeError where there are no frames, or not as many in each input."""
        if not all(shapes) or len({shape[0] for shape in shapes}) != 1:
            raise ShapeError(
                f"{self!r}: takes l frames first, as many in each input, (l, ...), got {' and '.join(map(str, shapes))}; "
                "give a sequence, or leave out frames(...)"
            )
        return tuple(shape[1:] for shape in shapes)

    def _infer(self, *shapes: Shape) -> Shape:
        each = self.of_frames(*shapes)
        return (shapes[0][0], *self.layer.infer(*each))  # type: ignore[attr-defined]

    def arguments(self, *shapes: Shape) -> dict[str, Any]:
        """What its module is made of: that of the layer."""
        return {"layer": self.layer.build(*self.of_frames(*shapes))}  # type: ignore[attr-defined]


ops.add(Framewise.__name__, Framewise)


class Frames(Combine):
    """A template on each frame of what flows. Made by `frames`."""

    body: Value

    def parts(self) -> Parts:
        return ((None, self.body),)

    def with_parts(self, parts: Sequence[Any]) -> Frames:
        return Frames.of(tuple(parts))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        body, within = self.body, _Within(go)
        if isinstance(body, Op):
            return go(body if isinstance(body, ANYWHERE) else Framewise(body), inputs, None)
        if isinstance(body, Block):
            shapes = tuple(map(within.shape, inputs))
            output = within(unfold(body, shapes), inputs, None)
            check_declared_output(body, shapes, within.shape(output))
            return output
        if isinstance(body, Combine):
            return body.wire(within, inputs)
        raise not_a_template(body, "")


class _Within:
    """Reads the wiring of a template whose handles are sequences of what it takes."""

    def __init__(self, go: Reader) -> None:
        self.go = go

    def __call__(self, part: Any, inputs: tuple[Handle, ...], name: Name) -> Handle:
        return self.go(Frames(part), inputs, name)

    def shape(self, handle: Handle) -> Shape:
        return self.go.shape(handle)[1:]


def frames(body: Any) -> Frames:
    """`body` on each frame of a sequence, (l, ...), with one set of weights."""
    refuse_no_template((body,), "frames")
    return Frames(body)


# --- rules: those of the layer ------------------------------------------------------------------------------------


@param_count.register(Framewise)
def _(framed: Any, inputs: tuple[Shape, ...], output: Shape) -> int | None:
    return param_count(framed.layer, framed.of_frames(*inputs), output[1:])


@buffer_count.register(Framewise)
def _(framed: Any, inputs: tuple[Shape, ...], output: Shape) -> int | None:
    return buffer_count(framed.layer, framed.of_frames(*inputs), output[1:])


@mac_count.register(Framewise)
def _(framed: Any, inputs: tuple[Shape, ...], output: Shape) -> int | None:
    each = mac_count(framed.layer, framed.of_frames(*inputs), output[1:])
    return None if each is None else output[0] * each


@fan_ins.register(Framewise)
def _(framed: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...] | None:
    return fan_ins(framed.layer, framed.of_frames(*inputs), output[1:])


@op_axes.register(Framewise)
def _(framed: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    """Frames keep to themselves, and may come in any order."""
    axes = op_axes(framed.layer, framed.of_frames(*inputs), output[1:])
    length = free_axis("frame of all", output[0])

    def led(tensor: Tensor) -> Tensor:
        return (length, *tensor)

    weights = {f"layer.{name}": tensor for name, tensor in axes.weights.items()}
    return axes._replace(inputs=tuple(map(led, axes.inputs)), output=led(axes.output), weights=weights)
