"""What a module does with the places of its axes, seen by running it: which may be exchanged, and which depend on others.

The suite holds ops to what they say (`testing/axes.py`). An op of a user's that says nothing is looked at in the same
way, once, so that no word more than its signature is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from nasmyth.graph.op import Op
from nasmyth.graph.op_axes import NamedAxis, OpAxes, Place
from nasmyth.graph.signature import Shape

Named = tuple[NamedAxis, ...]


def names(axes: OpAxes) -> list[str]:
    """The names of all units."""
    tensors = (*axes.inputs, axes.output, *axes.weights.values())
    return list(dict.fromkeys(n for tensor in tensors for axis in tensor for place in axis.places for n, _ in place))


@torch.no_grad()
def exchange_gap(axes: OpAxes, name: str, module: nn.Module, inputs: list[Tensor]) -> float:
    """Exchange units of a name with others that stand in the same places, in inputs and weights at once: how far the output is
    from the same one in the new order, relative to its largest number."""
    tensors = (*axes.inputs, axes.output, *axes.weights.values())
    order = _reversed_among_equals(tensors, name)
    if all(old == new for old, new in order.items()):
        return 0.0
    wanted = _reordered(module(*inputs), axes.output, name, order, batch=1)
    state = {w: _reordered(t, axes.weights[w], name, order) for w, t in module.state_dict().items()}
    moved = [_reordered(x, tensor, name, order, batch=1) for x, tensor in zip(inputs, axes.inputs, strict=True)]
    got = torch.func.functional_call(module, state, tuple(moved))
    return float((got - wanted).abs().max() / wanted.abs().max().clamp(min=1.0)) if got.numel() else 0.0


@torch.no_grad()
def reaches_others(axes: OpAxes, name: str, module: nn.Module, inputs: list[Tensor]) -> bool | None:
    """Disturb single units of a name in the inputs: whether the output changes at other places of it as well. None where the
    name does not come in and go out, or has one unit."""
    dims = [d for d, axis in enumerate(axes.output) if _units(axis, name)]
    read = [(i, d) for i, tensor in enumerate(axes.inputs) for d, axis in enumerate(tensor) if _units(axis, name)]
    if not read or len({i for axis in axes.output for i in _units(axis, name)}) < 2:
        return None
    before = module(*inputs)
    for i, d in read:
        for unit in sorted(_units(axes.inputs[i][d], name))[:4]:
            disturbed = [x.clone() for x in inputs]
            part = disturbed[i].movedim(d + 1, 0)
            at = [p for p, place in enumerate(axes.inputs[i][d].places) if (name, unit) in place]
            part[at] += torch.randn_like(part[at])
            changed = (module(*disturbed) - before).abs() > 1e-12 * before.abs().max().clamp(min=1.0)
            for dim in dims:
                others = [p for p, place in enumerate(axes.output[dim].places) if (name, unit) not in place]
                if bool(changed.index_select(dim + 1, torch.tensor(others, dtype=torch.long)).any()):
                    return True
    return False


def _units(axis: NamedAxis, name: str) -> set[int]:
    return {i for place in axis.places for n, i in place if n == name}


def seen(op: Op, shapes: tuple[Shape, ...], axes: OpAxes) -> tuple[dict[str, str], frozenset[str]]:
    """Why some names of an op cannot change, and which are mixed, as its module shows on random numbers."""
    free = [name for name in names(axes) if name not in axes.fixed]
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = op.build(*shapes).double().eval()
            for parameter in module.parameters():
                parameter.data.add_(torch.randn_like(parameter), alpha=0.3)
            inputs = [torch.randn(2, *shape, dtype=torch.float64) for shape in shapes]
            ordered = {
                n: f"its order matters to {op!r}" for n in free if not exchange_gap(axes, n, module, inputs) <= 1e-9
            }
            mixed = frozenset(n for n in free if reaches_others(axes, n, module, inputs))
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
        return dict.fromkeys(free, f"{op!r} could not be run to see: {str(error)[:100]}"), frozenset()
    return ordered, mixed


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
