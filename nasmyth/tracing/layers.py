"""What layers are in our language: convolutions, norms, activations, pooling.

A rule returns None where our op would compute something else, be it a pixel of padding: then the call stays opaque.
"""

from __future__ import annotations

import math
from typing import Any

from nasmyth import ops
from nasmyth.tracing.asking import flow_of, last_is_own, weights_of
from nasmyth.tracing.call import Call, rule
from nasmyth.tracing.values import Flow, Held

# --- convolutions --------------------------------------------------------------------------------------------------


@rule("conv2d")
def _conv(call: Call) -> Flow | None:
    x, weights = flow_of(call["input"], plain=True), weights_of(call, "weight", "bias")
    if x is None or not weights or "weight" not in weights:
        return None
    out, per_group, tall, wide = weights["weight"].tensor.shape
    strides, dilations = _pair(call["stride"]), _pair(call["dilation"])
    if tall != wide or strides[0] != strides[1] or dilations[0] != dilations[1]:
        return None
    kernel, stride, dilation, groups = tall, strides[0], dilations[0], call["groups"]
    padding = call["padding"]
    reach = dilation * (kernel - 1)
    if padding == "same":
        ours = stride == 1
    else:
        before, after = zip(*[_our_padding(n, reach, stride) for n in x.layout.shape[1:]], strict=True)
        wanted = (0, 0) if padding == "valid" else _pair(padding)
        ours = before == wanted == after
    if not ours:
        return None
    bias = "bias" in weights
    c = x.layout.shape[0]
    if groups == c == out and c > 1:
        op = ops.DepthwiseConv(kernel, stride, dilation, bias)
    else:
        op = ops.Conv(out, kernel, stride, groups, dilation, bias)
    return call.flow(call.put(op, x.draft, weights=weights)) if per_group * groups == c else None


def _our_padding(n: int, reach: int, stride: int) -> tuple[int, int]:
    """Pixels that our convolutions add before and after an axis of length n."""
    if reach % 2 == 0:
        return reach // 2, reach // 2
    missing = max(0, (-(-n // stride) - 1) * stride + reach + 1 - n)
    return missing // 2, missing - missing // 2


def _pair(value: Any) -> tuple[int, ...]:
    both = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return both * 2 if len(both) == 1 else both


@rule("conv_transpose2d")
def _transposed(call: Call) -> Flow | None:
    x, weights = flow_of(call["input"], plain=True), weights_of(call, "weight", "bias")
    if x is None or not weights or not call.plain_defaults("bias", "stride", "padding"):
        return None
    _, out, tall, wide = weights["weight"].tensor.shape
    strides, padding = _pair(call["stride"]), _pair(call["padding"])
    fits = tall == wide and strides[0] == strides[1] and tall >= strides[0] and (tall - strides[0]) % 2 == 0
    if not fits or padding != ((tall - strides[0]) // 2,) * 2:
        return None
    op = ops.TransposedConv(out, tall, strides[0], "bias" in weights)
    return call.flow(call.put(op, x.draft, weights=weights))


# --- norms ---------------------------------------------------------------------------------------------------------


@rule("batch_norm")
def _batch_norm(call: Call) -> Flow | None:
    x = flow_of(call["input"], plain=True)
    weights = weights_of(call, "weight", "bias", "running_mean", "running_var")
    if x is None or call["training"] or weights is None or len(weights) < 4:
        return None
    name = weights["running_mean"].name.removesuffix("running_mean") + "num_batches_tracked"
    counted = call.reader.program.held_by_name(name)
    if counted is None:
        return None
    op = ops.BatchNorm(float(call["eps"]), float(call["momentum"]))
    return call.flow(call.put(op, x.draft, weights={**weights, "num_batches_tracked": Held(name, counted, False)}))


@rule("layer_norm")
def _layer_norm(call: Call) -> Flow | None:
    x, weights = flow_of(call["input"]), weights_of(call, "weight", "bias")
    if (
        x is None
        or weights is None
        or len(weights) < 2
        or len(call["normalized_shape"]) != 1
        or not last_is_own(x.layout)
    ):
        return None
    return call.flow(call.put(ops.LayerNorm(float(call["eps"])), x.draft, weights=weights))


@rule("rms_norm")
def _rms_norm(call: Call) -> Flow | None:
    x, weights = flow_of(call["input"]), weights_of(call, "weight")
    if (
        x is None
        or not weights
        or len(call["normalized_shape"]) != 1
        or not last_is_own(x.layout)
        or call["eps"] is None
    ):
        return None
    return call.flow(call.put(ops.RMSNorm(float(call["eps"])), x.draft, weights=weights))


@rule("group_norm")
def _group_norm(call: Call) -> Flow | None:
    x, weights = flow_of(call["input"], plain=True), weights_of(call, "weight", "bias")
    if x is None or weights is None or len(weights) < 2:
        return None
    return call.flow(call.put(ops.GroupNorm(call["num_groups"], float(call["eps"])), x.draft, weights=weights))


# --- activations, dropout ------------------------------------------------------------------------------------------


@rule(
    "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish", "hardswish", "hardsigmoid", "sigmoid", "tanh", "softplus",
    "hardtanh",
)  # fmt: skip
def _activation(call: Call) -> Flow | None:
    x = flow_of(call["self"])
    kind = call.name.rstrip("_")
    if kind == "hardtanh":
        if (call["min_val"], call["max_val"]) != (0, 6):
            return None
        kind = "relu6"
    elif not call.plain_defaults():
        return None
    return None if x is None else call.flow(call.put(ops.Activation(kind), x.draft, name=kind))


@rule("dropout")
def _dropout(call: Call) -> Any:
    x = call["input"]
    if call["p"] == 0 or not isinstance(x, Flow):
        return x
    return call.flow(call.put(ops.Dropout(float(call["p"])), x.draft)) if call["p"] < 1 else None


# --- pooling -------------------------------------------------------------------------------------------------------


@rule("adaptive_avg_pool2d", "adaptive_avg_pool1d")
def _global_pool(call: Call) -> Flow | None:
    """The mean over all places, which then has axes of length 1 again."""
    x = flow_of(call["self"], plain=True)
    if x is None or set(call["output_size"]) != {1} or len(x.layout.shape) != 3:
        return None
    mean = call.put(ops.Mean("h w"), x.draft)
    return None if mean is None else call.flow(call.put(ops.Reshape(call.layout.shape), mean))


@rule("mean")
def _mean(call: Call) -> Flow | None:
    x = flow_of(call["self"], plain=True)
    dims = call.arguments.get("dim")
    if x is None or not dims or call.arguments.get("dtype") is not None:
        return None
    names = {3: "chw", 2: "ld"}.get(len(x.layout.shape), "")
    axes = sorted(d % len(x.layout.actual) - 1 for d in dims)
    if not names or axes[0] < 0 or len(axes) == len(names):
        return None
    mean = call.put(ops.Mean(" ".join(names[i] for i in axes)), x.draft)
    if mean is None or not call["keepdim"]:
        return call.flow(mean)
    return call.flow(call.put(ops.Reshape(call.layout.shape), mean))


@rule("max_pool2d", "avg_pool2d")
def _pool(call: Call) -> Flow | None:
    x = flow_of(call["self"], plain=True)
    kernel, padding = _pair(call["kernel_size"]), _pair(call["padding"])
    stride = _pair(call["stride"]) if call["stride"] else kernel
    if x is None or kernel[0] != kernel[1] or stride[0] != stride[1] or padding[0] != padding[1]:
        return None
    k, s, p = kernel[0], stride[0], padding[0]
    tiles = k == s and p == 0 and (call["ceil_mode"] or all(n % s == 0 for n in x.layout.shape[1:]))
    centred = k % 2 == 1 and k != s and p == k // 2 and not call["ceil_mode"]
    if not (tiles or centred):
        return None
    if call.name == "max_pool2d":
        if _pair(call["dilation"]) != (1, 1):
            return None
        return call.flow(call.put(ops.MaxPool(k, s), x.draft))
    if call["divisor_override"] is not None or (call["count_include_pad"] and p):
        return None
    return call.flow(call.put(ops.AvgPool(k, s), x.draft))


@rule("upsample_nearest2d", "upsample_bilinear2d")
def _upsample(call: Call) -> Flow | None:
    x = flow_of(call.arguments.get("input", call.arguments.get("self")), plain=True)
    if x is None or call.arguments.get("align_corners"):
        return None
    (_, h, w), (_, tall, wide) = x.layout.shape, call.layout.shape
    factor = tall // h
    given = call.arguments.get("scale_factors")
    if (factor * h, factor * w) != (tall, wide) or (given and any(not math.isclose(f, factor) for f in given)):
        return None
    mode = "bilinear" if call.name == "upsample_bilinear2d" else "nearest"
    return call.flow(call.put(ops.Upsample(factor, mode), x.draft))


@rule("channel_shuffle")
def _shuffle(call: Call) -> Flow | None:
    x = flow_of(call["self"], plain=True)
    return None if x is None else call.flow(call.put(ops.ChannelShuffle(call["groups"]), x.draft))
