"""Operators of ONNX that fold or normalise an axis, as calls of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.tracing.onnx_table import attribute, beyond, ints, number, operator, single


def _product(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    for dim in sorted((d % x.dim() for d in dims), reverse=True):
        x = x.prod(dim, keep)
    return x


_REDUCE: dict[str, Any] = {
    "ReduceMean": torch.mean, "ReduceSum": torch.sum, "ReduceMax": torch.amax, "ReduceMin": torch.amin,
    "ReduceProd": _product,
    "ReduceL1": lambda x, dims, keep: x.abs().sum(dims, keep), "ReduceL2": lambda x, dims,
    keep: torch.linalg.vector_norm(x, 2, dims, keep),
    "ReduceSumSquare": lambda x, dims, keep: (x * x).sum(dims, keep),
    "ReduceLogSum": lambda x, dims, keep: x.sum(dims, keep).log(), "ReduceLogSumExp": lambda x, dims,
    keep: x.logsumexp(dims, keep),
}  # fmt: skip


@operator(*_REDUCE)
def _reduce(node: Any, x: Tensor, axes: Any = None) -> Tensor:
    axes = attribute(node, "axes", axes)
    given = [] if axes is None else ints(axes)
    if not given and attribute(node, "noop_with_empty_axes", 0):
        given = []
        plain = {
            "ReduceL1": torch.abs,
            "ReduceL2": torch.abs,
            "ReduceSumSquare": torch.square,
            "ReduceLogSum": torch.log,
        }
        return plain.get(node.kind, lambda same: same)(x)
    found: Tensor = _REDUCE[node.kind](x, given or list(range(x.dim())), bool(attribute(node, "keepdims", 1)))
    return found if x.is_floating_point() or node.kind in ("ReduceLogSum", "ReduceLogSumExp") else found.to(x.dtype)


@operator("ArgMax", "ArgMin")
def _argmax(node: Any, x: Tensor) -> Tensor:
    if attribute(node, "select_last_index", 0):
        raise beyond(node, "select_last_index")
    function = torch.argmax if node.kind == "ArgMax" else torch.argmin
    return function(x, attribute(node, "axis", 0), bool(attribute(node, "keepdims", 1)))


@operator("Softmax", "LogSoftmax", "Hardmax")
def _softmax(node: Any, x: Tensor) -> Tensor:
    """Before version 13 the axes from `axis` on are one."""
    axis = attribute(node, "axis", -1 if node.version >= 13 else 1)
    if node.version < 13 and axis not in (-1, x.dim() - 1):
        axis %= x.dim()
        return _softmaxed(node, x.flatten(axis), axis).reshape(x.shape)
    return _softmaxed(node, x, axis)


def _softmaxed(node: Any, x: Tensor, axis: int) -> Tensor:
    if node.kind == "Hardmax":
        return F.one_hot(x.argmax(axis), x.shape[axis]).movedim(-1, axis).to(x.dtype)
    return x.softmax(axis) if node.kind == "Softmax" else x.log_softmax(axis)


@operator("LRN")
def _local_response(node: Any, x: Tensor) -> Tensor:
    size = attribute(node, "size")
    if size % 2 == 0:
        raise beyond(node, "size")
    alpha, beta, bias = (
        single(attribute(node, name, d)) for name, d in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    return F.local_response_norm(x, size, alpha, beta, bias)


@operator("LpNormalization")
def _length_one(node: Any, x: Tensor) -> Tensor:
    axis, p = attribute(node, "axis", -1), attribute(node, "p", 2)
    length = torch.linalg.vector_norm(x, p, axis, True)
    return torch.where(length == 0, torch.zeros_like(x), x / length)


@operator("MeanVarianceNormalization")
def _mean_variance(node: Any, x: Tensor) -> Tensor:
    axes = attribute(node, "axes", [0, 2, 3])
    mean = x.mean(axes, keepdim=True)
    return (x - mean) / (((x * x).mean(axes, keepdim=True) - mean * mean).sqrt() + 1e-9)


@operator("CumSum")
def _running_sum(node: Any, x: Tensor, axis: Any) -> Tensor:
    axis = int(number(axis)) % x.dim()
    x = x.flip(axis) if attribute(node, "reverse", 0) else x
    found = x.cumsum(axis, dtype=x.dtype)
    found = found - x if attribute(node, "exclusive", 0) else found
    return found.flip(axis) if attribute(node, "reverse", 0) else found


@operator("TopK")
def _largest(node: Any, x: Tensor, k: Any = None) -> Any:
    k = attribute(node, "k", None) if k is None else int(number(k))
    values, places = x.topk(k, attribute(node, "axis", -1), bool(attribute(node, "largest", 1)), True)
    return values, places


@operator("Einsum")
def _einsum(node: Any, *parts: Any) -> Tensor:
    return torch.einsum(
        attribute(node, "equation"), *(torch.as_tensor(np.array(p)) if isinstance(p, np.ndarray) else p for p in parts)
    )
