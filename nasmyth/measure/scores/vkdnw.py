"""VKDNW: how evenly a network's parameters are known from data, by the Fisher information of one weight a layer
(Tybl and Neumann 2025, arXiv:2502.04975).

    F = mean over examples x and classes y ~ p(y|x) of  g g',    g the gradient of log p(y|x) by the chosen weights
    entropy of the 9 inner deciles of the eigenvalues of F, as shares of their sum,  + the number of layers with weights

No labels. The paper sums over all classes; here R random directions of the outputs stand for them, which has the same mean:
with p the softmax, the covariance of the one-hot answer is the square of a matrix that random signs are multiplied by.
The number of layers outweighs the entropy, which lies below log 9; so networks of one depth are told apart by the entropy.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.measure.scores.layer_gradients import by_one_weight, told
from nasmyth.measure.scores.passes import Forward, refuse_one

DIRECTIONS = 3


@measure(unit="", direction="max", needs=("forward", "seed"))
def vkdnw(forward: Any, seed: int) -> float:
    """Layers with weights, and how even the eigenvalues of their Fisher information are (VKDNW, arXiv:2502.04975)."""
    refuse_one(forward, "vkdnw")
    return len(told(forward)) + spread(eigenvalues(forward, seed))


def eigenvalues(forward: Forward, seed: int) -> Tensor:
    """Of the Fisher information of one random weight of each layer, the least first."""
    calls = told(forward)
    if not calls:
        raise CandidateError("vkdnw looks at convolutions and linear layers, and this network has none: leave it out")
    generator = torch.Generator().manual_seed(seed)
    places = [int(torch.randint(call.module.weight.numel(), (), generator=generator)) for call in calls]  # type: ignore[operator]
    output = forward.output.flatten(0, -2)
    chance = output.detach().softmax(-1)
    rows = []
    for _ in range(DIRECTIONS):
        signs = (torch.randint(0, 2, chance.shape, generator=generator) * 2.0 - 1.0).to(chance.device)
        root = chance.sqrt() * signs
        toward = root - chance * root.sum(
            -1, keepdim=True
        )  # covariance of toward: diag(p) - p p' up to the sums of sqrt(p)
        found = torch.autograd.grad(output, [call.y for call in calls], toward, retain_graph=True, allow_unused=True,
                                    materialize_grads=True)  # fmt: skip
        rows.append(torch.stack([by_one_weight(c, g, p) for c, g, p in zip(calls, found, places, strict=True)], 1))
    each = torch.cat(rows).double()
    return torch.linalg.eigvalsh(each.mT @ each / len(each))


def spread(values: Tensor) -> float:
    """The entropy of the inner deciles, as shares of their sum."""
    deciles = torch.quantile(values.clamp_min(0), torch.linspace(0.1, 0.9, 9, dtype=values.dtype))
    shares = deciles / deciles.sum().clamp_min(1e-300)
    return float(-torch.xlogy(shares, shares).sum())
