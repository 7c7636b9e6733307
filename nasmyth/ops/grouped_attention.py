"""Attention as language models have it: keys and values that queries share, positions inside, windows, and a step form.

    GroupedAttention(groups=4, queries=1)                           # multi-head attention
    GroupedAttention(groups=1, queries=8, positions="alibi")        # multi-query attention
    GroupedAttention(groups=2, queries=4, positions="rotary", window=128, causal=True)

Heads are counted as groups times queries of a group, so that any two numbers go together.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import buffer_count, mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape

POSITIONS = ("none", "rotary", "alibi", "relative")


def _fits_together(attention: Any) -> None:
    for name, least in (("groups", 1), ("queries", 1), ("k", 1), ("reach", 1), ("window", 0)):
        value = getattr(attention, name)
        if type(value) is int and value < least:
            raise SpaceError(f"{attention!r}: {name} must be at least {least}")
    if isinstance(attention.positions, str) and attention.positions not in POSITIONS:
        raise SpaceError(f"{attention!r}: positions is one of {', '.join(map(repr, POSITIONS))}")
    if attention.positions == "rotary" and type(attention.k) is int and attention.k % 2:
        raise SpaceError(
            f"{attention!r}: rotary positions turn pairs of features, so k is even; try k={attention.k + 1}"
        )


def _weights(attention: Any) -> dict[str, str]:
    said = {"query.weight": "(groups queries k) d", "key_value.weight": "(2 groups k) d"}
    said["out.weight"] = "d (groups queries k)"
    if attention.bias:
        said |= {"query.bias": "(groups queries k)", "key_value.bias": "(2 groups k)", "out.bias": "d"}
    if attention.positions == "alibi":
        said["slope"] = "groups queries"
    if attention.positions == "relative":
        said["apart"] = f"groups queries {2 * attention.reach + 1}"
    return said


def _ordered(attention: Any) -> str:
    places = attention.causal or attention.window or attention.positions != "none"
    return f"{'l' if places else ''} {'k' if attention.positions == 'rotary' else ''}".strip()


@op(
    "b l d, mask?: b l -> b l d",
    check=_fits_together,
    weights=_weights,
    ordered=_ordered,
    mixes=lambda attention: "d" if attention.window == 1 else "l d",
)
class GroupedAttention(nn.Module):
    """Self-attention in which the `queries` heads of a group share its keys and values (Ainslie 2023, arXiv:2305.13245);
    heads are k wide. One group: multi-query attention (Shazeer 2019, arXiv:1911.02150).

    window: a place sees those less than so many away, and a long sequence is worked through in blocks, in time linear in its
        length (Beltagy 2020, arXiv:2004.05150); 0: all places.
    positions: "rotary" turns queries and keys by angles in proportion to their place (Su 2021, arXiv:2104.09864, eq. 34, but
        feature i is paired with i + k/2), at wavelengths from 2 pi to 2 pi `longest`; "alibi" takes slope times distance from
        the scores (Press 2021, arXiv:2108.12409); "relative" adds a learned number for each head and distance, clipped at
        `reach` (Shaw 2018, arXiv:1803.02155, as one number as in T5, Raffel 2019, arXiv:1910.10683). All depend on
        distances alone, so that no length is too long for them.
    causal: a place sees only itself and earlier ones; then a sequence can be taken place by place. What is kept are keys and
        values of the places that can still be seen.

    Places that the graph's input `mask` leaves out are seen by themselves alone.
    """

    slope: torch.Tensor

    def __init__(
        self,
        d: int,
        groups: int = 2,
        queries: int = 2,
        k: int = 16,
        window: int = 0,
        positions: str = "none",
        reach: int = 32,
        longest: float = 10000.0,
        causal: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.groups, self.queries, self.k, self.window = groups, queries, k, window
        self.positions, self.reach, self.longest, self.causal = positions, reach, longest, causal
        heads = groups * queries
        self.query = nn.Linear(d, heads * k, bias)
        self.key_value = nn.Linear(d, 2 * groups * k, bias)
        self.out = nn.Linear(heads * k, d, bias)
        if positions == "alibi":
            slope = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
            self.register_buffer("slope", slope.unflatten(0, (groups, queries)))
        if positions == "relative":
            self.apart = nn.Parameter(torch.zeros(groups, queries, 2 * reach + 1))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        length, (query, key, value) = x.shape[1], self.projected(x)
        place = torch.arange(length, device=x.device)
        if self.positions == "rotary":
            query, key = self.turned(query, place), self.turned(key, place)
        if 0 < self.window * (2 if self.causal else 3) < length:
            found = self.by_blocks(query, key, value, torch.ones_like(x[:, :, 0]) if mask is None else mask)
        else:
            past = place[:, None] - place
            found = self.gathered(query, key, value, past, None if mask is None else mask > 0)
        return self.out(found.permute(0, 3, 1, 2, 4).flatten(2))

    def projected(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries, b groups queries l k; keys and values, b groups l k."""
        query = self.query(x).unflatten(2, (self.groups, self.queries, self.k)).permute(0, 2, 3, 1, 4)
        key, value = self.key_value(x).unflatten(2, (2, self.groups, self.k)).permute(2, 0, 3, 1, 4)
        return query, key, value

    def turned(self, x: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """Each pair of features, turned by its angle at each place; ... l k."""
        exact = torch.promote_types(x.dtype, torch.float32)
        rate = self.longest ** (-torch.arange(self.k // 2, dtype=exact, device=x.device) / (self.k // 2))
        angle = place[:, None].to(exact) * rate
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        first, second = x.chunk(2, -1)
        return torch.cat((first * cos - second * sin, first * sin + second * cos), -1)

    def gathered(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        past: torch.Tensor,
        seen: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """What queries find among keys that lie `past` places before them; the queries of a group are one matrix."""
        added = self.added(query, past, seen)
        found = F.scaled_dot_product_attention(query.flatten(2, 3), key, value, attn_mask=added)
        return found.unflatten(2, (self.queries, -1))

    def added(self, query: torch.Tensor, past: torch.Tensor, seen: torch.Tensor | None) -> torch.Tensor | None:
        """What is added to the products of queries with keys: numbers for distances, minus infinity for what is hidden."""
        hidden = (past < 0) & self.causal
        if self.window:
            hidden = hidden | (past.abs() >= self.window)
        if seen is not None:
            hidden = hidden | (~seen[:, None, None, None] & (past != 0))
        if self.positions == "alibi":
            score = -self.slope[:, :, None, None] * past.abs().to(query.dtype)
        elif self.positions == "relative":
            score = self.apart[:, :, past.clamp(-self.reach, self.reach) + self.reach]
        elif self.causal or self.window or seen is not None:
            score = query.new_zeros(1, 1, 1, 1)
        else:
            return None
        score = torch.where(hidden, float("-inf"), score)
        return score.expand(*score.shape[:-3], self.queries, *score.shape[-2:]).flatten(-3, -2)

    def by_blocks(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """The same in blocks of `window` places, each of which sees itself and its neighbours."""
        window, batch, length = self.window, query.shape[0], query.shape[3]
        count, sides = -(-length // window), 2 if self.causal else 3
        missing = count * window - length
        around = (window, missing + window * (sides - 2))
        query = F.pad(query, (0, 0, 0, missing)).unflatten(3, (count, window)).movedim(3, 1).flatten(0, 1)
        key, value = (
            self.with_neighbours(F.pad(x, (0, 0, *around)).movedim(2, 1), sides).movedim(2, 3) for x in (key, value)
        )
        seen = self.with_neighbours(F.pad(mask.to(query.dtype), around), sides) > 0
        place = torch.arange(sides * window, device=query.device)
        past = place[:window, None] + window - place
        found = self.gathered(query, key.flatten(0, 1), value.flatten(0, 1), past, seen.flatten(0, 1))
        found = found.unflatten(0, (batch, count)).movedim(1, 3).flatten(3, 4)
        return found[:, :, :, :length]

    def with_neighbours(self, x: torch.Tensor, sides: int) -> torch.Tensor:
        """Places b l ... as blocks, each with those beside it: b count (sides window) ..."""
        blocks = x.unflatten(1, (-1, self.window))
        count = blocks.shape[1] - sides + 1
        return torch.cat([blocks[:, i : i + count] for i in range(sides)], 2)

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        """Keys and values, b groups 0 k, and what of them the mask lets be seen, b 0, where there is one."""
        if not self.causal:
            raise ValueError("it sees later places; build it with causal=True")
        none = self.out.weight.new_zeros(batch, self.groups, 0, self.k)
        return none, none, none[:, 0, :, 0]

    def step(
        self, state: tuple[torch.Tensor, ...], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """The query of one place meets its own key and those that are kept. Kept as they were projected, they are placed from
        the oldest on, since distances alone matter: a stream may be without end."""
        query, key, value = self.projected(x[:, None])
        start = max(0, state[0].shape[2] + 1 - self.window) if self.window else 0
        key, value = (
            torch.cat((kept[:, :, start:], own), 2) for kept, own in zip(state[:2], (key, value), strict=True)
        )
        seen = state[2] if mask is None else torch.cat((state[2][:, start:], mask[:, None].to(x.dtype)), 1)
        state = (key, value, seen)
        place = torch.arange(key.shape[2], device=x.device)
        if self.positions == "rotary":
            query, key = self.turned(query, place[-1:]), self.turned(key, place)
        found = self.gathered(query, key, value, place[-1:, None] - place, None if mask is None else seen > 0)
        return self.out(found.permute(0, 3, 1, 2, 4).flatten(2))[:, 0], state


def _inner(attention: Any) -> int:
    return int(attention.groups * attention.queries * attention.k)


@param_count.register(GroupedAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d, inner, shared = output[-1], _inner(attention), 2 * attention.groups * attention.k
    count = d * (2 * inner + shared) + (inner + shared + d) * bool(attention.bias)
    if attention.positions == "relative":
        count += attention.groups * attention.queries * (2 * attention.reach + 1)
    return int(count)


@buffer_count.register(GroupedAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(attention.groups * attention.queries) if attention.positions == "alibi" else 0


@mac_count.register(GroupedAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The projections, then scores and weighted sums: all places with all, or each block with its neighbours."""
    length, d = output
    inner, window, sides = _inner(attention), attention.window, 2 if attention.causal else 3
    pairs = length * length
    if 0 < window * sides < length:
        pairs = -(-length // window) * window * window * sides
    return int(length * d * (2 * inner + 2 * attention.groups * attention.k) + 2 * pairs * inner)


@state_count.register(GroupedAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Keys and values, and the mask where there is one, of the places that can still be seen."""
    if not attention.causal:
        return 0
    kept = min(output[0], attention.window or output[0])
    return int(kept * (2 * attention.groups * attention.k + len(inputs) - 1))


@fan_ins.register(GroupedAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """Values, and the projection of what was gathered."""
    return (float(output[-1]), float(_inner(attention)))


EXAMPLES = [
    (GroupedAttention(k=4), (5, 6)),
    (GroupedAttention(groups=1, queries=3, k=4, bias=False, causal=True, positions="rotary"), (5, 6)),
    (GroupedAttention(groups=2, queries=1, k=3, positions="alibi"), (4, 5)),
    (GroupedAttention(groups=3, k=2, positions="relative", reach=2, causal=True), (6, 4)),
    (GroupedAttention(k=4, window=2, positions="rotary", causal=True), (7, 3)),
    (GroupedAttention(k=2, window=2), (8, 3)),
    (GroupedAttention(k=2, window=2, positions="relative", reach=2), (9, 3), (9,)),
    (GroupedAttention(k=2, window=1, causal=True), (4, 3)),
    (GroupedAttention(k=3, positions="alibi", causal=True), (4, 3), (4,)),
]
