"""Operators of ONNX that PyTorch has no function for, as a function of PyTorch: `torch.ops.nasmyth.onnx`.

It holds the operator as text, and computes by the reference implementation of the onnx package: slow, without gradients,
and there for all standard operators.
"""

from __future__ import annotations

import base64
from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import TraceError, require


@torch.library.custom_op("nasmyth::onnx", mutates_args=())
def onnx_operator(inputs: list[Tensor], operator: str, node: str, version: int, shape: list[int]) -> Tensor:
    """What an operator gives for its inputs. node: the operator as ONNX writes it, in base 64; shape: of the output."""
    onnx = require("onnx", extra="onnx")
    evaluator = require("onnx.reference", extra="onnx").ReferenceEvaluator
    proto = onnx.NodeProto.FromString(base64.b64decode(node))
    _refuse_more_than_numbers(proto, operator)
    fed = {name: x.detach().cpu().numpy() for name, x in zip(proto.input, inputs, strict=True)}
    try:
        found = evaluator(proto, opsets={proto.domain: version}).run(None, fed)[0]
    except Exception as error:
        raise TraceError(f"the ONNX operator {operator} cannot be computed for what it is given") from error
    return torch.from_numpy(found).to(inputs[0].device)


def _refuse_more_than_numbers(proto: Any, operator: str) -> None:
    """An operator holds numbers: no graph of its own, and no tensor that lies in another file, which it would have read."""
    for attribute in proto.attribute:
        tensors = [attribute.t, *attribute.tensors]
        graphs = attribute.HasField("g") or len(attribute.graphs) > 0
        if graphs or any(tensor.data_location != 0 or len(tensor.external_data) for tensor in tensors):
            raise TraceError(f"the ONNX operator {operator} holds a graph or names a file, and is not run")


@onnx_operator.register_fake
def _(inputs: list[Tensor], operator: str, node: str, version: int, shape: list[int]) -> Tensor:
    return inputs[0].new_empty(shape)
