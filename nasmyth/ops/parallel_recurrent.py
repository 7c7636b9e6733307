"""Nonlinear recurrences solved at all places at once: Newton's method, and a parallel scan for each linear system."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape

OWN = {"gru": 3, "lstm": 5}
"""How many numbers of a unit multiply its own state, by the cell."""


def _known(layer: Any) -> None:
    if isinstance(layer.cell, str) and layer.cell not in OWN:
        raise SpaceError(f"{layer!r}: cell is one of {', '.join(OWN)}{nearest(layer.cell, tuple(OWN))}")
    if type(layer.iterations) is int and layer.iterations < 1:
        raise SpaceError(f"{layer!r}: iterations must be at least 1, got {layer.iterations}; try iterations=10")


@op(
    "b l d -> b l out",
    check=_known,
    weights=lambda layer: {"input.weight": "(3 out) d", "input.bias": "(3 out)", "own": f"{OWN[layer.cell]} out"},
    ordered="l",
    mixes="l d",
)
class ParallelRNN(nn.Module):
    """A gated recurrent layer whose state-to-state matrices are diagonal, computed at all places at once (ParaRNN; Danieli et
    al. 2025, arXiv:2510.21450).

        gru:   z, r = sigmoid(W x + b + a h);  g = tanh(W x + b + a r h);  h' = h + z (g - h)
        lstm:  f = sigmoid(W x + b + a h + p c);  g = tanh(W x + b + a h);  c' = g + f (c - g)
               o = sigmoid(W x + b + a h + p c');  h' = o tanh(c')

    The states s of all places are one system of equations, s_t = F_t(s_t-1). From a guess s, Newton's method solves the
    linear recurrence s'_t = F_t(s_t-1) + J_t (s'_t-1 - s_t-1), where the Jacobian J_t of a unit is a number, or 2 x 2 for
    (c, h), by a scan that doubles its reach: `iterations` of them, log2(l) steps each, where a loop takes l steps. After k
    iterations the first k places are exact. Gradients are those of the last iteration with the J held, which at the
    solution are those of the recurrence; those of second order are not. `step` is the cell, a place at a time.

    How fast that converges is a matter of how a state grows or decays, so the weights a and p are tanh of what is learned, and
    between iterations states are kept within -1 and 1, where those of both cells always lie. Without either, networks that
    were trained to remember took more than 16 iterations, and with both about 6.

    Departures: the number of iterations is fixed, so that an example does not depend on the rest of its batch, and exporters
    see no choice; gradients go through the last iteration, where the paper solves the reversed system by itself.
    """

    def __init__(self, d: int, out: int, cell: str = "gru", iterations: int = 10) -> None:
        super().__init__()
        self.cell, self.iterations = cell, iterations
        self.input = nn.Linear(d, 3 * out)
        self.own = nn.Parameter(torch.empty(3 if cell == "gru" else 5, out).uniform_(-1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        driven = self.input(x).unflatten(2, (3, -1))
        numbers = 1 if self.cell == "gru" else 2
        states = torch.zeros_like(driven[:, :, 0]).unsqueeze(3).expand(-1, -1, -1, numbers)
        with torch.no_grad():
            for _ in range(self.iterations - 1):
                states = self.solved(driven, states).clamp(-1, 1)
        return self.solved(driven, states)[..., -1]

    def solved(self, driven: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """One iteration: the states, b l out s, of the recurrence linearised around these."""
        before = torch.cat((torch.zeros_like(states[:, :1]), states[:, :-1]), 1)
        after, slopes = self.linearised(driven, before)
        shift = after - (slopes * before.unsqueeze(3)).sum(4)
        reach, length = 1, driven.shape[1]
        while reach < length:  # slopes and shift of a place lead there from the state `reach` places before it
            late, early = slopes[:, reach:], slopes[:, :-reach]
            shift = torch.cat((shift[:, :reach], shift[:, reach:] + (late * shift[:, :-reach].unsqueeze(3)).sum(4)), 1)
            slopes = torch.cat((slopes[:, :reach], (late.unsqueeze(5) * early.unsqueeze(3)).sum(4)), 1)
            reach *= 2
        return shift

    def linearised(self, driven: torch.Tensor, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the cell makes of states, ... out s, and its Jacobian there, ... out s s. driven: W x + b, ... 3 out."""
        first, second, third = driven.unbind(-2)
        a, h = torch.tanh(self.own), states[..., -1]
        if self.cell == "gru":
            z, r = torch.sigmoid(first + a[0] * h), torch.sigmoid(second + a[1] * h)
            g = torch.tanh(third + a[2] * r * h)
            with torch.no_grad():
                inner = (1 - g * g) * a[2] * (r + h * r * (1 - r) * a[1])
                slopes = 1 - z + (g - h) * z * (1 - z) * a[0] + z * inner
            return (h + z * (g - h)).unsqueeze(-1), slopes.unsqueeze(-1).unsqueeze(-1)
        c = states[..., 0]
        f, g = torch.sigmoid(first + a[0] * h + a[3] * c), torch.tanh(second + a[1] * h)
        cell = g + f * (c - g)
        o, t = torch.sigmoid(third + a[2] * h + a[4] * cell), torch.tanh(cell)
        with torch.no_grad():
            bend = (c - g) * f * (1 - f)
            by_c, by_h = f + bend * a[3], (1 - f) * (1 - g * g) * a[1] + bend * a[0]
            turn = o * (1 - o) * t
            through = turn * a[4] + o * (1 - t * t)
            slopes = torch.stack((by_c, by_h, through * by_c, through * by_h + turn * a[2]), -1).unflatten(-1, (2, 2))
        return torch.stack((cell, o * t), -1), slopes

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        zeros = self.own.new_zeros(batch, self.own.shape[1])
        return (zeros,) if self.cell == "gru" else (zeros, zeros)

    def step(self, state: tuple[torch.Tensor, ...], x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        after, _ = self.linearised(self.input(x).unflatten(1, (3, -1)), torch.stack(state, -1))
        return after[..., -1], after.unbind(-1)

    def extra_repr(self) -> str:
        return f"{self.cell}, iterations={self.iterations}"


@param_count.register(ParallelRNN)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[1] * (3 * (inputs[0][1] + 1) + OWN[layer.cell])


@mac_count.register(ParallelRNN)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The products with the inputs. Iterations scale states elementwise, which counts nothing."""
    return 3 * output[0] * output[1] * inputs[0][1]


@state_count.register(ParallelRNN)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[1] * (1 if layer.cell == "gru" else 2)


@fan_ins.register(ParallelRNN)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """What a gate sums: the input and its unit's own state."""
    return (float(inputs[0][1] + 1),)


EXAMPLES = [  # so many iterations are exact for as many places, and exporters write down each of them
    (ParallelRNN(4, iterations=3), (3, 3)),
    (ParallelRNN(2, cell="lstm", iterations=3), (3, 3)),
]
