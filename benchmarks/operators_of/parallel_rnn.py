"""Nonlinear recurrences solved at all places at once by Newton's method: how near they are to the loop, how deep, how fast.

`ParallelRNN` (ParaRNN; Danieli et al. 2025, arXiv:2510.21450) with GRU and LSTM cells of 16 units, on 4 sequences of 512
places of 8 numbers, float32. Each is looked at with its initial weights, and after 60 steps of training on a task with
memory (the running sum of inputs that a second input marks, squashed). The baseline is the same cell in a loop.

Told are the largest differences of outputs and, relative to the largest of each parameter, of gradients, by the number of
iterations (the worst of all seeds); from which iteration on both are within 1e-5, for each seed; the longest chain of
dependent operations in a forward and backward pass; and the milliseconds of the processor that such a pass takes on one core.

Target: outputs and gradients within 1e-5 in at most 10 iterations; depth that grows with the logarithm of the length.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.ops import ParallelRNN
from nasmyth.ops.found.counted import count_depth

LENGTH, UNITS, MOST = 512, 16, 10


def table(seeds: range) -> Iterator[str]:
    yield "largest difference from the loop by Newton iterations (outputs / gradients), worst of all seeds"
    for cell in ("gru", "lstm"):
        for trained in (False, True):
            found = [_differences(cell, trained, seed) for seed in seeds]
            worst = [[max(one[k][i] for one in found) for i in range(2)] for k in range(MOST)]
            shown = ", ".join(f"{k + 1}: {worst[k][0]:.0e} / {worst[k][1]:.0e}" for k in (1, 2, 3, 4, 5, 7, 9))
            yield f"  {cell:<5}{'trained' if trained else 'initial':<9}{shown}"
            yield f"    within 1e-5 from iteration {', '.join(map(_enough, found))} (by seed)"
    yield "\nlongest chain of dependent operations, forward and backward, 10 iterations"
    for cell in ("gru", "lstm"):
        parts = []
        for length in (32, 64, 128, 256):
            module, x = _made(cell, 0, length)
            at_once, loop = (_depth(run, x) for run in (module, _loop(module)))
            parts.append(f"l={length}: {at_once} at once, {loop} in a loop")
        yield f"  {cell:<5}{'; '.join(parts)}"
    yield "\nmilliseconds of a forward and backward pass on one core, l=512, 10 iterations (of the processor; median of 5)"
    for cell in ("gru", "lstm"):
        module, x = _made(cell, 0)
        yield f"  {cell:<5}{_time(module, x):.0f} at once, {_time(_loop(module), x):.0f} in a loop"


def _made(cell: str, seed: int, length: int = LENGTH, iterations: int = 10) -> tuple[Any, Tensor]:
    torch.manual_seed(seed)
    module = ParallelRNN(UNITS, cell, iterations).build((length, 8))
    return module, torch.randn(4, length, 8)


def _loop(module: Any) -> Any:
    def run(x: Tensor) -> Tensor:
        state, found = module.initial_state(len(x)), []
        for place in x.unbind(1):
            h, state = module.step(state, place)
            found.append(h)
        return torch.stack(found, 1)

    return run


def _differences(cell: str, trained: bool, seed: int) -> list[tuple[float, float]]:
    """Of outputs and of gradients, after 1, 2, ... iterations."""
    module, x = _made(cell, seed)
    if trained:
        _train(module)
    weights = torch.randn(4, LENGTH, UNITS)
    wanted = _loop(module)(x)
    gradients = torch.autograd.grad((wanted * weights).mean(), list(module.parameters()))
    found = []
    for iterations in range(1, MOST + 1):
        module.iterations = iterations
        got = module(x)
        ours = torch.autograd.grad((got * weights).mean(), list(module.parameters()))
        off = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, gradients, strict=True)]
        found.append((float((got - wanted).detach().abs().max()), max(off)))
    return found


def _enough(differences: list[tuple[float, float]]) -> str:
    """The iteration from which on all differences are small."""
    far = [k for k, both in enumerate(differences, 1) if max(both) > 1e-5]
    return str(far[-1] + 1) if far[-1:] != [MOST] else f"above {MOST}"


def _train(module: Any) -> None:
    head = nn.Linear(UNITS, 1)
    optimizer = torch.optim.Adam([*module.parameters(), *head.parameters()], 0.02)
    for _ in range(60):
        x = torch.randn(16, 64, 8)
        target = torch.tanh(0.3 * (x[..., 0] * (x[..., 1] > 0.5)).cumsum(1))
        loss = F.mse_loss(head(module(x))[..., 0], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _depth(run: Any, x: Tensor) -> int:
    return count_depth(lambda: run(x).sum().backward())


def _time(run: Any, x: Tensor) -> float:
    taken = []
    for _ in range(5):
        start = time.process_time()
        run(x).sum().backward()
        taken.append(1000 * (time.process_time() - start))
    return statistics.median(taken)
