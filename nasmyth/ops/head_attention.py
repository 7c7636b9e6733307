"""Attention with other shapes: heads whose width does not depend on their number, another sequence, and windows of an image."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import with_bias


def _some_heads(attention: Any) -> None:
    for name in ("heads", "k"):
        value = getattr(attention, name)
        if type(value) is int and value < 1:
            raise SpaceError(f"{attention!r}: {name} must be at least 1")


@op(
    "b l d -> b l d",
    check=_some_heads,
    weights=with_bias(
        {"qkv.weight": "(3 heads k) d", "out.weight": "d (heads k)"}, {"qkv.bias": "(3 heads k)", "out.bias": "d"}
    ),
    mixes="l d",
)
class HeadAttention(nn.Module):
    """Multi-head self-attention whose heads are `k` wide, however many there are and whatever d is.

    Queries, keys and values have heads * k features; the output projection leads back to d. So heads can be added and
    taken away one by one (AutoFormer, Chen 2021, arXiv:2107.00651).
    """

    def __init__(self, d: int, heads: int = 4, k: int = 64, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * heads * k, bias)
        self.out = nn.Linear(heads * k, d, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


@op(
    "b l d, memory: b m e, memory_mask?: b m -> b l d",
    check=_some_heads,
    weights=with_bias(
        {"query.weight": "(heads k) d", "key_value.weight": "(2 heads k) e", "out.weight": "d (heads k)"},
        {"query.bias": "(heads k)", "key_value.bias": "(2 heads k)", "out.bias": "d"},
    ),
    mixes="d",
)
class CrossAttention(nn.Module):
    """Places of a sequence gather what they need from those of another, the memory (Vaswani 2017, arXiv:1706.03762, section
    3.2.3): a second one that is wired to it, or the graph's input `memory`. Heads are k wide.

    Places of the memory that the graph's input `memory_mask` leaves out are seen by none; of nothing at all, all is seen.
    """

    def __init__(self, d: int, e: int, heads: int = 4, k: int = 16, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(d, heads * k, bias)
        self.key_value = nn.Linear(e, 2 * heads * k, bias)
        self.out = nn.Linear(heads * k, d, bias)

    def forward(self, x: torch.Tensor, memory: torch.Tensor, memory_mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.gathered(x, *self.initial_state(x.shape[0], memory, memory_mask))

    def initial_state(
        self, batch: int, memory: torch.Tensor, memory_mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        """Keys and values of the memory, b heads m k, and which of its places are seen, b 1 1 m, where a mask says so."""
        key, value = self.key_value(memory).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if memory_mask is None:
            return key, value
        seen = memory_mask > 0
        return key, value, (seen | ~seen.any(1, keepdim=True))[:, None, None, :]

    def step(self, state: tuple[torch.Tensor, ...], x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        return self.gathered(x.unsqueeze(1), *state).squeeze(1), state

    def gathered(
        self, x: torch.Tensor, key: torch.Tensor, value: torch.Tensor, seen: torch.Tensor | None = None
    ) -> torch.Tensor:
        query = self.query(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return self.out(found.transpose(1, 2).flatten(2))


@op(
    "b c=(heads k) h=(split m) w=(split n) -> b c h w",
    weights=with_bias(
        {"qkv.weight": "(3 heads k) c", "out.weight": "c (heads k)"}, {"qkv.bias": "(3 heads k)", "out.bias": "c"}
    ),
    mixes="c h w",
)
class SplitAttention(nn.Module):
    """Self-attention among the pixels of each of `split` by `split` equal parts of an image; 1: among all of them.

    The local attention of As-ViT (Chen 2022, arXiv:2202.11921) and UViT (Chen 2022, arXiv:2112.09747).
    """

    def __init__(self, c: int, heads: int = 4, split: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.heads, self.split = heads, split
        self.qkv = nn.Linear(c, 3 * c, bias)
        self.out = nn.Linear(c, c, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, c, h, w = x.shape
        s = self.split
        parts = x.reshape(b, c, s, h // s, s, w // s).permute(0, 2, 4, 3, 5, 1).reshape(-1, h * w // (s * s), c)
        q, k, v = self.qkv(parts).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return mixed.reshape(b, s, s, h // s, w // s, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)


@param_count.register(HeadAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d, inner = output[-1], attention.heads * attention.k
    return 4 * d * inner + (3 * inner + d) * bool(attention.bias)


@mac_count.register(HeadAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Four projections between d and the heads, then scores and weighted sums of l^2 for each of their features."""
    length, d = output
    inner = attention.heads * attention.k
    macs: int = 4 * length * d * inner + 2 * length * length * inner
    return macs


@param_count.register(SplitAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return 4 * output[0] * (output[0] + bool(attention.bias))


@mac_count.register(SplitAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Four projections at each pixel; each pixel meets those of its own part."""
    c, h, w = output
    pixels, met = h * w, h * w // attention.split**2
    return 4 * pixels * c * c + 2 * pixels * met * c


@fan_ins.register(HeadAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """Values, and the projection of what was gathered."""
    return (float(output[-1]), float(attention.heads * attention.k))


@fan_ins.register(SplitAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    return (float(output[0]), float(output[0]))


@param_count.register(CrossAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d, e, inner = output[-1], inputs[1][-1], attention.heads * attention.k
    return int(2 * (d + e) * inner + (3 * inner + d) * bool(attention.bias))


@mac_count.register(CrossAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Two projections at each place of each input, then scores and weighted sums."""
    (length, d), (memory, e), inner = inputs[0], inputs[1], attention.heads * attention.k
    return int(2 * inner * (length * d + memory * e + length * memory))


@state_count.register(CrossAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Keys and values of the memory, and its mask where there is one: as much at the first place as at the last."""
    memory = inputs[1][0]
    return int(2 * memory * attention.heads * attention.k + memory * (len(inputs) > 2))


@fan_ins.register(CrossAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    return (float(inputs[1][-1]), float(attention.heads * attention.k))


EXAMPLES = [
    (HeadAttention(heads=2, k=4), (5, 6)),
    (HeadAttention(heads=3, k=2, bias=False), (4, 5)),
    (CrossAttention(heads=2, k=3), (4, 5), (6, 3)),
    (CrossAttention(heads=2, k=2, bias=False), (4, 5), (6, 3), (6,)),
    (SplitAttention(heads=2), (4, 3, 5)),
    (SplitAttention(heads=2, split=2, bias=False), (6, 4, 6)),
]
