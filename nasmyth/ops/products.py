"""Products of two things that flow: matrices, and attention as three inputs. `Attention` has its projections inside."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.graph.op import mac_count, op
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless


@op("b ... l k, b ... k m -> b ... l m")
class MatMul(nn.Module):
    """The matrix product over the last two axes."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x @ y


@op("b ... l k, b ... m k, b ... m v -> b ... l v", ordered=lambda attention: "l m" if attention.causal else "")
class DotProductAttention(nn.Module):
    """Queries meet keys and gather values (Vaswani 2017, arXiv:1706.03762, eq. 1).

    causal: a place sees only itself and earlier ones. scale: of the products; one over the root of k if not given.
    """

    def __init__(self, causal: bool = False, scale: float | None = None) -> None:
        super().__init__()
        self.causal, self.scale = causal, scale

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        if query.dim() == 4:
            return F.scaled_dot_product_attention(query, key, value, is_causal=self.causal, scale=self.scale)
        # exporters write attention with one axis of heads, and know no other
        heads = query.shape[1:-2]
        query, key, value = (x.reshape(x.shape[0], -1, *x.shape[-2:]) for x in (query, key, value))
        found = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal, scale=self.scale)
        return found.reshape(found.shape[0], *heads, *found.shape[-2:])

    def extra_repr(self) -> str:
        return f"causal={self.causal}"


weightless(MatMul, DotProductAttention)


@mac_count.register(MatMul)
def _(product: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return math.prod(output) * inputs[0][-1]


@mac_count.register(DotProductAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Scores, then weighted sums; a causal mask saves nothing here."""
    query, key, value = inputs
    return math.prod(query[:-1]) * key[-2] * (key[-1] + value[-1])


EXAMPLES = [
    (MatMul(), (3, 4), (4, 2)),
    (MatMul(), (2, 3, 4), (2, 4, 5)),
    (DotProductAttention(), (2, 3, 4), (2, 5, 4), (2, 5, 6)),
    (DotProductAttention(causal=True, scale=0.3), (2, 3, 4), (2, 3, 4), (2, 3, 4)),
    (DotProductAttention(), (3, 4), (5, 4), (5, 6)),
    (DotProductAttention(causal=True), (2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 6)),
]
