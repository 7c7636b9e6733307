"""Attention whose past is a matrix a head, so that its cost is linear in the length: plain, and with a gate that forgets."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import with_bias

FEATURES = ("elu", "relu", "identity")


def _known_features(attention: Any) -> None:
    if isinstance(attention.features, str) and attention.features not in FEATURES:
        raise SpaceError(f"{attention!r}: features is one of {', '.join(FEATURES)}")
    if attention.features == "identity" and attention.normalise is True:
        raise SpaceError(
            f"{attention!r}: weights of any sign have no mean; features='elu' are positive, or normalise=False"
        )


def _some_rank(attention: Any) -> None:
    if type(attention.rank) is int and attention.rank < 1:
        raise SpaceError(f"{attention!r}: rank must be at least 1")


@op(
    "b l d=(heads k), mask?: b l -> b l d",
    check=_known_features,
    weights=with_bias(
        {"qkv.weight": "(3 heads k) d", "out.weight": "d (heads k)"}, {"qkv.bias": "(3 heads k)", "out.bias": "d"}
    ),
    ordered="l",
    mixes="l d",
)
class LinearAttention(nn.Module):
    """Causal attention with a kernel of finite features, f(q) f(k) for exp(q k) (Katharopoulos 2020, arXiv:2006.16236).

    For each head S_t = S_{t-1} + f(k_t) v_t, z_t = z_{t-1} + f(k_t), y_t = f(q_t) S_t / f(q_t) z_t. features: f is elu + 1
    as in the paper, relu, or nothing. normalise: whether y is divided. Places that the graph's input `mask` leaves out are seen
    by none. Within a chunk of 64 places all meet all; what came before it is the state.
    """

    def __init__(
        self, d: int, heads: int = 4, features: str = "elu", normalise: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.heads, self.features, self.normalise = heads, features, normalise
        self.qkv = nn.Linear(d, 3 * d, bias)
        self.out = nn.Linear(d, d, bias)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        length = min(64, x.shape[1])
        q, k, v = (
            F.pad(part, (0, 0, 0, 0, 0, -x.shape[1] % length)).unflatten(1, (-1, length)).transpose(2, 3)
            for part in self.heads_of(x, mask)
        )  # b chunks heads places k
        before = F.pad((k.transpose(3, 4) @ v).cumsum(1), (0, 0, 0, 0, 0, 0, 1, -1))
        y = (q @ k.transpose(3, 4)).tril() @ v + q @ before
        return self.gathered(y.transpose(2, 3).flatten(1, 2)[:, : x.shape[1]])

    def heads_of(self, x: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features of queries and keys, and values (with a 1 to be summed beside them, to divide by): ... heads k."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        if self.features == "elu":
            q, k = F.elu(q) + 1, F.elu(k) + 1
        elif self.features == "relu":
            q, k = F.relu(q), F.relu(k)
        if mask is not None:
            k = k * (mask > 0).to(x.dtype)[..., None, None]
        return q, k, F.pad(v, (0, 1), value=1.0) if self.normalise else v

    def gathered(self, y: torch.Tensor) -> torch.Tensor:
        if self.normalise:
            y = y[..., :-1] / y[..., -1:].clamp(min=1e-6)
        return self.out(y.flatten(-2))

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        k = self.out.in_features // self.heads
        return (self.out.weight.new_zeros(batch, self.heads, k, k + self.normalise),)

    def step(
        self, state: tuple[torch.Tensor], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        q, k, v = self.heads_of(x, mask)
        s = state[0] + k.unsqueeze(3) * v.unsqueeze(2)
        return self.gathered((q.unsqueeze(2) @ s).squeeze(2)), (s,)


@op(
    "b l d=(heads k), mask?: b l -> b l d",
    check=_some_rank,
    weights=with_bias(
        {
            "qkv.weight": "(3 heads k) d",
            "narrow.weight": "rank d",
            "widen.weight": "(heads k) rank",
            "widen.bias": "(heads k)",
            "out.weight": "d (heads k)",
        },
        {"qkv.bias": "(3 heads k)", "out.bias": "d"},
    ),
    ordered="l",
    mixes="l d",
)
class GatedLinearAttention(nn.Module):
    """Linear attention that forgets, by a gate of each feature of the keys (Yang 2023, arXiv:2312.06635, section 4).

    For each head S_t = a_t S_{t-1} + k_t v_t (row i of S times a_ti), y_t = q_t S_t / sqrt(k), with a_t = sigmoid(W_2 W_1 x_t +
    b)^(1/16) through `rank` features. Without the paper's norm and gate of y: put them around it. Logarithms of gates are
    at least -60 / 16, so that products over a chunk of 16 places are held in float32. Places that the graph's input
    `mask` leaves out change nothing. The state is handed on from chunk to chunk.
    """

    def __init__(self, d: int, heads: int = 4, rank: int = 16, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d, bias)
        self.narrow = nn.Linear(d, rank, bias=False)
        self.widen = nn.Linear(rank, d)
        self.out = nn.Linear(d, d, bias)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        length = min(16, x.shape[1])
        q, k, v, log = (
            F.pad(part, (0, 0, 0, 0, 0, -x.shape[1] % length)).unflatten(1, (-1, length)).transpose(2, 3)
            for part in self.heads_of(x, mask)
        )  # b chunks heads places k
        passed = log.cumsum(3)
        whole = passed[:, :, :, -1:]
        q = q * passed.exp()
        added = (k * (whole - passed).exp()).transpose(3, 4) @ v
        before = self.handed_on(whole.exp().transpose(3, 4), added)
        y = (q @ (k * (-passed).exp()).transpose(3, 4)).tril() @ v + q @ before
        return self.out(y.transpose(2, 3).flatten(1, 2).flatten(2)[:, : x.shape[1]])

    @staticmethod
    def handed_on(kept: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
        """The state before each chunk: the one before the last times what is kept of it, and what the last added."""
        states = [torch.zeros_like(added[:, 0])]
        for keep, add in zip(kept.unbind(1)[:-1], added.unbind(1), strict=False):
            states.append(torch.addcmul(add, keep, states[-1]))
        return torch.stack(states, 1)

    def heads_of(
        self, x: torch.Tensor, mask: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries, keys, values and logarithms of the gates: ... heads k."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        log = F.logsigmoid(self.widen(self.narrow(x))).clamp(min=-60.0) / 16
        log = log.unflatten(-1, (self.heads, -1))
        if mask is not None:
            seen = (mask > 0).to(x.dtype)[..., None, None]
            k, log = k * seen, log * seen
        return q / math.sqrt(q.shape[-1]), k, v, log

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        k = self.out.in_features // self.heads
        return (self.out.weight.new_zeros(batch, self.heads, k, k),)

    def step(
        self, state: tuple[torch.Tensor], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        q, k, v, log = self.heads_of(x, mask)
        s = log.exp().unsqueeze(3) * state[0] + k.unsqueeze(3) * v.unsqueeze(2)
        return self.out((q.unsqueeze(2) @ s).squeeze(2).flatten(1)), (s,)


def _met(length: int, chunk: int, heads: int, k: int, v: int) -> int:
    """For each place the scores with its chunk and their weighted sum, what it writes into the state and reads from it."""
    chunk = min(chunk, length)
    return -(-length // chunk) * chunk * heads * (chunk * (k + v) + 2 * k * v)


@param_count.register(LinearAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d = output[-1]
    return 4 * d * (d + bool(attention.bias))


@mac_count.register(LinearAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    (length, d), heads = output, attention.heads
    k = d // heads
    return 4 * length * d * d + _met(length, 64, heads, k, k + bool(attention.normalise))


@state_count.register(LinearAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    k = output[1] // attention.heads
    return int(output[1] * (k + bool(attention.normalise)))


@param_count.register(GatedLinearAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d = output[-1]
    return int(4 * d * (d + bool(attention.bias)) + d * (2 * attention.rank + 1))


@mac_count.register(GatedLinearAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    (length, d), heads = output, attention.heads
    k = d // heads
    return int(4 * length * d * d + 2 * length * d * attention.rank + _met(length, 16, heads, k, k))


@state_count.register(GatedLinearAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(output[1] * output[1] // attention.heads)


@fan_ins.register(LinearAttention)
@fan_ins.register(GatedLinearAttention)
def _(attention: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """Values, and the projection of what was gathered."""
    return (float(output[-1]), float(output[-1]))


EXAMPLES = [
    (LinearAttention(heads=2), (5, 6)),
    (LinearAttention(heads=3, features="relu", normalise=False, bias=False), (70, 6)),
    (LinearAttention(heads=2), (5, 4), (5,)),
    (GatedLinearAttention(heads=2, rank=3), (5, 6)),
    (GatedLinearAttention(heads=1, rank=2, bias=False), (35, 4), (35,)),
]
