"""Recurrent layers that are convex in their input and change by no more than a bound: for optimisation through a network.

chain(ConvexRNN(16), ConvexRNN(16, monotone=True), ConvexLinear(1))        # convex in the whole sequence, 1-Lipschitz
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape
from nasmyth.units import is_number


def _bounded(layer: Any) -> None:
    if is_number(layer.lipschitz) and not layer.lipschitz > 0:
        raise SpaceError(f"{layer!r}: lipschitz bounds how much the output may change, above 0; try lipschitz=1.0")
    memory = getattr(layer, "memory", 0.0)
    if is_number(memory) and not 0 <= memory < 1:
        raise SpaceError(f"{layer!r}: memory is what is left of a state at the next place, at most, from 0 to below 1; "
                         "try memory=0.9")  # fmt: skip


@op(
    "b l d -> b l out",
    check=_bounded,
    weights={"input": "out d", "state": "out out", "bias": "out"},
    ordered="l",
    mixes="l d",
)
class ConvexRNN(nn.Module):
    """A recurrent layer that is convex in its input, and `lipschitz`-Lipschitz from whole sequences to whole sequences, however
    long (after ICLRNN; Wang et al. 2024, arXiv:2401.07494).

        h_t = relu(W x_t + U h_t-1 + b),  U >= 0,  |U| <= memory,  |W| <= lipschitz (1 - memory)

    A nondecreasing convex function of what is convex is convex, so U has no negative weights; nor has W where what comes in
    is itself convex in something: `monotone`, which layers behind the first need. W of the first may have any sign, which
    is what the paper's doubled input (x, -x) amounts to. The bounds of W and U give that of the sequence by Young's
    inequality: memory^k summed over all k is 1 / (1 - memory).

    Departures: weights are scaled in each pass by a bound of their spectral norm that always holds (Schur's test, at vectors
    found by power iteration: tight where no weight is negative), where a running estimate may be too low; and whole
    sequences are bounded, where the paper bounds a step. The loop over places is unavoidable: each state needs the last.
    """

    def __init__(self, d: int, out: int, monotone: bool = False, lipschitz: float = 1.0, memory: float = 0.9) -> None:
        super().__init__()
        self.monotone, self.lipschitz, self.memory = monotone, lipschitz, memory
        self.input = nn.Parameter(torch.randn(out, d) / d**0.5)
        self.state = nn.Parameter(torch.rand(out, out) * 2 / out)
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w, u = self.weights()
        driven, h, states = F.linear(x, w, self.bias), x.new_zeros(x.shape[0], len(self.bias)), []
        for place in driven.unbind(1):
            h = torch.relu(place + F.linear(h, u))
            states.append(h)
        return torch.stack(states, 1)

    def weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """W and U as they are used."""
        w = self.input.abs() if self.monotone else self.input
        return self.within(w, self.lipschitz * (1 - self.memory)), self.within(self.state.abs(), self.memory)

    @staticmethod
    def within(weight: torch.Tensor, bound: float) -> torch.Tensor:
        """A matrix scaled down to a spectral norm of at most `bound`: for all p, q > 0 that is at most the root of
        max(|A| p / q) max(|A|' q / p)."""
        size = weight.abs() + 1e-12
        p = torch.ones_like(size[0])
        for _ in range(4):
            q = (size * p).sum(1)
            p = (size * q.unsqueeze(1)).sum(0)
            p = p / p.amax(0)
        q = (size * p).sum(1)
        norm = ((size * q.unsqueeze(1)).sum(0) / p).amax(0).sqrt()
        return weight * (bound / torch.clamp(norm, min=bound))

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        return (self.bias.new_zeros(batch, len(self.bias)),)

    def step(self, state: tuple[torch.Tensor, ...], x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        w, u = self.weights()
        h = torch.relu(F.linear(x, w, self.bias) + F.linear(state[0], u))
        return h, (h,)


@op("b ... d -> b ... out", check=_bounded, weights={"weight": "out d", "bias": "out"}, mixes="d")
class ConvexLinear(nn.Module):
    """A linear layer over the last axis without negative weights, and `lipschitz`-Lipschitz: what is convex stays it (Amos
    2017, arXiv:1609.07152). Its weights are bounded as those of `ConvexRNN`."""

    def __init__(self, d: int, out: int, lipschitz: float = 1.0) -> None:
        super().__init__()
        self.lipschitz = lipschitz
        self.weight = nn.Parameter(torch.rand(out, d) * 2 / d)
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight.abs()
        size = weight + 1e-12
        p = torch.ones_like(size[0])
        for _ in range(4):
            q = (size * p).sum(1)
            p = (size * q.unsqueeze(1)).sum(0)
            p = p / p.amax(0)
        q = (size * p).sum(1)
        norm = ((size * q.unsqueeze(1)).sum(0) / p).amax(0).sqrt()
        return F.linear(x, weight * (self.lipschitz / torch.clamp(norm, min=self.lipschitz)), self.bias)


@param_count.register(ConvexRNN)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    out = output[1]
    return out * (inputs[0][1] + out + 1)


@mac_count.register(ConvexRNN)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Both products at each place. The bounds are of weights alone, elementwise, and count nothing."""
    length, out = output
    return length * out * (inputs[0][1] + out)


@state_count.register(ConvexRNN)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[1]


@fan_ins.register(ConvexRNN)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    return (float(inputs[0][1] + output[1]),)


@param_count.register(ConvexLinear)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[-1] * (inputs[0][-1] + 1)


@mac_count.register(ConvexLinear)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    total = inputs[0][-1]
    for length in output:
        total *= length
    return total


EXAMPLES = [
    (ConvexRNN(4), (5, 3)),
    (ConvexRNN(3, monotone=True, lipschitz=20.0, memory=0.5), (4, 3)),
    (ConvexLinear(2), (5, 3)),
]
