"""What a program's variables are while it is read: something that flows, something held, something constant.

A graph has the batch first and leaves it out of its shapes; a program may have it anywhere. `Layout` is where. An axis may
hold several neighbours of each example (windows, frames, heads): its length is then the batch times `share`. In the graph
they become an axis of their own, the first one after the batch.

    program (12, 4 b, 16)      axis 1, share 4      graph (4, 12, 16)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.graph.signature import Shape


class Layout(NamedTuple):
    """A tensor's shape in the program with the batch left out of it: `axis` -1 where there is no batch."""

    actual: Shape
    """Lengths of all axes; the batch's own is `share`."""
    axis: int
    share: int
    dtype: str
    """Empty for real numbers."""

    @property
    def shape(self) -> Shape:
        """The shape in the graph."""
        if self.axis < 0:
            return self.actual
        rest = self.actual[: self.axis] + self.actual[self.axis + 1 :]
        return (self.share, *rest) if self.share > 1 else rest

    @property
    def plain(self) -> bool:
        """Whether the batch comes first and alone, as it does in the graph."""
        return self.axis == 0 and self.share == 1

    @property
    def labels(self) -> tuple[int | str, ...]:
        """For each axis in the graph the axis in the program that it is, "share" for the neighbours."""
        own = tuple(i for i in range(len(self.actual)) if i != self.axis)
        return ("share", *own) if self.axis >= 0 and self.share > 1 else own

    @property
    def place(self) -> tuple[Shape, int, int, str]:
        """As an opaque op writes it down."""
        return (self.shape, self.axis, self.share, self.dtype)


def layout_of(tensor: Tensor, batch: int, where: str = "") -> Layout:
    """Finds the batch in the shape of a tensor of the program. Raises TraceError."""
    if not all(isinstance(n, int) for n in tensor.shape):
        raise TraceError(
            f"the size of a tensor depends on the values in it{where}; a graph has fixed shapes. Keep all of it and mask "
            "with torch.where(condition, x, 0) instead of selecting"
        )
    axes = [i for i, n in enumerate(tensor.shape) if n and n % batch == 0]
    if len(axes) > 1:
        raise TraceError(
            f"a tensor holds every example beside every other{where}; in a graph examples do not meet. Leave such a part, "
            "usually a loss, out of forward"
        )
    dtype = "" if tensor.is_floating_point() else str(tensor.dtype).removeprefix("torch.")
    if not axes:
        return Layout(tuple(tensor.shape), -1, 1, dtype)
    axis = axes[0]
    share = tensor.shape[axis] // batch
    return Layout((*tensor.shape[:axis], share, *tensor.shape[axis + 1 :]), axis, share, dtype)


class Flow(NamedTuple):
    """Something that flows: the number of the draft that makes it, and how the program has it laid out."""

    draft: int
    layout: Layout


class Held(NamedTuple):
    """A parameter, buffer or constant of the module, by its name."""

    name: str
    tensor: Tensor
    learned: bool


class Expression(NamedTuple):
    """A constant: a call of which nothing flows or learns, as an argument of an opaque op, and how many calls it holds."""

    call: tuple[Any, ...]
    layout: Layout
    calls: int


class Draft(NamedTuple):
    """A node before it has an address: `weights` is what it holds of the module, by its own names for it."""

    op: Any
    inputs: tuple[int, ...]
    shape: Shape
    path: str
    """The place of the module that made the call."""
    visit: str
    """Which call of that module it was."""
    name: str
    weights: dict[str, Held]
    line: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the module of what it learns."""
        return tuple(held.name for held in self.weights.values() if held.learned)


def numbers(shape: Shape) -> int:
    """How many numbers a shape holds."""
    return math.prod(shape)
