"""First weights.

Convolutions: He et al., "Delving Deep into Rectifiers", 2015, equation 14: zero mean, variance 2 / fan-out, where the
fan-out of a grouped convolution counts one group (as in EfficientNet; else depthwise layers start far too small).
Linear layers of networks without layer norms: the same with the fan-in (equation 10); the last one has a gain of 1.
Linear layers and embeddings of networks with layer norms (transformers, ConvNeXt): normal, 0.02, truncated at two
standard deviations (BERT, Devlin et al., 2019; ViT, Dosovitskiy et al., 2021).
Biases 0, norm scales 1; optionally 0 for the last norm of each residual branch, so that every block starts as the
identity (Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


@torch.no_grad()
def initialise(network: M, seed: int = 0, *, zero: Iterable[str] = ()) -> M:
    """Set the weights of the known layers in place, and return the network. Other layers keep their own.

    `zero` names norms (as in `named_modules`) whose scale starts at 0. The global random state is left as it was.
    """
    generator = torch.Generator().manual_seed(seed)
    zeroed = set(zero)
    layers = list(network.named_modules())
    normed = any(isinstance(m, (nn.LayerNorm, nn.RMSNorm)) for _, m in layers)
    last = next((name for name, m in reversed(layers) if isinstance(m, nn.Linear)), None)
    for name, layer in layers:
        if isinstance(layer, CONVOLUTIONS):
            positions = math.prod(layer.kernel_size)
            _normal(layer.weight, math.sqrt(2.0 * layer.groups / (layer.out_channels * positions)), generator)
        elif isinstance(layer, (nn.Linear, nn.Embedding)) and normed:
            nn.init.trunc_normal_(layer.weight, std=0.02, a=-0.04, b=0.04, generator=generator)
        elif isinstance(layer, nn.Linear):
            _normal(layer.weight, math.sqrt((1.0 if name == last else 2.0) / layer.in_features), generator)
        elif isinstance(layer, NORMS) and layer.weight is not None:
            layer.weight.fill_(0.0 if name in zeroed else 1.0)
        else:
            continue
        bias = getattr(layer, "bias", None)
        if bias is not None:
            bias.zero_()
    return network


def _normal(weight: torch.Tensor, std: float, generator: torch.Generator) -> None:
    drawn = torch.randn(weight.shape, generator=generator)  # on the CPU: the same first weights on every device
    weight.copy_(drawn * std)
