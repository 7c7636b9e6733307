"""Heads of classifiers: a pool and a classifier of its own for each label, and classes as directions.

chain(LabelPool(50, inner=32), LabelLinear())           # 50 labels, each with its own view of the text
chain(Linear(32), CosineLinear(6, scale=16.0))          # embeddings and classes on a sphere
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape


def _some_labels(pool: Any) -> None:
    for name, least in (("labels", 1), ("inner", 0)):
        value = getattr(pool, name)
        if type(value) is int and value < least:
            raise SpaceError(f"{pool!r}: {name} must be at least {least}")


@op(
    "b l d, mask?: b l -> b labels d",
    check=_some_labels,
    weights=lambda pool: {"inner.weight": "inner d", "query": "labels inner"} if pool.inner else {"query": "labels d"},
    mixes="d",
)
class LabelPool(nn.Module):
    """For each label the places weighted as they matter to it: softmax over places of q tanh(V x), one learned query q a label
    (TransICD, Biswas 2021, arXiv:2104.10652; without the inner layer as in CAML, Mullenbach 2018, arXiv:1802.05695).

    inner: features of the layer V; 0 is none, and the queries meet the places as they are. Places that the graph's input
    `mask` leaves out weigh nothing; of nothing at all, all places do. `shares(x)` tells the weights, which explain an answer.
    """

    def __init__(self, d: int, labels: int, inner: int = 0) -> None:
        super().__init__()
        self.inner = nn.Linear(d, inner, False) if inner else None
        self.query = nn.Parameter(torch.randn(labels, inner or d) / math.sqrt(inner or d))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.shares(x, mask) @ x

    def shares(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """How much each place matters to each label, b labels l; the shares of a label add up to 1."""
        seen = x if self.inner is None else self.inner(x).tanh()
        score = F.linear(seen, self.query).transpose(1, 2)
        if mask is not None:
            kept = mask > 0
            kept = kept | ~kept.any(1, keepdim=True)
            score = torch.where(kept[:, None], score, float("-inf"))
        return score.softmax(2)


@op("b labels d -> b labels", weights={"weight": "labels d", "bias": "labels"})
class LabelLinear(nn.Module):
    """One number for each label from features of its own, by weights of its own: w_i x_i + b_i (Mullenbach 2018)."""

    def __init__(self, labels: int, d: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(d)
        self.weight = nn.Parameter(torch.empty(labels, d).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(labels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bld,ld->bl", x, self.weight) + self.bias


def _warm(head: Any) -> None:
    if isinstance(head.scale, (int, float)) and head.scale <= 0:
        raise SpaceError(f"{head!r}: scale is above 0; it is the largest logit there can be, such as scale=16.0")


@op("... d -> ... out", check=_warm, weights={"weight": "out d"})
class CosineLinear(nn.Module):
    """Logits are `scale` times the cosine between what comes in and each class's weights: the normalised softmax (NormFace,
    Wang 2017, arXiv:1704.06369; for classes unseen in training: Pereira 2021, arXiv:2102.03243).

    Embeddings so trained are compared by angle, without pairs to be mined. `imprint(x, y)` makes of a few embedded examples
    the weights of classes that no training has seen (Qi 2018, arXiv:1712.07136).
    """

    def __init__(self, d: int, out: int, scale: float = 16.0) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.randn(out, d) / math.sqrt(d))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * F.linear(F.normalize(x, dim=-1), F.normalize(self.weight, dim=-1))

    @torch.no_grad()
    def imprint(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Weights become the mean direction of the embeddings x, n d, of each class y, n."""
        chosen = F.one_hot(y, self.weight.shape[0]).to(x.dtype)
        if bool((chosen.sum(0) == 0).any()):
            missing = (chosen.sum(0) == 0).nonzero().flatten().tolist()
            raise ValueError(
                f"classes {missing} have no example; give at least one of each, or build the head with fewer"
            )
        self.weight.copy_(F.normalize(chosen.T @ F.normalize(x, dim=-1), dim=-1))

    def extra_repr(self) -> str:
        return f"scale={self.scale}"


@param_count.register(LabelPool)
def _(pool: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    labels, d = output
    return int(pool.inner * (d + labels) or labels * d)


@mac_count.register(LabelPool)
def _(pool: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The inner layer at each place, each label's score of it, and the weighted sums."""
    length, (labels, d) = inputs[0][0], output
    return int(length * ((pool.inner * (d + labels) or labels * d) + labels * d))


@fan_ins.register(LabelPool)
def _(pool: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """What comes out are means of what comes in."""
    return ()


@param_count.register(LabelLinear)
def _(linear: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    labels, d = inputs[0]
    return labels * (d + 1)


@mac_count.register(LabelLinear)
def _(linear: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return math.prod(inputs[0])


@param_count.register(CosineLinear)
def _(head: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[-1] * inputs[0][-1]


@mac_count.register(CosineLinear)
def _(head: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return math.prod(inputs[0]) * output[-1]


EXAMPLES = [
    (LabelPool(3), (5, 4)),
    (LabelPool(3, inner=2), (5, 4)),
    (LabelPool(2, inner=3), (5, 4), (5,)),
    (LabelLinear(), (3, 4)),
    (CosineLinear(3), (5,)),
    (CosineLinear(4, scale=2.0), (3, 5)),
]
