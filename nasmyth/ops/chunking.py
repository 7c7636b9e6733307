"""Chunks of a sequence whose boundaries are learned with everything else (H-Net, Hwang 2025, arXiv:2507.07955, section 2).

`Boundaries` tells where a chunk begins, `Chunk` keeps the first place of each, so that a network works on a shorter sequence,
and `Unchunk` brings what that gives back to every place. `blocks.chunked` is the three around any network.

Shapes are fixed here, and the number of chunks is not: `Chunk(most)` gives `most` places, zeros behind the last chunk. Where
there are more boundaries than that, those that are too many are none, and the last chunk goes on to the end. All three are
causal: a place learns nothing of later ones, if the network between them is causal. A place begins a chunk where its
probability is at least a half; the first one always does.

A place at a time (`network/streaming.py`), what stands between `Chunk` and `Unchunk` runs only where a chunk begins.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing


def _shrinks(boundaries: Any) -> None:
    if type(boundaries.ratio) in (int, float) and boundaries.ratio <= 1:
        raise SpaceError(f"{boundaries!r}: ratio is how many places a chunk has on average, above 1: Boundaries(4)")


@op("b l d -> b l", check=_shrinks, weights={"query.weight": "d d", "key.weight": "d d"}, ordered="l", mixes="l d")
class Boundaries(nn.Module):
    """The probability that a chunk begins: p_t = (1 - cos(Wq x_t, Wk x_(t-1))) / 2, and 1 at the first place (equation 4).

    While it trains it adds `weight` times the ratio loss to the loss, n / (n - 1) ((n - 1) f g + (1 - f) (1 - g)), where n is
    `ratio`, f the share of places that begin a chunk, g their mean probability (equation 10). Its least is 1, with one chunk in
    n places. It puts that on the list `auxiliary_losses`, where it is given one (`nasmyth.train.auxiliary`).

    Both matrices begin as the identity, so that boundaries begin where neighbours differ.
    """

    auxiliary_losses: list[torch.Tensor] | None = None

    def __init__(self, d: int, ratio: float = 4.0, weight: float = 0.03) -> None:
        super().__init__()
        self.ratio, self.weight = float(ratio), weight
        self.query = nn.Linear(d, d, bias=False)
        self.key = nn.Linear(d, d, bias=False)
        nn.init.eye_(self.query.weight)
        nn.init.eye_(self.key.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        alike = F.cosine_similarity(self.query(x[:, 1:]), self.key(x[:, :-1]), dim=2)
        p = torch.cat((torch.ones_like(x[:, :1, 0]), (1 - alike) / 2), 1)
        if self.training and self.auxiliary_losses is not None:
            self.auxiliary_losses.append(self.weight * self.ratio_loss(p))
        return p

    def initial_state(self, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The key of the place before, and 1 where there was one."""
        return self.key.weight.new_zeros(batch, self.key.out_features), self.key.weight.new_zeros(batch)

    def step(
        self, state: tuple[torch.Tensor, torch.Tensor], x: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        before, known = state
        alike = F.cosine_similarity(self.query(x), before, dim=1)
        return torch.where(known > 0, (1 - alike) / 2, 1), (self.key(x), torch.ones_like(known))

    def ratio_loss(self, p: torch.Tensor) -> torch.Tensor:
        n, begun, likely = self.ratio, (p >= 0.5).to(p.dtype).mean(), p.mean()
        return n / (n - 1) * ((n - 1) * begun * likely + (1 - begun) * (1 - likely))

    def extra_repr(self) -> str:
        return f"ratio={self.ratio}"


def _no_more_than_places(chunk: Any, *shapes: Shape) -> Shape:
    shape: Shape = chunk.parsed_signature.result(chunk.solve(*shapes), chunk)
    if chunk.most > shapes[0][0]:
        raise ShapeError(
            f"{chunk!r}: {shapes[0][0]} places hold no {chunk.most} chunks; write most={shapes[0][0]} or less"
        )
    return shape


@op("b l d, b l -> b most d", infer=_no_more_than_places, ordered="l most")
class Chunk(nn.Module):
    """The first place of each chunk, in order, of a sequence and its probabilities of boundaries (section 2.2.1).

    most: how many chunks there is room for; zeros stand behind the last one.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.register_buffer("none", torch.zeros(1), persistent=False)

    def forward(self, x: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        length = x.shape[1]
        places = torch.arange(length, device=x.device)
        begins = (p >= 0.5) | (places == 0)
        order = torch.where(begins, places, places + length)  # those that begin first, each group as it stands
        kept, which = order.topk(self.most, 1, largest=False)
        rows = x.gather(1, which[:, :, None].expand(-1, -1, x.shape[2]))
        return torch.where((kept < length)[:, :, None], rows, 0)

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        """How many chunks there were."""
        return (self.none.expand(batch),)  # type: ignore[operator]

    def step(
        self, state: tuple[torch.Tensor], x: torch.Tensor, p: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        (count,) = state
        begins = ((p >= 0.5) | (count == 0)) & (count < self.most)
        return x, (count + begins,)

    @staticmethod
    def ticked(before: tuple[torch.Tensor], after: tuple[torch.Tensor]) -> torch.Tensor:
        """Where a chunk began: what depends on chunks goes on there alone."""
        return after[0] > before[0]

    def extra_repr(self) -> str:
        return f"{self.most}"


@op("b most d, b l -> b l d", ordered="l most", mixes="l most")
class Unchunk(nn.Module):
    """What a network gave for the chunks at each of their places, smoothed by how sure their boundaries are (section 2.2.2).

    smoothed: s_c = P_c z_c + (1 - P_c) s_(c-1) over chunks c, where P_c is the probability at the first place of c, and
    s_1 = z_1. at place t: the s of its chunk. While it trains, times a factor that is 1 and whose gradient is that of p_t
    where a chunk begins, and of 1 - p_t elsewhere, so that boundaries learn (equations 5 to 9).

    The recurrence over chunks is one product with a most x most matrix, for which probabilities keep 1e-4 away from 0 and 1.
    """

    resumes = True

    def __init__(self, d: int) -> None:
        super().__init__()
        self.register_buffer("none", torch.zeros(1, d), persistent=False)

    def forward(self, z: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        most, length = z.shape[1], p.shape[1]
        places = torch.arange(length, device=z.device)
        begins = (p >= 0.5) | (places == 0)
        order = torch.where(begins, places, places + length)
        chance = p.clamp(1e-4, 1 - 1e-4).gather(1, order.topk(most, 1, largest=False)[1])
        first = torch.arange(most, device=z.device) == 0
        fade = torch.where(first, 0, torch.log1p(-chance)).cumsum(1)
        earlier = torch.ones(most, most, dtype=torch.bool, device=z.device).tril()
        passed = torch.where(earlier, fade[:, :, None] - fade[:, None, :], -math.inf).exp()
        smoothed = (passed * torch.where(first, 1, chance)[:, None, :]) @ z
        chunk = (begins.cumsum(1) - 1).clamp(max=most - 1)
        spread = smoothed.gather(1, chunk[:, :, None].expand(-1, -1, z.shape[2]))
        if not self.training:
            return spread
        sure = torch.where(begins, p, 1 - p)
        return spread * (1 + sure - sure.detach())[:, :, None]

    def initial_state(self, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The s of the last chunk, and 1 where there was one."""
        return self.none.expand(batch, -1), self.none[:, 0].expand(batch)  # type: ignore[operator, index]

    def step(
        self, state: tuple[torch.Tensor, torch.Tensor], z: torch.Tensor, p: torch.Tensor, ticked: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """ticked: where a chunk begins, b; elsewhere z means nothing."""
        smoothed, known = state
        chance = torch.where(known > 0, p.clamp(1e-4, 1 - 1e-4), 1)
        smoothed = torch.lerp(smoothed, z, torch.where(ticked, chance, 0)[:, None])
        return smoothed, (smoothed, torch.ones_like(known))


param_count.register(Chunk, nothing)
param_count.register(Unchunk, nothing)
mac_count.register(Chunk, nothing)


@param_count.register(Boundaries)
def _(boundaries: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return 2 * inputs[0][1] ** 2


@mac_count.register(Boundaries)
def _(boundaries: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Two products at each place that has a neighbour before it."""
    length, d = inputs[0]
    return 2 * (length - 1) * d * d


@state_count.register(Boundaries)
def _(boundaries: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return inputs[0][1] + 1


@state_count.register(Chunk)
def _(chunk: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return 1


@state_count.register(Unchunk)
def _(unchunk: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[1] + 1


@mac_count.register(Unchunk)
def _(unchunk: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    most, d = inputs[0]
    return most * most * d


@fan_ins.register(Boundaries)
def _(boundaries: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """One layer, of queries and keys; their angle is none."""
    return (float(inputs[0][1]),)


EXAMPLES = [
    (Boundaries(), (6, 4)),
    (Boundaries(2.5), (3, 5)),
    (Chunk(3), (6, 4), (6,)),
    (Chunk(5), (5, 2), (5,)),
    (Unchunk(), (3, 4), (6,)),
    (Unchunk(), (1, 2), (4,)),
]
