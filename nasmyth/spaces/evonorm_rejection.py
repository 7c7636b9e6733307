"""Which layers of the EvoNorm space are worth training in full: the paper's tests, cheapest first (section 3.3).

* *Reading*: the layer is computed from its input at all. (Ours; many random formulas are constants.)
* *Quality*: the network, trained for 100 steps, is better than chance by a factor of two (20 % of ten classes).
* *Stability*: then its convolutions are trained, with gradient ascent, to make the gradient of the loss by them large; the
  norm must stay finite and below 10^8.

    genome, network = promising(evonorm(), build, x, y, seed=1)      # draws until a layer passes
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.errors import CandidateError
from nasmyth.space import Genome, Space
from nasmyth.spaces.evonorm import GIVEN

STEPS, BATCH, LR = 100, 64, 0.05
BETTER = 2.0
"""Times as good as chance that a network must be after so many steps."""
ATTACKS, REACH, MOST = 100, 0.1, 1e8


def promising(
    space: Space,
    build: Callable[[Any], nn.Module],
    x: Tensor,
    y: Tensor,
    seed: int = 0,
    tries: int = 1000,
    steps: int = STEPS,
    attacks: int = ATTACKS,
) -> tuple[Genome, nn.Module]:
    """The first genome drawn whose layer is not rejected, and its network as the tests have left it.

    build: makes a network of a graph, such as `nasmyth.build`. x, y: examples and their classes, to train on.
    Raises CandidateError if none of so many draws passes.
    """
    rng = Random(seed)
    reasons: dict[str, int] = {}
    for _ in range(tries):
        genome = space.sample(rng)
        if reads_input(genome):
            network = build(space.decode(genome))
            reason = rejected(network, x, y, rng.randrange(2**31), steps, attacks)
            if reason is None:
                return genome, network
        else:
            reason = "constant"
        reasons[reason] = reasons.get(reason, 0) + 1
    raise CandidateError(f"none of {tries} layers drawn passes the tests of the paper: {reasons}")


def reads_input(genome: Genome) -> bool:
    """Whether the last node of a layer is computed from x. What is not gives the same for every image."""
    reads, j = {0}, len(GIVEN)
    while f"{j}" in genome:
        if any(genome[f"{j}{side}"] in reads for side in "ab"[: 1 + genome[f"{j}"]]):
            reads.add(j)
        j += 1
    return j - 1 in reads


def rejected(
    network: nn.Module, x: Tensor, y: Tensor, seed: int = 0, steps: int = STEPS, attacks: int = ATTACKS
) -> str | None:
    """Why a network is not worth training in full, or None: "diverged", "chance" or "unstable". Changes its weights."""
    draw = torch.Generator().manual_seed(seed)
    batches = [torch.randint(len(x), (min(BATCH, len(x)),), generator=draw) for _ in range(steps)]
    if not _trained(network, x, y, batches):
        return "diverged"
    if not good_enough(_accuracy(network, x, y), int(y.max()) + 1):
        return "chance"
    return None if stable(attacked(network, x[batches[0]], y[batches[0]], attacks)) else "unstable"


def good_enough(accuracy: float, classes: int) -> bool:
    """Whether a network that was trained for 100 steps is better than chance by the factor BETTER."""
    return math.isfinite(accuracy) and accuracy >= BETTER / classes


def stable(gradient_norm: float) -> bool:
    """Whether the largest gradient that was found is finite and at most MOST."""
    return math.isfinite(gradient_norm) and gradient_norm <= MOST


def _trained(network: nn.Module, x: Tensor, y: Tensor, batches: list[Tensor]) -> bool:
    """Train on the batches; whether the loss stayed finite."""
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=LR, momentum=0.9)
    for rows in batches:
        loss = F.cross_entropy(network(x[rows]), y[rows])
        if not loss.isfinite():
            return False
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return True


@torch.no_grad()
def _accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    network.eval()
    return float((network(x).argmax(1) == y).float().mean())


def attacked(network: nn.Module, x: Tensor, y: Tensor, steps: int = ATTACKS) -> float:
    """The largest norm of the gradient of the loss by the weights of convolutions that ascent on these weights finds.

    The weights of each layer are moved by at most REACH of their own norm a step, as only directions tell.
    """
    network.train()
    weights = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    largest = 0.0
    for _ in range(steps):
        loss = F.cross_entropy(network(x), y)
        gradients = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
        squares = [g.square().sum() for g in gradients if g is not None]
        if not squares:
            return largest
        norm = torch.stack(squares).sum().sqrt()
        found = float(norm.detach())
        if not math.isfinite(found) or found > MOST:
            return found
        largest = max(largest, found)
        if not norm.requires_grad:
            return largest
        ascent = torch.autograd.grad(norm, weights, allow_unused=True)
        with torch.no_grad():
            for weight, step in zip(weights, ascent, strict=True):
                if step is not None and bool(step.isfinite().all()) and float(step.norm()) > 0:
                    weight += step * (REACH * weight.norm() / step.norm())
    return largest
