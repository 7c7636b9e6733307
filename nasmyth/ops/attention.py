"""Attention among the places of a sequence (Vaswani 2017, arXiv:1706.03762)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import with_bias


@op(
    "b l d=(heads k), mask?: b l -> b l d",
    weights=with_bias(
        {"qkv.weight": "(3 heads k) d", "out.weight": "d (heads k)"}, {"qkv.bias": "(3 heads k)", "out.bias": "d"}
    ),
    ordered=lambda attention: "l" if attention.causal else "",
    mixes="l d",
)
class Attention(nn.Module):
    """Multi-head self-attention with fused kernels; `causal`: a place sees only itself and earlier ones, and a sequence can be
    taken place by place, with keys and values that are kept.

    Places that the graph's input `mask` leaves out are seen by none, or, if it is causal, by themselves.
    """

    def __init__(self, d: int, heads: int = 4, bias: bool = True, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(d, 3 * d, bias)
        self.out = nn.Linear(d, d, bias)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if mask is None:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        else:
            seen = (mask > 0)[:, None, None, :]
            if self.causal:
                seen = seen & torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
                seen = seen | torch.eye(x.shape[1], dtype=torch.bool, device=x.device)
            else:
                seen = seen | ~seen.any(3, keepdim=True)  # of nothing at all, everything is seen
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        """Keys and values, b heads 0 k, and what of them the mask lets be seen, b 0, where there is one."""
        if not self.causal:
            raise ValueError("it sees later places; build it with causal=True")
        d = self.out.weight.shape[0]
        none = self.out.weight.new_zeros(batch, self.heads, 0, d // self.heads)
        return none, none, none[:, 0, :, 0]

    def step(
        self, state: tuple[torch.Tensor, ...], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """The query of one place meets its own key and those that are kept."""
        query, *own = self.qkv(x).unflatten(1, (3, self.heads, 1, -1)).unbind(1)
        key, value = (torch.cat(pair, 2) for pair in zip(state[:2], own, strict=True))
        if mask is None:
            kept, seen = state[2], None
        else:
            kept = torch.cat((state[2], mask[:, None].to(x.dtype)), 1)
            seen = F.pad(kept[:, None, None, :-1] > 0, (0, 1), value=True)  # what is masked still sees itself
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return self.out(mixed.flatten(1)), (key, value, kept)


@op("b c=(3 heads k) h w -> b (heads k) h w", mixes="h w k")
class PixelAttention(nn.Module):
    """Attention among the pixels of an image, of queries, keys and values that its channels already hold, in this order.

    The core of `Attention` without its projections, for those that are convolutions.
    """

    def __init__(self, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = x.flatten(2).unflatten(1, (3, self.heads, -1)).transpose(3, 4).unbind(1)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return mixed.transpose(2, 3).flatten(1, 2).unflatten(2, x.shape[2:])


@param_count.register(PixelAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return 0


@mac_count.register(PixelAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    c, h, w = output
    return 2 * (h * w) ** 2 * c


@param_count.register(Attention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d = output[-1]
    return 4 * d * (d + bool(attention.bias))


@mac_count.register(Attention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Four projections of l d^2, then scores and weighted sums of l^2 d each; a causal mask saves nothing here."""
    length, d = output
    return 4 * length * d * d + 2 * length * length * d


@state_count.register(Attention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Keys and values of all places, and the mask where there is one."""
    length, d = output
    return length * (2 * d + len(inputs) - 1) if attention.causal else 0


@fan_ins.register(Attention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """Values, and the projection of what was gathered."""
    return (float(output[-1]), float(output[-1]))


EXAMPLES = [
    (Attention(heads=2), (5, 6)),
    (Attention(heads=3, bias=False, causal=True), (4, 6)),
    (Attention(heads=2), (5, 6), (5,)),
    (Attention(heads=2, causal=True), (5, 6), (5,)),
    (PixelAttention(heads=2), (12, 3, 4)),
]
