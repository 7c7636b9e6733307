"""Zen-score: how much the features move with the input, whatever the norms take away (Lin et al. 2021, arXiv:2102.01063).

    log E |f(x) - f(x + 0.01 e)|  +  sum over batch norms of log( mean over channels of variance )^(1/2)

x and e are normal, f the features before they are pooled: the last value with places of its own. Algorithm 1 of the paper,
with its weights drawn from the standard normal distribution. No data. It is meant for networks of convolutions and batch
norms; of others only the first term is there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.measure.scores.gradients import matrices
from nasmyth.measure.scores.passes import normalising

STEP, EXAMPLES = 0.01, 16


@measure(unit="", direction="max", needs=("network", "seed"))
def zen(network: Any, seed: int) -> float:
    """How much features move with the input, and what norms divide by (Zen-score, Lin et al. 2021, arXiv:2102.01063)."""
    if any(entry.dtype != "float" for entry in network.graph.inputs):
        raise CandidateError(
            "zen moves the input a little, which whole numbers such as tokens do not allow: leave it out"
        )
    generator = torch.Generator().manual_seed(seed)
    weights = {name: one.detach() for name, one in network.named_parameters()}
    drawn = {
        name: torch.randn(weights[name].shape, generator=generator) for name in matrices(network) if name in weights
    }
    device = next(iter(weights.values())).device if weights else torch.device("cpu")
    tensors = {**weights, **{name: one.to(device) for name, one in drawn.items()}}
    x = [torch.randn((EXAMPLES, *entry.shape), generator=generator) for entry in network.graph.inputs]
    moved = [one + STEP * torch.randn(one.shape, generator=generator) for one in x]
    features, scales = features_of(network, tensors, [_placed(one, device) for one in x])
    others, _ = features_of(network, tensors, [_placed(one, device) for one in moved])
    moving = (features - others).flatten(1).abs().sum(1).mean()
    return float(moving.log()) + sum(scales)


def _placed(x: Tensor, device: Any) -> Tensor:
    """On the device, images with their channels last in memory, as prepared batches have them: faster by half."""
    return x.to(device).contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.contiguous_format)


def features_of(network: Any, weights: dict[str, Tensor], x: list[Tensor]) -> tuple[Tensor, list[float]]:
    """The last value with places, and log of the deviation that each batch norm divides by."""
    buffers = {name: one.clone() for name, one in network.named_buffers()}
    scales: list[float] = []
    seen: list[Tensor] = []

    def scale(module: nn.Module, given: Any, value: Tensor) -> None:
        channels = given[0].movedim(1, 0).flatten(1)
        scales.append(0.5 * float(channels.var(1, unbiased=False).mean().clamp_min(1e-30).log()))

    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    last = last_with_places(network)
    hooks = [module.register_forward_hook(scale) for module in norms]
    hooks.append(last.register_forward_hook(lambda module, given, value: seen.append(value)))
    try:
        with normalising(network), torch.no_grad():
            torch.func.functional_call(network, {**weights, **buffers}, tuple(x))
    finally:
        for hook in hooks:
            hook.remove()
    return seen[-1], scales


def last_with_places(network: Any) -> nn.Module:
    """The module of the last node whose value has more than one axis; the last one where there is none."""
    nodes = [node for node in network.graph.nodes if node.inputs]
    found = next((node for node in reversed(nodes) if len(node.shape) > 1), nodes[-1])
    module: nn.Module = network.layer(found.address)
    return module
