"""What multiplies matrices in our language: linear maps, products of two, attention, and the embedding and softmax
beside it."""

from __future__ import annotations

import math
from typing import Any

import torch

from nasmyth import ops
from nasmyth.tracing.asking import flow_of, last_is_own, weights_of
from nasmyth.tracing.call import Call, rule
from nasmyth.tracing.values import Expression, Flow, Held
from nasmyth.tracing.writing import value_of


@rule("linear")
def _linear(call: Call) -> Flow | None:
    x, weights = flow_of(call["input"]), weights_of(call, "weight", "bias")
    if x is None or not weights or not last_is_own(x.layout):
        return None
    op = ops.Linear(weights["weight"].tensor.shape[0], bias="bias" in weights)
    return call.flow(call.put(op, x.draft, weights=weights))


@rule("embedding")
def _embedding(call: Call) -> Flow | None:
    codes, weights = flow_of(call["indices"]), weights_of(call, "weight")
    if codes is None or not weights:
        return None
    return call.flow(call.put(ops.Embedding(*weights["weight"].tensor.shape), codes.draft, weights=weights))


@rule("scaled_dot_product_attention")
def _attention(call: Call) -> Flow | None:
    parts = [flow_of(call[name]) for name in ("query", "key", "value")]
    if any(x is None or x.layout.axis != 0 for x in parts) or call["enable_gqa"]:
        return None
    masked = _mask(call)
    if masked is None:
        return None
    op = ops.DotProductAttention(masked or bool(call["is_causal"]), call["scale"])
    return call.flow(call.put(op, *(x.draft for x in parts if x)))


def _mask(call: Call) -> bool | None:
    """Whether a mask says what `causal` does; False also for one that hides nothing, None for all others."""
    mask = call["attn_mask"]
    if mask is None:
        return False
    if not isinstance(mask, Expression) or mask.layout.dtype != "bool" or math.prod(mask.layout.actual) > 1 << 22:
        return None
    table = value_of(call.reader, mask)
    if bool(table.all()):
        return False
    lower = torch.ones(table.shape[-2:], dtype=torch.bool).tril()
    return True if table.shape[-1] == table.shape[-2] and bool((table == lower).all()) else None


@rule("addmm")
def _matrix_and_sum(call: Call) -> Flow | None:
    """A linear map whose matrix lies the other way round."""
    x, bias, matrix = flow_of(call["mat1"]), call["self"], call["mat2"]
    if x is None or not isinstance(bias, Held) or not isinstance(matrix, Held) or not call.plain_defaults():
        return None
    if bias.tensor.shape != matrix.tensor.shape[1:] or not last_is_own(x.layout):
        return None
    turned = Held(matrix.name, matrix.tensor.detach().t(), matrix.learned)
    weights = {"weight": turned, "bias": bias}
    return call.flow(call.put(ops.Linear(matrix.tensor.shape[1]), x.draft, weights=weights))


@rule("matmul", "bmm", "mm")
def _matmul(call: Call) -> Flow | None:
    names = [a.name for a in call.target._schema.arguments]
    matrix = call[names[1]]
    if isinstance(matrix, Held) and matrix.learned and matrix.tensor.dim() == 2:
        return _product(call, call[names[0]], matrix)
    a, b = (flow_of(call[name]) for name in names[:2])
    if a is None or b is None or a.layout.axis != 0 or b.layout.axis != 0 or a.layout.share != b.layout.share:
        return None
    return call.flow(call.put(ops.MatMul(), a.draft, b.draft))


def _product(call: Call, x: Any, matrix: Held) -> Flow | None:
    """A linear map without bias, whose matrix lies the other way round."""
    if not isinstance(x, Flow) or not last_is_own(x.layout):
        return None
    turned = Held(matrix.name, matrix.tensor.detach().t(), True)
    return call.flow(call.put(ops.Linear(matrix.tensor.shape[1], bias=False), x.draft, weights={"weight": turned}))


@rule("softmax", "_softmax")
def _softmax(call: Call) -> Flow | None:
    x = flow_of(call["self"])
    if x is None or x.layout.axis < 0 or not call.plain_defaults("half_to_float"):
        return None
    at = (
        x.layout.labels.index(call["dim"] % len(x.layout.actual))
        if call["dim"] % len(x.layout.actual) != x.layout.axis
        else None
    )
    if at is None:
        return None
    last = at == len(x.layout.shape) - 1
    return call.flow(call.put(ops.Softmax(-1 if last else at), x.draft))
