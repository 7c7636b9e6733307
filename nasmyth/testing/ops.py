"""The laws of an op: its module has the declared shape, the ruled costs, right gradients, source that stands alone, and
the axes that it says."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.errors import NasmythError
from nasmyth.graph.op import Op, buffer_count, mac_count, param_count, state_count
from nasmyth.graph.signature import Shape
from nasmyth.network.clocks import along
from nasmyth.ops.found.counted import count
from nasmyth.record import Value
from nasmyth.testing.axes import check_axes
from nasmyth.testing.laws import law
from nasmyth.testing.onnx import check_onnx
from nasmyth.testing.tensors import close, normal, relative_gap, subject
from nasmyth.testing.values import check_value
from nasmyth.testing.wired import buildable


def check_op(op: Op, *shapes: Shape, onnx: bool = True) -> None:
    """Every law of an op on inputs of these shapes (without the batch). Raises AssertionError.

    Its inputs are random normal numbers. `onnx=False` leaves out the slowest law; `check_onnx` takes many ops at once.
    """
    check_value(op)
    if not buildable(op):
        refuses_to_be_built(op, lambda: op.build(*shapes))
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for holds in (
            _shape_as_declared,
            _costs_as_ruled,
            _streams,
            _source_stands_alone,
            _gradients_are_right,
            check_axes,
        ):
            holds(op, shapes)
    if onnx:
        check_onnx([(op, *shapes)])


def refuses_to_be_built(who: Value, build: Callable[[], object]) -> None:
    """What has no module infers its shape all the same, and says that it cannot be built, with an error of ours."""
    try:
        build()
    except NasmythError as error:
        law("module" in str(error), who, f"its error says nothing of a module that is missing: {error}")
    else:
        law(False, who, "is built, though it has no module")


def _shape_as_declared(op: Op, shapes: tuple[Shape, ...]) -> None:
    """The output has the inferred shape at any batch size and in any memory order, and examples keep to themselves."""
    module, inputs = subject(op, shapes), normal(shapes, 3)
    with torch.no_grad():
        together = module(*inputs)
        wanted = op.infer(*shapes)
        law(tuple(together.shape) == (3, *wanted), op, f"declares {wanted}, gives {tuple(together.shape)[1:]}")
        law(bool(together.isfinite().all()), op, "gives numbers that are not finite")
        alone = module(*(x[:1] for x in inputs))
        law(alone.shape[0] == 1, op, "does not take a batch of one")
        close(op, "an example's output depends on the others in its batch", alone, together[:1])
        if any(x.dim() == 4 for x in inputs):
            module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            last = [x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]
            close(op, "channels-last inputs give something else", module(*last), together)


def _costs_as_ruled(op: Op, shapes: tuple[Shape, ...]) -> None:
    output, counted = op.infer(*shapes), count(op, shapes)
    rules = {"params": param_count, "buffers": buffer_count, "MACs": mac_count}
    for (what, rule), real in zip(rules.items(), counted, strict=True):
        ruled = rule(op, shapes, output)
        law(ruled is None or ruled == real, op, f"the rule says {ruled} {what}, the module has {real}")


@torch.no_grad()
def _streams(op: Op, shapes: tuple[Shape, ...]) -> None:
    """Where its module takes places one by one, it gives at each what it gives there for the whole, and keeps what is ruled."""
    module, inputs = subject(op, shapes), normal(shapes, 2)
    ruled = state_count(op, shapes, op.infer(*shapes))
    if not hasattr(module, "step"):
        law(ruled == 0, op, f"the rule says that it keeps {ruled} numbers, and its module has no `step`")
        return
    comes = along(op, shapes, op.infer(*shapes))
    whole = [x for x, one in zip(inputs, comes, strict=True) if not one]
    try:
        state = module.initial_state(2, *whole)  # type: ignore[operator]
    except ValueError as error:
        law(bool(str(error)), op, "does not take places one by one, and does not say why")
        return
    if not hasattr(module, "resumes"):  # at which places the input of such a one comes, another op says
        coming = [x for x, one in zip(inputs, comes, strict=True) if one]
        gap, state = _gap_of_steps(module, coming, module(*inputs), state)
        law(gap <= 1e-5, op, f"place by place it gives something else than for the whole (by {gap:.1e})")
    kept = sum(one.numel() for one in state) // 2
    law(ruled == kept, op, f"the rule says that it keeps {ruled} numbers, its module keeps {kept}")


def _gap_of_steps(module: Any, inputs: Sequence[torch.Tensor], wanted: torch.Tensor, state: Any) -> tuple[float, Any]:
    """How far a module is place by place from what it gives for the whole of two examples, and the state at the end."""
    outputs, there = [], []
    for place in range(inputs[0].shape[1]):
        before = state
        output, state = module.step(state, *(x[:, place] for x in inputs))
        outputs.append(output)
        every = torch.ones(2, dtype=torch.bool)
        there.append(module.ticked(before, state) if hasattr(module, "ticked") else every)
    pairs = zip(torch.stack(outputs, 1), torch.stack(there, 1), wanted, strict=True)
    return max(relative_gap(rows[at], whole[: int(at.sum())]) for rows, at, whole in pairs), state


def _source_stands_alone(op: Op, shapes: tuple[Shape, ...]) -> None:
    """The class, pasted into a file that imports torch alone, does the same: what exports to plain PyTorch rely on."""
    cls: Any = type(op).module
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):  # written at a prompt: there is no source to export
        return
    (definition,) = ast.parse(source).body
    definition.decorator_list = []  # type: ignore[attr-defined]
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "math": math}
    original, inputs = subject(op, shapes), normal(shapes, 2)
    try:
        exec(ast.unparse(definition), names)  # noqa: S102  the op's own source
        pasted = names[cls.__name__](**op.arguments(*shapes)).double().eval()
        pasted.load_state_dict(original.state_dict())
        with torch.no_grad():
            output = pasted(*inputs)
    except NameError as error:
        raise AssertionError(
            f"{op}: its class may use torch, nn, F and math, and nothing else of its file: {error}"
        ) from None
    with torch.no_grad():
        close(op, "its source does something else when pasted", output, original(*inputs))


def _gradients_are_right(op: Op, shapes: tuple[Shape, ...]) -> None:
    """In eval mode and float64, by inputs and parameters, against differences. Skipped where there is no gradient."""
    module, inputs = subject(op, shapes), normal(shapes, 2)
    names = [name for name, _ in module.named_parameters()]
    variables = [x.requires_grad_() for x in inputs] + [p.detach().requires_grad_() for p in module.parameters()]

    def run(*values: Tensor) -> Any:
        weights = dict(zip(names, values[len(inputs) :], strict=True))
        return torch.func.functional_call(module, weights, values[: len(inputs)])

    if run(*variables).requires_grad:
        right = torch.autograd.gradcheck(run, tuple(variables), fast_mode=True, raise_exception=False)
        law(right, op, "its gradient differs from finite differences")
