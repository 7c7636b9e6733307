"""Scores from the gradient of the loss at first weights, as Abdelfattah et al. (2021, arXiv:2101.08134) take them over from
pruning. All read the same backward pass (`passes.py`); sums are over the matrices of layers (convolutions, linear layers).

    grad_norm    sum over layers of |g|                  the norm of each layer's gradient
    snip         sum of |g w|                            Lee et al. 2019, arXiv:1810.02340, equation 3, not normalised
    plain        sum of g w
    fisher       sum of (sum over positions of y dL/dy)^2 / 2, mean over examples      Turner et al. 2020, arXiv:1906.04113
    l2_norm      sum over layers of |w|                  needs no data

Departures: published figures are of other batches (NAS-Bench-Suite-Zero: 64 images, arXiv:2210.03230) and other first
weights. They rank the same 1,000 cells of NAS-Bench-201 as these do (Spearman's rho 0.97 grad_norm, 0.98 snip, 0.94 l2_norm,
0.90 fisher; benchmarks/scores.txt), but for `plain` (0.17), whose terms have both signs, so that it is mostly a matter of the
draw of weights and batch. With these first weights, which are larger, `fisher` ranks worse (tau 0.26, published 0.38).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from nasmyth.measure.measure import measure
from nasmyth.measure.scores.passes import WEIGHTED, Backward, Forward


def matrices(network: nn.Module) -> Iterator[str]:
    """The names of the weights of convolutions and linear layers."""
    for name, module in network.named_modules():
        if isinstance(module, WEIGHTED):
            yield f"{name}.weight" if name else "weight"


def pairs(forward: Forward, backward: Backward) -> Iterator[tuple[Tensor, Tensor]]:
    """The weight of each layer and its gradient."""
    for name in matrices(forward.network):
        if name in forward.weights:
            yield forward.weights[name].detach(), backward.weights[name]


@measure(unit="", direction="max", needs=("forward", "backward"))
def grad_norm(forward: Any, backward: Any) -> float:
    """Sum over layers of the norm of the gradient of the loss at first weights (Abdelfattah et al. 2021)."""
    return sum(float(gradient.norm()) for _, gradient in pairs(forward, backward))


@measure(unit="", direction="max", needs=("forward", "backward"))
def snip(forward: Any, backward: Any) -> float:
    """Sum of |gradient x weight| at first weights (Lee et al. 2019, arXiv:1810.02340)."""
    return sum(float((gradient * weight).abs().sum()) for weight, gradient in pairs(forward, backward))


@measure(unit="", direction="max", needs=("forward", "backward"))
def plain(forward: Any, backward: Any) -> float:
    """Sum of gradient x weight at first weights (Abdelfattah et al. 2021); it ranks badly, and is there to say so."""
    return sum(float((gradient * weight).sum()) for weight, gradient in pairs(forward, backward))


@measure(unit="", direction="max", needs=("forward", "backward"))
def fisher(forward: Any, backward: Any) -> float:
    """How much the loss would change without each channel: sum of (sum of y dL/dy)^2 / 2 (Turner et al. 2020)."""
    total = 0.0
    for call, gradient in zip(forward.layers, backward.layers, strict=True):
        effect = call.y.detach() * gradient
        effect = effect.movedim(-1, 1) if isinstance(call.module, nn.Linear) else effect
        total += float(effect.reshape(*effect.shape[:2], -1).sum(2).square().mean(0).sum() / 2)
    return total


@measure(unit="", direction="max", needs=("network",))
def l2_norm(network: Any) -> float:
    """Sum over layers of the norm of their first weights (Abdelfattah et al. 2021)."""
    weights = dict(network.named_parameters())
    return sum(float(weights[name].detach().norm()) for name in matrices(network) if name in weights)
