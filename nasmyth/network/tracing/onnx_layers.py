"""Layers of ONNX as calls of PyTorch, after https://onnx.ai/onnx/operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.network.tracing.onnx_table import as_tensor, attribute, operator, single


def _padding(node: Any, x: Tensor, kernel: list[int], stride: list[int], dilation: list[int]) -> list[tuple[int, int]]:
    rank = len(kernel)
    auto = attribute(node, "auto_pad", "NOTSET")
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
    if (
        pads[:rank] != pads[rank:]
        or attribute(node, "output_shape")
        or attribute(node, "auto_pad", "NOTSET") != "NOTSET"
    ):
        raise TraceError(f"ConvTranspose {node.proto.name} pads one side more than the other, which PyTorch's cannot")
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]
    return function(
        x, weight, bias, attribute(node, "strides", ones), pads[:rank], attribute(node, "output_padding", [0] * rank),
        attribute(node, "group", 1), attribute(node, "dilations", ones),
    )  # fmt: skip


@operator("Gemm")
def _gemm(node: Any, a: Tensor, b: Tensor, c: Any = None) -> Tensor:
    alpha, beta = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
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
def _batch_norm(node: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    momentum = 1 - attribute(node, "momentum", 0.9)
    return F.batch_norm(x, mean, var, weight, bias, False, round(momentum, 6), single(attribute(node, "epsilon", 1e-5)))


@operator("LayerNormalization")
def _layer_norm(node: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    axis = attribute(node, "axis", -1)
    return F.layer_norm(x, list(x.shape[axis:]), weight, bias, single(attribute(node, "epsilon", 1e-5)))


@operator("RMSNormalization")
def _rms_norm(node: Any, x: Tensor, weight: Tensor) -> Tensor:
    axis = attribute(node, "axis", -1)
    return F.rms_norm(x, list(x.shape[axis:]), weight, single(attribute(node, "epsilon", 1e-5)))


@operator("GroupNormalization")
def _group_norm(node: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.group_norm(x, attribute(node, "num_groups"), weight, bias, single(attribute(node, "epsilon", 1e-5)))


@operator("InstanceNormalization")
def _instance_norm(node: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.instance_norm(x, weight=weight, bias=bias, eps=single(attribute(node, "epsilon", 1e-5)))


@operator("PRelu")
def _prelu(node: Any, x: Tensor, weight: Tensor) -> Tensor:
    return F.prelu(x, weight.reshape(-1))


@operator("MaxPool")
def _max_pool(node: Any, x: Tensor) -> Tensor:
    kernel = attribute(node, "kernel_shape")
    ones = [1] * len(kernel)
    stride, dilation = attribute(node, "strides", ones), attribute(node, "dilations", ones)
    x, pads = _even(x, _padding(node, x, kernel, stride, dilation), -torch.inf)
    function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(kernel) - 1]
    return function(x, kernel, stride, pads, dilation, bool(attribute(node, "ceil_mode", 0)))


@operator("AveragePool")
def _avg_pool(node: Any, x: Tensor) -> Tensor:
    kernel = attribute(node, "kernel_shape")
    stride = attribute(node, "strides", [1] * len(kernel))
    pads = _padding(node, x, kernel, stride, [1] * len(kernel))
    counted = bool(attribute(node, "count_include_pad", 0))
    if any(a != b for a, b in pads) and not counted:
        raise TraceError(f"AveragePool {node.proto.name} pads one side more than the other and does not count it")
    x, even = _even(x, pads)
    function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
    return function(x, kernel, stride, even, bool(attribute(node, "ceil_mode", 0)), counted)


@operator("GlobalAveragePool")
def _global_average(node: Any, x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.dim())), keepdim=True)


@operator("GlobalMaxPool")
def _global_max(node: Any, x: Tensor) -> Tensor:
    return x.amax(tuple(range(2, x.dim())), keepdim=True)


@operator("Attention")
def _attention(node: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any = None, *past: Any) -> Any:
    if query.dim() != 4 or any(p is not None for p in past) or attribute(node, "softcap", 0.0) or len(node.outputs) > 1:
        raise TraceError(
            f"Attention {node.proto.name} keeps a cache, caps its scores or splits heads itself: not supported"
        )
    scale, causal = attribute(node, "scale"), bool(attribute(node, "is_causal", 0))
    gqa = query.shape[1] != key.shape[1]
    mask = torch.from_numpy(mask) if isinstance(mask, np.ndarray) else mask
    scale = scale if scale is None or abs(scale - query.shape[-1] ** -0.5) > 1e-6 else None
    return F.scaled_dot_product_attention(query, key, value, mask, is_causal=causal, scale=scale, enable_gqa=gqa)


@operator("Dropout", "Identity")
def _same(node: Any, x: Any, *rest: Any) -> Any:
    return x


def recurrent_weights(node: Any, arrays: dict[str, np.ndarray]) -> list[str]:
    """Gives an LSTM its weights, with the gates in PyTorch's order: input, forget, cell, output."""
    names = node.takes[1:4]
    if any(name and name not in arrays for name in names) or len(names) < 2:
        raise TraceError(f"{node.kind} {node.proto.name} computes its own weights")
    found = [np.array(arrays[name]) if name else None for name in names]
    hidden = found[1].shape[-1] if found[1] is not None else 0
    gates = np.concatenate([np.arange(g * hidden, (g + 1) * hidden) for g in (0, 2, 3, 1)])
    for direction in range(found[0].shape[0] if found[0] is not None else 0):
        end = f"_{direction}"
        parts = {"weight_ih": found[0][direction][gates], "weight_hh": found[1][direction][gates]}  # type: ignore[index]
        if len(found) > 2 and found[2] is not None:
            parts["bias_ih"] = found[2][direction][: 4 * hidden][gates]
            parts["bias_hh"] = found[2][direction][4 * hidden :][gates]
        for name, array in parts.items():
            node.hold(name + end, torch.nn.Parameter(torch.from_numpy(array)))
    return [name for name in names if name]


@operator("LSTM")
def _lstm(node: Any, x: Tensor, *rest: Any) -> Any:
    *_, h, c, peepholes = (*rest, None, None, None, None, None, None)[3:7]
    direction = attribute(node, "direction", "forward")
    plain = {"layout", "activations", "clip", "input_forget"} & set(node.attributes)
    if direction == "reverse" or peepholes is not None or any(node.attributes[name] for name in plain):
        raise TraceError(f"LSTM {node.proto.name} runs backwards only, or has gates that PyTorch's has not")
    both, hidden = direction == "bidirectional", attribute(node, "hidden_size")
    state = [_start(s, x, 1 + both, hidden) for s in (h, c)]
    weights = list(node.parameters())
    y, last, cell = torch.lstm(x, state, weights, len(weights) > 2 * (1 + both), 1, 0.0, False, both, False)
    return y.reshape(*x.shape[:2], 1 + both, hidden).transpose(1, 2), last, cell


def _start(state: Any, x: Tensor, directions: int, hidden: int) -> Tensor:
    """The state before the first place: zeros if it is not given."""
    if state is None:
        return torch.zeros(directions, x.shape[1], hidden)
    return torch.as_tensor(state).expand(directions, x.shape[1], hidden)
