"""Operators of ONNX that work number by number, as calls of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.network.tracing.onnx_table import OPERATORS, as_tensor, attribute, operator, single

_ALIKE: dict[str, Any] = {
    "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "HardSwish": F.hardswish, "Mish": F.mish, "Softplus": F.softplus,
    "Erf": torch.erf, "Exp": torch.exp, "Log": torch.log, "Sqrt": torch.sqrt, "Neg": torch.neg, "Abs": torch.abs, "Sin": torch.sin,
    "Cos": torch.cos, "Reciprocal": torch.reciprocal, "Floor": torch.floor, "Ceil": torch.ceil, "Round": torch.round,
    "Sign": torch.sign, "Not": torch.logical_not, "Swish": F.silu, "Softsign": F.softsign,
}  # fmt: skip
for _name, _function in _ALIKE.items():
    OPERATORS[_name] = lambda node, x, f=_function: f(x)

_PAIRS: dict[str, Any] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Pow": torch.pow, "Equal": torch.eq, "Less": torch.lt,
    "LessOrEqual": torch.le, "Greater": torch.gt, "GreaterOrEqual": torch.ge, "And": torch.logical_and, "Or": torch.logical_or,
}  # fmt: skip
for _name, _function in _PAIRS.items():
    OPERATORS[_name] = lambda node, a, b, f=_function: _pair(f, a, b)


def _pair(function: Any, a: Any, b: Any) -> Tensor:
    """One number stays a number where it is the second: `x + 1`; as the first it is a tensor without axes."""
    a, b = as_tensor(a), as_tensor(b)
    if not isinstance(a, Tensor):
        if function in (torch.add, torch.mul):
            a, b = b, a
        else:
            a = torch.tensor(a, dtype=b.dtype)
    found: Tensor = function(a, b)
    return found


@operator("Div")
def _div(node: Any, a: Any, b: Any) -> Tensor:
    whole = not (a.is_floating_point() if isinstance(a, Tensor) else np.asarray(a).dtype.kind == "f")
    return _pair(lambda x, y: torch.div(x, y, rounding_mode="trunc" if whole else None), a, b)


@operator("Min", "Max", "Sum", "Mean")
def _many(node: Any, first: Any, *rest: Any) -> Tensor:
    function = {"Min": torch.minimum, "Max": torch.maximum}.get(node.kind, torch.add)
    found = torch.as_tensor(first)
    for other in rest:
        found = function(found, torch.as_tensor(other))
    return found / (1 + len(rest)) if node.kind == "Mean" else found


@operator("Gelu")
def _gelu(node: Any, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=attribute(node, "approximate", "none"))


@operator("LeakyRelu")
def _leaky(node: Any, x: Tensor) -> Tensor:
    return F.leaky_relu(x, single(attribute(node, "alpha", 0.01)))


@operator("Elu")
def _elu(node: Any, x: Tensor) -> Tensor:
    return F.elu(x, single(attribute(node, "alpha", 1.0)))


@operator("HardSigmoid")
def _hard_sigmoid(node: Any, x: Tensor) -> Tensor:
    alpha, beta = attribute(node, "alpha", 0.2), attribute(node, "beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return F.hardsigmoid(x)
    return (single(alpha) * x + single(beta)).clamp(0, 1)


@operator("Clip")
def _clip(node: Any, x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    low, high = as_tensor(low), as_tensor(high)
    low, high = attribute(node, "min", low), attribute(node, "max", high)
    if low == 0 and high == 6:
        return F.relu6(x)
    return torch.clamp(x, low, high)


@operator("Where")
def _where(node: Any, condition: Any, a: Any, b: Any) -> Tensor:
    condition, a, b = (torch.as_tensor(v) for v in (condition, a, b))
    return torch.where(condition, a, b)


@operator("Softmax", "LogSoftmax")
def _softmax(node: Any, x: Tensor) -> Tensor:
    axis = attribute(node, "axis", -1 if node.version >= 13 else 1)
    if node.version < 13 and axis not in (-1, x.dim() - 1):
        raise TraceError(
            f"{node.kind} {node.proto.name}: before version 13 it joins axes; convert the file to version 13"
        )
    return x.softmax(axis) if node.kind == "Softmax" else x.log_softmax(axis)


@operator("Cast")
def _cast(node: Any, x: Tensor) -> Tensor:
    import onnx

    return x.to(torch.from_numpy(np.zeros(0, onnx.helper.tensor_dtype_to_np_dtype(attribute(node, "to")))).dtype)


@operator("CastLike")
def _cast_like(node: Any, x: Any, like: Any) -> Any:
    kind = str(like.dtype).removeprefix("torch.")
    if isinstance(x, np.ndarray) and kind in ("float32", "float64", "float16", "int64", "int32", "bool"):
        return x.astype(kind)
    return torch.as_tensor(x).to(torch.as_tensor(like).dtype)
