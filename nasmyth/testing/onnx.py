"""The law that ONNX Runtime agrees with the modules of ops."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nasmyth.testing.example import Example
from nasmyth.testing.laws import law
from nasmyth.testing.tensors import normal, randomised, relative_gap
from nasmyth.testing.wired import buildable


def check_onnx(things: Iterable[Example], tolerance: float = 1e-5) -> None:
    """The ops' modules give the same in ONNX Runtime, at another batch size than they were exported with.

    All go through one export, which takes little longer than one op does. Raises AssertionError, which names the ops. Left
    out are those whose module says in `no_onnx` why ONNX cannot hold it.
    """
    things = [thing for thing in things if buildable(thing[0]) and not hasattr(thing[0].module, "no_onnx")]
    if not things:
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            broken = _onnx_differences(things, tolerance)
        except Exception as error:
            if len(things) > 1:  # which one was it?
                for thing in things:
                    check_onnx([thing], tolerance)
            raise AssertionError(f"{_names(things)}: cannot be exported to ONNX: {error}") from error
    law(not broken, _names(things), f"ONNX Runtime disagrees: {'; '.join(broken)}")


class _SideBySide(nn.Module):
    """Several modules on inputs of their own, in one module, so that one export does for all."""

    def __init__(self, modules: list[nn.Module], takes: list[int]) -> None:
        super().__init__()
        self.parts, self.takes = nn.ModuleList(modules), takes

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        outputs, start = [], 0
        for part, n in zip(self.parts, self.takes, strict=True):
            outputs.append(part(*inputs[start : start + n]) + 0)  # an output may not be an input itself
            start += n
        return outputs


def _onnx_differences(things: list[Example], tolerance: float) -> list[str]:
    import onnxruntime

    modules = [randomised(op.build(*shapes)).eval() for op, *shapes in things]
    shapes = [shape for _, *inputs in things for shape in inputs]
    model = _SideBySide(modules, [len(inputs) for _, *inputs in things]).eval()
    batch = torch.export.Dim("batch")
    dynamic = (tuple({0: batch} for _ in shapes),)
    with warnings.catch_warnings():  # the exporter warns of its own internals
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model, tuple(normal(shapes, 2, torch.float32)), dynamo=True, dynamic_shapes=dynamic, verbose=False
        )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = normal(shapes, 5, torch.float32)
    fed = {given.name: x.numpy() for given, x in zip(session.get_inputs(), inputs, strict=True)}
    with torch.no_grad():
        pairs = zip(things, session.run(None, fed), model(*inputs), strict=True)
    return [
        f"{thing[0]!r} by {gap:.1e}"
        for thing, theirs, ours in pairs
        if not (gap := relative_gap(torch.from_numpy(theirs), ours)) <= tolerance
    ]


def _names(things: Iterable[Example]) -> str:
    return ", ".join(repr(thing[0]) for thing in things)
