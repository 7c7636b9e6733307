"""Layers of ONNX as calls of PyTorch, after https://onnx.ai/onnx/operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.tracing.onnx_table import as_tensor, attribute, beyond, operator, single, tensor


def _padding(node: Any, x: Tensor, kernel: list[int], stride: list[int], dilation: list[int]) -> list[tuple[int, int]]:
    rank = len(kernel)
    auto = attribute(node, "auto_pad", "NOTSET")
    if not len(kernel) == len(stride) == len(dilation) == x.dim() - 2 <= 3:
        raise beyond(node, "kernel_shape", "strides", "dilations")
    if auto in ("NOTSET", ""):
        pads = attribute(node, "pads", [0] * 2 * rank)
        return list(zip(pads[:rank], pads[rank:], strict=True))
    if auto == "VALID":
        return [(0, 0)] * rank
    found = []
    for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        found.append((total // 2, total - total // 2) if auto == "SAME_UPPER" else (total - total // 2, total // 2))
    return found


def _even(x: Tensor, pads: list[tuple[int, int]], value: float = 0.0) -> tuple[Tensor, list[int]]:
    """Padding that the layer does itself, or else done before it."""
    if all(a == b for a, b in pads):
        return x, [a for a, _ in pads]
    flat = [n for a, b in reversed(pads) for n in (a, b)]
    return F.pad(x, flat, value=value), [0] * len(pads)


def _bias(value: Any) -> Tensor | None:
    """A bias; none if it was computed and is all zeros."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value) if value.any() else None
    return value


@operator("Conv")
def _conv(node: Any, x: Tensor, weight: Tensor, bias: Any = None) -> Tensor:
    bias = _bias(bias)
    rank = weight.dim() - 2
    stride, dilation = attribute(node, "strides", [1] * rank), attribute(node, "dilations", [1] * rank)
    x, pads = _even(x, _padding(node, x, list(weight.shape[2:]), stride, dilation))
    function = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
    return function(x, weight, bias, stride, pads, dilation, attribute(node, "group", 1))


@operator("ConvTranspose")
def _transposed(node: Any, x: Tensor, weight: Tensor, bias: Any = None) -> Tensor:
    bias = _bias(bias)
    rank = weight.dim() - 2
    ones, pads = [1] * rank, attribute(node, "pads", [0] * 2 * rank)
    if attribute(node, "output_shape") or attribute(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID", ""):
        raise beyond(node, "output_shape", "auto_pad")
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]
    even = pads[:rank] == pads[rank:]
    y = function(
        x, weight, bias, attribute(node, "strides", ones), pads[:rank] if even else 0,
        attribute(node, "output_padding", [0] * rank),
        attribute(node, "group", 1), attribute(node, "dilations", ones),
    )  # fmt: skip
    return (
        y
        if even
        else F.pad(y, [-n for a, b in zip(reversed(pads[:rank]), reversed(pads[rank:]), strict=True) for n in (a, b)])
    )


@operator("Gemm")
def _gemm(node: Any, a: Tensor, b: Tensor, c: Any = None) -> Tensor:
    alpha, beta = single(attribute(node, "alpha", 1.0)), single(attribute(node, "beta", 1.0))
    a, b = tensor(a), tensor(b)
    a = a.t() if attribute(node, "transA", 0) else a
    turned = bool(attribute(node, "transB", 0))
    if alpha == 1 and beta == 1 and isinstance(c, Tensor) and c.dim() == 1:
        return F.linear(a, b, c) if turned else torch.addmm(c, a, b)
    product = F.linear(a, b) if turned else a @ b
    product = product if alpha == 1 else alpha * product
    return product if c is None else product + (as_tensor(c) if beta == 1 else beta * as_tensor(c))


@operator("MatMul")
def _matmul(node: Any, a: Any, b: Any) -> Tensor:
    return torch.matmul(as_tensor(a), as_tensor(b))


@operator("BatchNormalization")
def _batch_norm(node: Any, x: Tensor, *rest: Any) -> Tensor:
    weight, bias, mean, var = (tensor(value) for value in rest)
    training = attribute(node, "training_mode", 0) or (node.version < 7 and not attribute(node, "is_test", 0))
    if training and (node.version >= 7 or len(node.read) > 1):
        raise TraceError(f"{node.title} takes its means from the batch, as in training; export the file for evaluation")
    if not attribute(node, "spatial", 1):
        raise beyond(node, "spatial")
    momentum = 1 - attribute(node, "momentum", 0.9)
    return F.batch_norm(x, mean, var, weight, bias, False, round(momentum, 6), single(attribute(node, "epsilon", 1e-5)))


@operator("LayerNormalization")
def _layer_norm(node: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    axis = attribute(node, "axis", -1) % x.dim()
    shape = list(x.shape[axis:])
    weight, bias = tensor(weight), None if bias is None else tensor(bias)
    if list(weight.shape) != shape or (bias is not None and list(bias.shape) != shape):
        y = F.layer_norm(x, shape, None, None, single(attribute(node, "epsilon", 1e-5))) * weight
        return y if bias is None else y + bias
    return F.layer_norm(x, shape, weight, bias, single(attribute(node, "epsilon", 1e-5)))


@operator("RMSNormalization")
def _rms_norm(node: Any, x: Tensor, weight: Tensor) -> Tensor:
    axis = attribute(node, "axis", -1)
    return F.rms_norm(x, list(x.shape[axis:]), tensor(weight), single(attribute(node, "epsilon", 1e-5)))


@operator("GroupNormalization")
def _group_norm(node: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    groups, weight, bias = attribute(node, "num_groups"), tensor(weight), tensor(bias)
    if node.version < 21 and len(weight) == groups and groups != x.shape[1]:  # one for each group, not each channel
        weight, bias = (value.repeat_interleave(x.shape[1] // groups) for value in (weight, bias))
    return F.group_norm(x, groups, weight, bias, single(attribute(node, "epsilon", 1e-5)))


@operator("InstanceNormalization")
def _instance_norm(node: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    eps = single(attribute(node, "epsilon", 1e-5))
    return F.instance_norm(x, weight=tensor(weight), bias=tensor(bias), eps=eps)


@operator("PRelu")
def _prelu(node: Any, x: Tensor, weight: Tensor) -> Tensor:
    weight = tensor(weight)
    channels = x.shape[1] if x.dim() > 1 else 1
    each = weight.numel() == 1 or (
        weight.numel() == channels
        and tuple(weight.shape) in ((channels,), (channels, *[1] * (x.dim() - 2)), (1, channels, *[1] * (x.dim() - 2)))
    )
    if each and not (weight.dim() == 1 and node.version >= 7 and x.dim() > 2 and weight.numel() > 1):
        return F.prelu(x, weight.reshape(-1))
    return torch.where(x < 0, x * weight, x)


@operator("MaxPool")
def _max_pool(node: Any, x: Tensor) -> Tensor:
    kernel, stride, dilation, ceil = _window(node)
    pads = _padding(node, x, kernel, stride, dilation)
    if ceil:
        pads = [(a, b + _more(n, k, s, d, a, b)) for n, k, s, d, (a, b) in _each(x, kernel, stride, dilation, pads)]
    if any(a > k // 2 for (a, _), k in zip(pads, kernel, strict=True)) or any(a != b for a, b in pads):
        x, pads = F.pad(x, [n for a, b in reversed(pads) for n in (a, b)], value=_least(x)), [(0, 0)] * len(pads)
    function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(kernel) - 1]
    if len(node.read) > 1:
        raise TraceError(f"{node.title}: where the largest values are is read, too; in a graph that is not kept")
    return function(x, kernel, stride, [a for a, _ in pads], dilation)


def _window(node: Any) -> tuple[list[int], list[int], list[int], bool]:
    kernel = attribute(node, "kernel_shape")
    ones = [1] * len(kernel)
    ceil = bool(attribute(node, "ceil_mode", 0))
    return kernel, attribute(node, "strides", ones), attribute(node, "dilations", ones), ceil


def _each(x: Tensor, *settings: Any) -> Any:
    return zip(x.shape[2:], *settings, strict=True)


def _more(n: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> int:
    """What is put behind an axis so that rounding down gives what rounding up gave; a window starts before the end."""
    reach = dilation * (kernel - 1) + 1
    free = n + before + after - reach
    count = -(-free // stride) + 1
    if (count - 1) * stride >= n + before:
        count -= 1
    return max(0, (count - 1) * stride - free)


def _least(x: Tensor) -> float:
    return -torch.inf if x.is_floating_point() else torch.iinfo(x.dtype).min


@operator("AveragePool")
def _avg_pool(node: Any, x: Tensor) -> Tensor:
    kernel, stride, dilation, ceil = _window(node)
    pads = _padding(node, x, kernel, stride, dilation)
    counted = bool(attribute(node, "count_include_pad", 0))
    function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
    plain = all(a == b <= k // 2 for (a, b), k in zip(pads, kernel, strict=True)) and set(dilation) == {1}
    if plain and not ceil:
        return function(x, kernel, stride, [a for a, _ in pads], False, counted)
    return _weighed(x, kernel, stride, dilation, pads, ceil, counted)


def _weighed(
    x: Tensor, kernel: list[int], stride: list[int], dilation: list[int], pads: Any, ceil: bool, counted: bool
) -> Tensor:
    """Any average of windows: their sums over how many of their places count, both by a convolution with ones."""
    flat = [n for a, b in reversed(pads) for n in (a, b)]
    more = [_more(n, k, s, d, a, b) if ceil else 0 for n, k, s, d, (a, b) in _each(x, kernel, stride, dilation, pads)]
    behind = [n for m in reversed(more) for n in (0, m)]
    ones = F.pad(F.pad(torch.ones(1, 1, *x.shape[2:], dtype=x.dtype), flat, value=float(counted)), behind)
    x = F.pad(F.pad(x, flat), behind)
    convolve = (F.conv1d, F.conv2d, F.conv3d)[len(kernel) - 1]
    window = torch.ones(1, 1, *kernel, dtype=x.dtype)
    sums = convolve(x, window.expand(x.shape[1], 1, *kernel), None, stride, 0, dilation, x.shape[1])
    return sums / convolve(ones, window, None, stride, 0, dilation)


@operator("LpPool")
def _lp_pool(node: Any, x: Tensor) -> Tensor:
    kernel, stride, dilation, ceil = _window(node)
    if ceil or set(dilation) != {1}:
        raise beyond(node, "ceil_mode", "dilations")
    p = attribute(node, "p", 2)
    x = F.pad(x, [n for a, b in reversed(_padding(node, x, kernel, stride, dilation)) for n in (a, b)])
    function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
    return (function(x.abs() ** p, kernel, stride) * float(np.prod(kernel))) ** (1 / p)


@operator("GlobalLpPool")
def _global_lp(node: Any, x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x, attribute(node, "p", 2), tuple(range(2, x.dim())), True)


@operator("GlobalAveragePool")
def _global_average(node: Any, x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.dim())), keepdim=True)


@operator("GlobalMaxPool")
def _global_max(node: Any, x: Tensor) -> Tensor:
    return x.amax(tuple(range(2, x.dim())), keepdim=True)


@operator("Attention")
def _attention(node: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any = None, *past: Any) -> Any:
    if query.dim() != 4 or any(p is not None for p in past) or attribute(node, "softcap", 0.0) or len(node.outputs) > 1:
        raise TraceError(f"{node.title} keeps a cache, caps its scores or splits heads itself, which is not supported")
    scale, causal = attribute(node, "scale"), bool(attribute(node, "is_causal", 0))
    gqa = query.shape[1] != key.shape[1]
    mask = torch.from_numpy(mask) if isinstance(mask, np.ndarray) else mask
    scale = scale if scale is None or abs(scale - query.shape[-1] ** -0.5) > 1e-6 else None
    return F.scaled_dot_product_attention(query, key, value, mask, is_causal=causal, scale=scale, enable_gqa=gqa)
