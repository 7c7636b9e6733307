"""Trainability, expressivity and generalisation from theory (TEG-NAS, Chen et al. 2021, arXiv:2108.11939).

With K the neural tangent kernel of the examples, K_ij = <g_i, g_j>, g_i the gradient of the sum of the outputs of example i
by all weights of layers:

    ntk_condition     largest over least eigenvalue of K      how unevenly gradient descent learns       (section 3.1.1)
    linear_regions    on a line between examples, how many regions with other active units it crosses     (section 3.1.2)
    ntk_error         error in predicting some examples from the others by kernel regression with K      (section 3.1.3)

K is told layer by layer by what layers took and what is differentiated by what they gave, so it takes one backward pass.
Departures: gradients of batch norms' scales and of biases are left out; batch norms couple examples a little, which the
paper's code has as well. Regions are counted as the sign changes of units between STEPS neighbouring points on the line
(Hanin and Rolnick 2019, arXiv:1901.09021), where the paper counts different patterns among inputs of 3x3 pixels; neither
shape nor width of the network have to be changed for that.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.errors import CandidateError
from nasmyth.measure.made import PASSES
from nasmyth.measure.measure import measure
from nasmyth.measure.needs import need
from nasmyth.measure.scores.layer_gradients import by_example, told
from nasmyth.measure.scores.passes import Forward, first, gates_of, refuse_one, run

STEPS, LINES = 16, 2
RIDGE = 1e-3
"""Of the mean of the diagonal, added to it in the regression."""


@need(takes=("forward",), price=PASSES)
def ntk(forward: Forward) -> Tensor:
    """The neural tangent kernel of the examples: N N, in float64, on the CPU."""
    calls = told(forward)
    if not calls:
        raise CandidateError("the tangent kernel is that of convolutions and linear layers, and this network has none")
    found = torch.autograd.grad(
        forward.output.sum(), [call.y for call in calls], retain_graph=True, allow_unused=True, materialize_grads=True
    )
    rows = len(forward.inputs[0])
    total = torch.zeros(rows, rows, dtype=torch.float64)
    for call, gradient in zip(calls, found, strict=True):
        each = by_example(call, gradient)
        total += (each @ each.mT).double().cpu()
    return total


@measure(unit="", direction="min", needs=("forward", "ntk"))
def ntk_condition(forward: Any, ntk: Any) -> float:
    """Condition number of the neural tangent kernel of the examples (Chen et al. 2021, arXiv:2102.11535, equation 3)."""
    refuse_one(forward, "ntk_condition")
    values = torch.linalg.eigvalsh(ntk)
    return float(values[-1] / values[0]) if values[0] > 0 else math.inf


@measure(unit="", direction="min", needs=("forward", "ntk", "labels", "task"))
def ntk_error(forward: Any, ntk: Any, labels: Any, task: Any) -> float:
    """Mean squared error of kernel regression by the tangent kernel, one half of the examples from the other (TEG-NAS)."""
    refuse_one(forward, "ntk_error")
    rows = len(ntk)
    told = first(labels, rows)
    if isinstance(told, dict) or (task.classes and told.ndim > 1):
        raise CandidateError(
            "ntk_error is told of one answer for each example, and this task has several: leave it out"
        )
    y = nn.functional.one_hot(told, len(task.classes)).double() if task.classes else told.double().reshape(rows, -1)
    y = (y.flatten(1) - y.flatten(1).mean(0)).cpu()
    half = rows // 2
    kernel = ntk + RIDGE * ntk.diagonal().mean() * torch.eye(rows, dtype=ntk.dtype)
    weights = torch.linalg.solve(kernel[:half, :half], y[:half])
    return float((ntk[half:, :half] @ weights - y[half:]).square().mean())


@measure(unit="", direction="max", needs=("network", "batch"))
def linear_regions(network: Any, batch: Any) -> float:
    """Regions of linearity that a line from one example to another crosses (Hanin and Rolnick 2019; TEG-NAS)."""
    entries = batch if isinstance(batch, tuple) else (batch,)
    if not all(x.is_floating_point() for x in entries):
        raise CandidateError(
            "linear_regions walks from one input to another, which whole numbers do not allow: leave it out"
        )
    lines = min(LINES, len(entries[0]) // 2)
    if not lines:
        raise CandidateError("linear_regions walks from one example to another, and the batch has one")
    crossed = 0
    share = torch.linspace(0, 1, STEPS)
    with torch.no_grad():
        for i in range(lines):
            points = tuple(
                torch.lerp(x[2 * i], x[2 * i + 1], share.to(x.device).view(-1, *[1] * (x.ndim - 1))) for x in entries
            )
            for one in gates_of(run(network, points), "linear_regions"):
                on = one > 0
                crossed += int((on[1:] != on[:-1]).sum())
    return crossed / lines + 1
