"""A function known at some places and asked at others: what neural processes are made of.

An example is a function. Its *context*, b c d, are the pairs (place, value) that are known of it, in any order and of any
number, each encoded by itself; the graph's input `queries`, b m q, are the places that are asked for. The ops here hand each
query what the context tells of it, then a network of each query by itself decodes that: see `blocks.neural_process`.

Pairs that the graph's input `mask` leaves out are not known. Of nothing that is known, zeros are told.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless, with_bias


@op("b c d, queries: b m q, mask?: b c -> b m d+q")
class ContextMean(nn.Module):
    """Hands every query the mean of the context, and the query itself behind it (the conditional neural process, Garnelo
    2018, arXiv:1807.01613, eq. 1-2)."""

    def forward(self, x: torch.Tensor, queries: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        known = torch.ones_like(x[:, :, :1]) if mask is None else (mask > 0).to(x.dtype).unsqueeze(2)
        mean = (x * known).sum(1) / known.sum(1).clamp(min=1.0)
        return torch.cat((mean.unsqueeze(1).expand(-1, queries.shape[1], -1), queries.to(x.dtype)), 2)


@op(
    "b c d=(heads k), queries: b m q, mask?: b c -> b m d+q",
    weights=with_bias(
        {"query.weight": "(heads k) q", "key_value.weight": "(2 heads k) d", "out.weight": "d (heads k)"},
        {"query.bias": "(heads k)", "key_value.bias": "(2 heads k)", "out.bias": "d"},
    ),
    mixes="d q",
)
class ContextAttention(nn.Module):
    """Hands each query what it attends to in the context, and the query itself behind it (the attentive neural process, Kim
    2019, arXiv:1901.05761, section 3): pairs near the query may count for more.

    In the paper keys are made of places alone; here of the encoded pairs, which hold them.
    """

    def __init__(self, d: int, q: int, heads: int = 4, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(q, d, bias)
        self.key_value = nn.Linear(d, 2 * d, bias)
        self.out = nn.Linear(d, d, bias)

    def forward(self, x: torch.Tensor, queries: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        known = torch.ones_like(x[:, :, 0], dtype=torch.bool) if mask is None else mask > 0
        any_known = known.any(1)[:, None, None]
        queries = queries.to(x.dtype)
        query = self.query(queries).unflatten(2, (self.heads, -1)).transpose(1, 2)
        key, value = self.key_value(x).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = (known | ~any_known[:, :, 0])[:, None, None, :]
        told = self.out(F.scaled_dot_product_attention(query, key, value, attn_mask=seen).transpose(1, 2).flatten(2))
        return torch.cat((told * any_known, queries), 2)


weightless(ContextMean)


@param_count.register(ContextAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d, q = inputs[0][1], inputs[1][1]
    return d * (q + 3 * d + 4 * bool(attention.bias))


@mac_count.register(ContextAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Queries, keys and values, what is gathered, and the scores and weighted sums of each query over the context."""
    (context, d), (m, q) = inputs[0], inputs[1]
    return m * q * d + 2 * context * d * d + m * d * d + 2 * m * context * d


@fan_ins.register(ContextAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """Values, and the projection of what was gathered."""
    return (float(inputs[0][1]), float(inputs[0][1]))


EXAMPLES = [
    (ContextMean(), (4, 3), (5, 2)),
    (ContextMean(), (4, 3), (2, 1), (4,)),
    (ContextAttention(heads=2), (4, 6), (5, 2)),
    (ContextAttention(heads=1, bias=False), (4, 3), (2, 1), (4,)),
]
