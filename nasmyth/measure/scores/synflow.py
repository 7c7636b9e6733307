"""SynFlow: what flows through the network by its weights alone (Tanaka et al. 2020, arXiv:2006.05467, equation 2).

    R = sum of the outputs for an input of ones, with |w| for each weight;    score = log of the sum of w dR/dw

No data and no labels. Batch norms are taken as in evaluation, where at first they do next to nothing; biases and scales
count as weights do. In float64: R grows by a factor with each layer, and float32 ends near 1e38. The logarithm, which leaves
ranks as they are, keeps the number readable. One example is enough, since all are the same.

Departure: Abdelfattah et al. (2021, arXiv:2101.08134) leave batch norms away. With the statistics of a new network they
divide by sqrt(1 + eps), which is the same to five digits. Norms within an example (layer, group, root mean square), which would
make what flows sum to nothing, are left away here, their scales included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.network.pipeline import device_of, evaluating

WITHIN = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@measure(unit="", direction="max", needs=("network",))
def synflow(network: Any) -> float:
    """Logarithm of the flow through all weights, for an input of ones (Tanaka et al. 2020, arXiv:2006.05467)."""
    weights = {name: one.detach().abs().double().requires_grad_() for name, one in network.named_parameters()}
    buffers = {name: one.double() if one.is_floating_point() else one.clone() for name, one in network.named_buffers()}
    with evaluating(network), without_norms(network), torch.enable_grad():
        flow = torch.func.functional_call(network, {**weights, **buffers}, ones(network)).sum()
        if flow.grad_fn is None:
            raise CandidateError("synflow follows weights, and this network has none that reach its output")
        given = list(weights.values())
        found = torch.autograd.grad(flow, given, allow_unused=True, materialize_grads=True)
    total = sum(float((one.detach() * slope).sum()) for one, slope in zip(given, found, strict=True))
    return math.log(total) if total > 0 else -math.inf


@contextmanager
def without_norms(network: nn.Module) -> Iterator[None]:
    """Inside, norms within an example give what they take."""
    norms = [module for module in network.modules() if isinstance(module, WITHIN)]
    hooks = [module.register_forward_hook(lambda norm, given, made: given[0]) for module in norms]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def ones(network: Any) -> tuple[torch.Tensor, ...]:
    """An example of ones; of whole numbers, such as tokens and edges, zeros."""
    device = device_of(network)
    return tuple(
        torch.ones((1, *entry.shape), dtype=torch.float64, device=device)
        if entry.dtype == "float"
        else torch.zeros((1, *entry.shape), dtype=torch.int64 if entry.dtype == "int" else torch.bool, device=device)
        for entry in network.graph.inputs
    )
