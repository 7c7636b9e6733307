"""Control through a learned model of a reactor: where the model is convex, all starts of the optimiser end at one cost.

A stirred tank reactor with an exothermic reaction (Uppal, Ray and Poore 1974: Da = 0.072, B = 8, beta = 0.3, no limit to
activation) is steered by its jacket, three times u in [-1, 1], at 12 steps of 0.5 from one state. Its cost is the mean squared
distance of its temperature from 2, and 0.05 times that of u from 0. Two models learn the first part from 200 sequences of
which the cost was measured with noise of 0.3 standard deviations, in 400 steps of batches of 64: `ConvexRNN` twice and
`ConvexLinear` (ICLRNN; Wang et al. 2024, arXiv:2401.07494), and an LSTM with a linear layer. With each, u is found by 300
steps of projected gradient (Adam) from 20 random starts.

Told are the error of the model on 1,000 other sequences, in standard deviations; the range of the cost by the model over the 20
ends; the mean and the range of the reactor's cost there; and of the convex model, how many of 10,000 random pairs of
sequences break midpoint convexity or the Lipschitz bound by more than float64 rounds.

Target: no violation; one cost from 20 starts with the convex model, and several with the LSTM.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth import Graph, chain
from nasmyth.network import build
from nasmyth.ops import LSTM, ConvexLinear, ConvexRNN, Linear, Mean
from operators_of import spread

LENGTH, SEEN, STARTS, BOUND = 12, 200, 20, 40.0
CONVEX = chain(ConvexRNN(32, lipschitz=BOUND), ConvexRNN(32, monotone=True), Mean("l"), ConvexLinear(1))
RECURRENT = chain(LSTM(32), Mean("l"), Linear(1))


def table(seeds: range) -> Iterator[str]:
    yield f"{'':<12}{'model error':>18}{'range, model':>20}{'mean, reactor':>20}{'range, reactor':>20}"
    for name, template in (("convex", CONVEX), ("LSTM", RECURRENT)):
        rows = [_controlled(template, seed) for seed in seeds]
        columns = [spread(list(column), 4) for column in zip(*[row[:4] for row in rows], strict=True)]
        yield f"{name:<12}{columns[0]:>18}{columns[1]:>20}{columns[2]:>20}{columns[3]:>20}"
        if template is CONVEX:
            yield f"    violations in 10,000 pairs, by seed: convexity {[r[4] for r in rows]}, bound {[r[5] for r in rows]}"


def _controlled(template: Any, seed: int) -> tuple[float, float, float, float, int, int]:
    generator = torch.Generator().manual_seed(seed)
    u = _random(SEEN + 1000, generator)
    cost = _cost(u)
    mean, std = cost[:SEEN].mean(), cost[:SEEN].std()
    model = build(Graph.of(template, input=(LENGTH, 1)), seed=seed)
    measured = (cost[:SEEN] - mean) / std + 0.3 * torch.randn(SEEN, generator=generator)
    _train(model, u[:SEEN], measured, generator)
    with torch.no_grad():
        error = float((model(u[SEEN:])[:, 0] - (cost[SEEN:] - mean) / std).square().mean().sqrt())
    found = _optimised(model, float(std), _random(STARTS, generator))
    with torch.no_grad():
        predicted, real = model(found)[:, 0] * std + mean + _effort(found), _cost(found) + _effort(found)
    broken = _violations(model.double(), generator) if template is CONVEX else (0, 0)
    return error, _range(predicted), float(real.mean()), _range(real), *broken


def _random(count: int, generator: torch.Generator) -> Tensor:
    """Sequences of inputs, N l 1: steps of a level each, and some noise."""
    level = 2 * torch.rand(count, LENGTH // 3, 1, generator=generator) - 1
    noise = 0.3 * torch.randn(count, LENGTH, 1, generator=generator)
    return (level.repeat_interleave(3, 1) + noise).clamp(-1, 1)


def _cost(u: Tensor) -> Tensor:
    """What the reactor's temperature costs by inputs, N l 1, by Euler's method."""
    conversion, heat = torch.full((len(u),), 0.2), torch.full((len(u),), 0.5)
    total = torch.zeros(len(u))
    for now in u[..., 0].unbind(1):
        for _ in range(20):
            rate = 0.072 * (1 - conversion) * heat.clamp(max=12).exp()
            conversion = conversion + 0.025 * (rate - conversion)
            heat = heat + 0.025 * (8 * rate - heat + 0.3 * (3 * now - heat))
        total = total + (heat - 2).square()
    return total / LENGTH


def _effort(u: Tensor) -> Tensor:
    return 0.05 * u.square().mean((1, 2))


def _train(model: nn.Module, u: Tensor, y: Tensor, generator: torch.Generator) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, 400)
    for _ in range(400):
        rows = torch.randint(len(u), (64,), generator=generator)
        loss = F.mse_loss(model(u[rows])[:, 0], y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _optimised(model: nn.Module, std: float, u: Tensor) -> Tensor:
    u = u.clone().requires_grad_()
    optimizer = torch.optim.Adam([u], 0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 300)
    for _ in range(300):
        optimizer.zero_grad()
        (std * model(u)[:, 0] + _effort(u)).sum().backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            u.clamp_(-1, 1)
    return u.detach()


@torch.no_grad()
def _violations(model: nn.Module, generator: torch.Generator) -> tuple[int, int]:
    x, y = (2 * torch.randn(10_000, LENGTH, 1, generator=generator, dtype=torch.float64) for _ in range(2))
    at_x, at_y, between = model(x)[:, 0], model(y)[:, 0], model((x + y) / 2)[:, 0]
    slack = 1e-12 * (1 + at_x.abs() + at_y.abs())
    moved, by = (at_x - at_y).abs(), (x - y).flatten(1).norm(dim=1)
    return int((between > (at_x + at_y) / 2 + slack).sum()), int((moved > BOUND * by + slack).sum())


def _range(values: Tensor) -> float:
    return float(values.max() - values.min())
