"""Ops of wiring: where data enters, what passes it on, what joins it, and nothing at all.

Wiring is where zeros disappear: a branch that is `Zero()` is left out of a sum, and in a cell everything that no non-zero
path joins to both input and output is left out, so that what can not matter is neither built nor counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.combine import Combine, Handle, Name, Put
from nasmyth.graph.op import Op, mac_count, ops, param_count
from nasmyth.graph.signature import Shape, parse
from nasmyth.record import Value


class Input(Op):
    """Where data enters a graph."""

    signature = "b ..."
    length: tuple[int, ...]
    name: str = "x"
    dtype: str = "float"

    def _infer(self, *shapes: Shape) -> Shape:
        return tuple(self.length)


class Identity(Op):
    """Passes its input on. Never built: the canonical form of a graph has none, unless it is all there is."""

    signature = "b ... -> b ..."


class Zero(Op):
    """The absence of a connection: contributes nothing to a sum."""

    signature = "b ... -> b ..."


class Add(Op):
    """The sum of any number of equal shapes."""

    signature = "b ..., * -> b ..."
    commutative = True


class Multiply(Op):
    """The elementwise product (Hadamard product). A factor may lack the last axes, or have one place along an axis, and is
    repeated along them: a number for each channel (c) of an image (c h w) gates it, and so does one for each pixel (1 h w)."""

    signature = "b ..., *"
    commutative = True

    @staticmethod
    def sentence_for(shapes: Sequence[Shape]) -> str:
        """The signature for these shapes: "b x0 x1 x2, b x0, b 1 x1 x2 -> b x0 x1 x2"."""
        lengths = [max(places) for places in zip_longest(*shapes, fillvalue=1)]
        sides = [
            " ".join(["b", *("1" if n == 1 < lengths[i] else f"x{i}" for i, n in enumerate(shape))]) for shape in shapes
        ]
        return f"{', '.join(sides)} -> {' '.join(['b', *(f'x{i}' for i in range(len(lengths)))])}"

    def solve(self, *shapes: Shape) -> dict[str, Any]:
        return parse(self.sentence_for(shapes)).solve(shapes, {}, self)

    def _infer(self, *shapes: Shape) -> Shape:
        axes = self.solve(*shapes)
        return tuple(axes[f"x{i}"] for i in range(max(map(len, shapes))))


class Concat(Op):
    """Joins along the first axis after the batch ("c" of images) or along the last ("d" of sequences and vectors)."""

    signature = "b ..., *"
    axis: Any = "c"

    def check(self) -> None:
        if not isinstance(self.axis, Value) and self.axis not in ("c", "d"):
            raise SpaceError(f"Concat(axis={self.axis!r}): axis is 'c', the first after the batch, or 'd', the last")

    def solve(self, *shapes: Shape) -> dict[str, Any]:
        """Only the field: the inputs' axes need not agree, so they have no one length."""
        return {"axis": self.axis}

    def _infer(self, *shapes: Shape) -> Shape:
        at = 0 if self.axis == "c" else -1
        rest = {(*s[:at], *s[at + 1 :]) if at == 0 else s[:-1] for s in shapes}
        if len(rest) > 1:
            raise ShapeError(
                f"{self!r}: shapes may differ only in axis {self.axis}, got {' and '.join(map(str, shapes))}"
            )
        total = sum(s[at] for s in shapes)
        return (total, *shapes[0][1:]) if at == 0 else (*shapes[0][:-1], total)


for _op in (Input, Identity, Zero, Add, Multiply, Concat):
    ops.add(_op.__name__, _op)
    param_count.register(_op, lambda op, inputs, output: 0)
    mac_count.register(_op, lambda op, inputs, output: 0)


def through(go: Put, part: Any, handle: Handle, name: Name) -> Handle:
    """What comes out of a part; an identity lets everything pass."""
    return handle if isinstance(part, Identity) else go(part, (handle,), name)


def joined(go: Put, join: Any, arriving: tuple[Handle, ...], name: Name) -> Handle:
    """What arrives as one; a single one needs no joining."""
    return arriving[0] if len(arriving) == 1 else go(join, arriving, name)


def is_zero(term: Any, inputs: int = 1) -> bool:
    """Whether a term without holes contributes nothing: `Zero()`, or a wiring that ends in it."""
    if not isinstance(term, Combine):
        return isinstance(term, Zero)
    known: bool | None = term.__dict__.get("_zero")
    if known is None:
        known = term.__dict__["_zero"] = term.wire(_Zeros(), (False,) * inputs)
    return known


class _Zeros:
    """Reads a wiring for what is nothing in it."""

    def __call__(self, part: Any, inputs: tuple[bool, ...], name: Name) -> bool:
        return is_zero(part, len(inputs))

    def shape(self, handle: bool) -> Shape:
        return ()
