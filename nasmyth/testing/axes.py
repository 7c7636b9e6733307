"""The laws of an op's axes (see `graph/op_axes.py`): what the sentences say of places is true of the module.

* Its weights are those that are named, each as long as is said.
* The units of an axis that is not ordered may be exchanged: in all inputs and weights at once, and the output is the same in
  the new order. This holds the places of products and weights to what is said: (heads k) is not (k heads).
* Where an axis comes in and goes out and is not mixed, a number that goes out depends on its own place alone; and what is
  said to be mixed is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from nasmyth.graph.op import Op
from nasmyth.graph.op_axes import NamedAxis, OpAxes, Place, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.testing.laws import law
from nasmyth.testing.tensors import normal, relative_gap, subject

Named = tuple[NamedAxis, ...]


def check_axes(op: Op, shapes: tuple[Shape, ...]) -> None:
    """Raises AssertionError, which says which name is not what it says, and what to declare."""
    axes = op_axes(op, shapes, op.infer(*shapes))
    with torch.no_grad():
        module = subject(op, shapes)
        _lengths_as_said(op, axes, shapes, module)
        free = [name for name in _names(axes) if name not in axes.fixed]
        for name in free:
            _may_be_exchanged(op, axes, name, module, normal(shapes, 2))
        for name in free:
            _keeps_to_its_place(op, axes, name, module, normal(shapes, 2))


def _names(axes: OpAxes) -> list[str]:
    tensors = (*axes.inputs, axes.output, *axes.weights.values())
    return list(dict.fromkeys(n for tensor in tensors for axis in tensor for place in axis.places for n, _ in place))


def _shape(tensor: Named) -> Shape:
    return tuple(len(axis.places) for axis in tensor)


def _lengths_as_said(op: Op, axes: OpAxes, shapes: tuple[Shape, ...], module: nn.Module) -> None:
    said = tuple(map(_shape, axes.inputs))
    law(said == shapes, op, f"its axes say that {said} comes in, and it is {shapes}")
    law(_shape(axes.output) == op.infer(*shapes), op, f"its axes say that {_shape(axes.output)} comes out")
    real = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    told = {name: _shape(tensor) for name, tensor in axes.weights.items()}
    law(told == real, op, f"has the weights {real}, and its axes say {told}: mend weights={{name: axes}}")


def _may_be_exchanged(op: Op, axes: OpAxes, name: str, module: nn.Module, inputs: list[Tensor]) -> None:
    """Exchange units of a name with others that stand in the same places, everywhere at once."""
    tensors = (*axes.inputs, axes.output, *axes.weights.values())
    order = _reversed_among_equals(tensors, name)
    if all(old == new for old, new in order.items()):
        return
    wanted = _reordered(module(*inputs), axes.output, name, order, batch=1)
    state = {w: _reordered(t, axes.weights[w], name, order) for w, t in module.state_dict().items()}
    moved = [_reordered(x, tensor, name, order, batch=1) for x, tensor in zip(inputs, axes.inputs, strict=True)]
    got = torch.func.functional_call(module, state, tuple(moved))
    gap = relative_gap(got, wanted)
    law(gap <= 1e-9, op, f"is another function where places of {name} are exchanged (by {gap:.1e}): their order matters, so "
        f"declare ordered={name!r}, or weights= whose axes say where they are")  # fmt: skip


def _reversed_among_equals(tensors: Iterable[Named], name: str) -> dict[int, int]:
    """The units of a name in reverse, each among those that as many places of the same axes depend on."""
    seen: dict[int, list[tuple[int, int, int]]] = {}
    for t, tensor in enumerate(tensors):
        for a, axis in enumerate(tensor):
            for unit, count in Counter(i for place in axis.places for n, i in place if n == name).items():
                seen.setdefault(unit, []).append((t, a, count))
    alike: dict[tuple[tuple[int, int, int], ...], list[int]] = {}
    for unit in sorted(seen):
        alike.setdefault(tuple(seen[unit]), []).append(unit)
    return {old: new for units in alike.values() for old, new in zip(units, reversed(units), strict=True)}


def _reordered(x: Tensor, tensor: Named, name: str, order: dict[int, int], batch: int = 0) -> Tensor:
    for dim, axis in enumerate(tensor, batch):
        where = {place: i for i, place in enumerate(_told_apart(axis.places))}
        moved = [
            (tuple((n, order[i] if n == name else i) for n, i in place), k) for place, k in _told_apart(axis.places)
        ]
        x = x.index_select(dim, torch.tensor([where[place] for place in moved], dtype=torch.long))
    return x


def _told_apart(places: Iterable[Place]) -> Iterator[tuple[Place, int]]:
    """Places that depend on the same units are told apart by their order."""
    count: Counter[Place] = Counter()
    for place in places:
        yield place, count[place]
        count[place] += 1


def _keeps_to_its_place(op: Op, axes: OpAxes, name: str, module: nn.Module, inputs: list[Tensor]) -> None:
    """Disturb one unit of a name in the inputs, and see where the output changes."""
    dims = [d for d, axis in enumerate(axes.output) if _units(axis, name)]
    read = [(i, d) for i, tensor in enumerate(axes.inputs) for d, axis in enumerate(tensor) if _units(axis, name)]
    if not dims or not read:
        return
    before, leaks = module(*inputs), False
    several = len({i for axis in axes.output for i in _units(axis, name)}) > 1
    for i, d in read:
        for unit in sorted(_units(axes.inputs[i][d], name))[:4]:
            disturbed = [x.clone() for x in inputs]
            part = disturbed[i].movedim(d + 1, 0)
            at = [p for p, place in enumerate(axes.inputs[i][d].places) if (name, unit) in place]
            part[at] += torch.randn_like(part[at])
            changed = (module(*disturbed) - before).abs() > 1e-12 * before.abs().max().clamp(min=1.0)
            for dim in dims:
                others = [p for p, place in enumerate(axes.output[dim].places) if (name, unit) not in place]
                reached = bool(changed.index_select(dim + 1, torch.tensor(others, dtype=torch.long)).any())
                leaks = leaks or reached
                law(not reached or name in axes.mixed, op, f"its output at other places of {name} than {unit} depends on "
                    f"place {unit} of its input: declare mixes={name!r}")  # fmt: skip
    law(leaks or name not in axes.mixed or not several, op, f"declares that it mixes {name}, and does not")


def _units(axis: NamedAxis, name: str) -> set[int]:
    return {i for place in axis.places for n, i in place if n == name}
