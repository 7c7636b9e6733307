"""Sets: what is understood of them does not depend on the order in which they are written."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape


def _some_steps(process: Any) -> None:
    if type(process.steps) is int and process.steps < 1:
        raise SpaceError(f"{process!r}: steps must be at least 1, such as steps=5; Mean('l') reads a set without any")


@op(
    "b l d, mask?: b l -> b (2 d)",
    check=_some_steps,
    weights={
        "cell.weight_ih": "(4 d) (2 d)",
        "cell.weight_hh": "(4 d) d",
        "cell.bias_ih": "(4 d)",
        "cell.bias_hh": "(4 d)",
    },
    mixes="d",
)
class SetProcess(nn.Module):
    """Reads a set again and again, each time asking what is yet to be known (Vinyals 2016, arXiv:1511.06391, eq. 3-7).

        q_t = LSTM(q*_t-1)        r_t = sum_i softmax_i(x_i q_t) x_i        q*_t = [q_t, r_t]

    b l d are the elements, in any order; what is given is q* after so many `steps`. Elements that the graph's input `mask`
    leaves out are not read; of an empty set every r is 0.
    """

    def __init__(self, d: int, steps: int = 5) -> None:
        super().__init__()
        self.steps = steps
        self.cell = nn.LSTMCell(2 * d, d)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        there = torch.ones_like(x[:, :, 0]) if mask is None else (mask > 0).to(x.dtype)
        q = x.new_zeros(x.shape[0], x.shape[2])
        memory, r = q, q
        for _ in range(self.steps):
            q, memory = self.cell(torch.cat((q, r), 1), (q, memory))
            scores = (x @ q.unsqueeze(2)).squeeze(2)
            weights = scores.masked_fill(there == 0, -1e4).softmax(1) * there
            r = (weights.unsqueeze(1) @ x).squeeze(1)
        return torch.cat((q, r), 1)


@param_count.register(SetProcess)
def _(process: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    d = inputs[0][1]
    return 4 * d * (2 * d + d + 2)


@mac_count.register(SetProcess)
def _(process: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """At each step the cell, a score of each element and their weighted sum."""
    length, d = inputs[0]
    return int(process.steps * (4 * d * 3 * d + 2 * length * d))


@fan_ins.register(SetProcess)
def _(process: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """What a gate is the sum of."""
    return (3.0 * inputs[0][1],)


EXAMPLES = [
    (SetProcess(steps=2), (4, 3)),
    (SetProcess(steps=3), (5, 2), (5,)),
]
