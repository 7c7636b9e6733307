"""Operators of ONNX that work number by number, as calls of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import TraceError, require
from nasmyth.tracing.onnx_file import dtype_of
from nasmyth.tracing.onnx_table import OPERATORS, as_tensor, attribute, beyond, number, operator, single, tensor

_ALIKE: dict[str, Any] = {
    "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "HardSwish": F.hardswish, "Mish": F.mish,
    "Softplus": F.softplus,
    "Erf": torch.erf, "Exp": torch.exp, "Log": torch.log, "Sqrt": torch.sqrt, "Neg": torch.neg, "Abs": torch.abs,
    "Sin": torch.sin,
    "Cos": torch.cos, "Reciprocal": torch.reciprocal, "Floor": torch.floor, "Ceil": torch.ceil, "Round": torch.round,
    "Sign": torch.sign, "Not": torch.logical_not, "Softsign": F.softsign, "Tan": torch.tan, "Asin": torch.asin,
    "Acos": torch.acos, "Atan": torch.atan, "Sinh": torch.sinh, "Cosh": torch.cosh, "Asinh": torch.asinh,
    "Acosh": torch.acosh,
    "Atanh": torch.atanh, "IsNaN": torch.isnan, "BitwiseNot": torch.bitwise_not,
}  # fmt: skip
for _name, _function in _ALIKE.items():
    OPERATORS[_name] = lambda node, x, f=_function: f(x)

_PAIRS: dict[str, Any] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Pow": torch.pow, "Equal": torch.eq, "Less": torch.lt,
    "LessOrEqual": torch.le, "Greater": torch.gt, "GreaterOrEqual": torch.ge, "And": torch.logical_and,
    "Or": torch.logical_or,
    "Xor": torch.logical_xor, "BitwiseAnd": torch.bitwise_and, "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}  # fmt: skip
for _name, _function in _PAIRS.items():
    OPERATORS[_name] = lambda node, a, b, f=_function: _pair(f, *_aligned(node, a, b))


def _aligned(node: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Before version 7 the second is stretched only if the file says so, and along the axes from `axis` on."""
    axis = attribute(node, "axis")
    if node.version >= 7 or axis is None or not attribute(node, "broadcast", 0):
        return a, b
    b = tensor(b)
    return a, b.reshape(*b.shape, *[1] * (a.ndim - axis % a.ndim - b.dim()))


def _pair(function: Any, a: Any, b: Any) -> Tensor:
    """One number stays a number where it is the second: `x + 1`; as the first it is a tensor without axes."""
    a, b = as_tensor(a, b if isinstance(b, Tensor) else None), as_tensor(b, a if isinstance(a, Tensor) else None)
    if not isinstance(a, Tensor):
        if function in (torch.add, torch.mul):
            a, b = b, a
        else:
            a = torch.tensor(a, dtype=b.dtype)
    found: Tensor = function(a, b)
    return found.to(a.dtype) if function is torch.pow else found


@operator("Div")
def _div(node: Any, a: Any, b: Any) -> Tensor:
    whole = not (a.is_floating_point() if isinstance(a, Tensor) else np.asarray(a).dtype.kind == "f")
    return _pair(lambda x, y: torch.div(x, y, rounding_mode="trunc" if whole else None), *_aligned(node, a, b))


@operator("Mod")
def _mod(node: Any, a: Any, b: Any) -> Tensor:
    return _pair(torch.fmod if attribute(node, "fmod", 0) else torch.remainder, a, b)


@operator("Min", "Max", "Sum", "Mean")
def _many(node: Any, first: Any, *rest: Any) -> Tensor:
    function = {"Min": torch.minimum, "Max": torch.maximum}.get(node.kind, torch.add)
    found = tensor(first)
    for other in rest:
        found = function(found, tensor(other))
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


@operator("Selu")
def _selu(node: Any, x: Tensor) -> Tensor:
    alpha, gamma = attribute(node, "alpha", 1.6732632), attribute(node, "gamma", 1.0507010)
    if abs(alpha - 1.6732632) < 1e-4 and abs(gamma - 1.0507010) < 1e-4:
        return F.selu(x)
    return single(gamma) * F.elu(x, single(alpha))


@operator("Celu")
def _celu(node: Any, x: Tensor) -> Tensor:
    return F.celu(x, single(attribute(node, "alpha", 1.0)))


@operator("ThresholdedRelu")
def _thresholded(node: Any, x: Tensor) -> Tensor:
    return F.threshold(x, single(attribute(node, "alpha", 1.0)), 0.0)


@operator("Shrink")
def _shrink(node: Any, x: Tensor) -> Tensor:
    bias, edge = single(attribute(node, "bias", 0.0)), single(attribute(node, "lambd", 0.5))
    if bias == 0:
        return F.hardshrink(x, edge)
    if bias == edge:
        return F.softshrink(x, edge)
    raise beyond(node, "bias", "lambd")


@operator("Swish")
def _swish(node: Any, x: Tensor) -> Tensor:
    alpha = single(attribute(node, "alpha", 1.0))
    return F.silu(x) if alpha == 1 else x * torch.sigmoid(alpha * x)


@operator("HardSigmoid")
def _hard_sigmoid(node: Any, x: Tensor) -> Tensor:
    alpha, beta = attribute(node, "alpha", 0.2), attribute(node, "beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return F.hardsigmoid(x)
    return (single(alpha) * x + single(beta)).clamp(0, 1)


@operator("Clip")
def _clip(node: Any, x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    low, high = attribute(node, "min", as_tensor(low)), attribute(node, "max", as_tensor(high))
    if low is None and high is None:
        return x
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        x = x if low is None else torch.maximum(x, torch.as_tensor(low, dtype=x.dtype))
        return x if high is None else torch.minimum(x, torch.as_tensor(high, dtype=x.dtype))
    if low == 0 and high == 6:
        return F.relu6(x)
    return torch.clamp(x, low, high)


@operator("Where")
def _where(node: Any, condition: Any, a: Any, b: Any) -> Tensor:
    condition, a, b = (tensor(v) for v in (condition, a, b))
    return torch.where(condition, a, b)


@operator("Cast")
def _cast(node: Any, x: Any) -> Tensor:
    kind = attribute(node, "to")
    onnx = require("onnx", extra="onnx")
    wanted = onnx.TensorProto.DataType.Value(kind) if isinstance(kind, str) else kind  # a name before version 6
    return tensor(x).to(torch.from_numpy(np.zeros(0, dtype_of(wanted, f"what {node.title} gives"))).dtype)


@operator("CastLike")
def _cast_like(node: Any, x: Any, like: Any) -> Any:
    """Numbers that are known stay so: of the other only the type is looked at."""
    if isinstance(x, np.ndarray):
        return x.astype(str(like.dtype).removeprefix("torch."))
    return x.to(tensor(like).dtype)


@operator("Dropout")
def _dropout(node: Any, x: Tensor, ratio: Any = None, training: Any = None) -> Tensor:
    """As it is in evaluation: nothing happens."""
    switched = attribute(node, "is_test", 1) == 0 if node.version < 7 else number(training) != 0
    if switched and number(ratio, attribute(node, "ratio", 0.5)) != 0:
        raise TraceError(f"{node.title} drops values at random, as in training; export the file for evaluation")
    return x


@operator("Identity")
def _same(node: Any, x: Any) -> Any:
    return x
