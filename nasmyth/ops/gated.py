"""A mixture whose experts are templates of any kind: what each makes, joined by what a gate says of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.op import op
from nasmyth.graph.op_axes import OpAxes, by_sentence, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless


def _some_chosen(mixture: Any) -> None:
    if type(mixture.k) is int and mixture.k < 1:
        raise SpaceError(f"{mixture!r}: k={mixture.k}, and one is chosen at least: write k=1")


def _of_experts(mixture: Any, *shapes: Shape) -> Shape:
    told, experts = mixture.solve(*shapes)["n"], len(shapes) - 1
    if told != experts:
        raise ShapeError(
            f"{mixture!r}: its gate tells {told} experts apart, and {experts} come in: write Linear({experts})"
        )
    if mixture.k > experts:
        raise ShapeError(f"{mixture!r}: {mixture.k} of {experts} experts cannot be chosen: write k={experts}")
    return shapes[1]


@op("b ... n, b ... d, *", infer=_of_experts, check=_some_chosen)
class GatedSum(nn.Module):
    """The first input are logits of a gate (... n), the others what n experts made (... d): the sum of the k that are
    likeliest at each place, weighted as in `MixtureOfExperts`.

        parallel(Linear(2), mlp(2), chain(LayerNorm(), mlp(8)), join=GatedSum(k=1))

    All experts are computed: what it saves is that they need not be alike, as those of Switch-NeRF++ (Mi and Xu 2025), which
    differ in their range of resolutions. Adds `balance` times n * sum of f_i P_i to the loss (Fedus 2021,
    arXiv:2101.03961, eq. 4), as `MixtureOfExperts` does.
    """

    auxiliary_losses: list[torch.Tensor] | None = None

    def __init__(self, k: int = 1, balance: float = 0.01) -> None:
        super().__init__()
        self.k, self.balance = k, balance

    def forward(self, gate: torch.Tensor, *made: torch.Tensor) -> torch.Tensor:
        scores = gate.softmax(-1)
        best = scores.topk(self.k, -1).indices
        chosen = torch.zeros_like(scores).scatter(-1, best, 1.0)
        weights = scores * chosen
        if self.k > 1:
            weights = weights / weights.sum(-1, keepdim=True)
        if self.training and self.auxiliary_losses is not None:
            shares = (chosen / self.k).flatten(0, -2).mean(0)
            self.auxiliary_losses.append(self.balance * len(made) * (shares * scores.flatten(0, -2).mean(0)).sum())
        return (torch.stack(made, -1) * weights.unsqueeze(-2)).sum(-1)

    def extra_repr(self) -> str:
        return f"k={self.k}"


@op_axes.register(GatedSum)
def _(mixture: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    """The numbers of the gate stand for experts, which are what comes in."""
    return by_sentence(mixture, inputs, output, f"b ... {len(inputs) - 1}, b ... d, * -> b ... d")


weightless(GatedSum)

EXAMPLES = [
    (GatedSum(), (4, 2), (4, 5), (4, 5)),
    (GatedSum(k=2), (3,), (4,), (4,), (4,)),
]
