"""First weights.

Convolutions: He et al., "Delving Deep into Rectifiers", 2015, equation 14: zero mean, variance 2 / fan-out, where the
fan-out of a grouped convolution counts one group (as in EfficientNet; else depthwise layers start far too small).
Linear layers of networks without layer norms: the same with the fan-in (equation 10); the last one has a gain of 1.
Linear layers and embeddings of networks with layer norms (transformers, ConvNeXt): normal, 0.02, truncated at two
standard deviations (BERT, Devlin et al., 2019; ViT, Dosovitskiy et al., 2021).
Biases 0, norm scales 1; optionally 0 for the last norm of each residual branch, so that every block starts as the
identity (Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1).

aware=True, for networks that know their graph: convolutions and linear layers that are nodes of it start with the variance
C_W / (d_in fan-in), where d_in is the number of terms that a layer's output is summed with (Chen et al., ICLR 2024,
arXiv:2402.17440, equation 4), and their biases with C_b / d_in, where C_W and C_b keep the variance for the activation that
reads the layer (`criticality.py`): 2 / (d_in fan-in) for relu, as in that paper. Where we depart: a layer without biases whose
activation would need them keeps a variance of 1 instead; an activation that has no critical point, and none at all, count as
linear. It keeps the variance of sums whose terms have mean zero; outputs of relu do not, and sums of them still grow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import nn

from nasmyth.errors import NasmythError

M = TypeVar("M", bound=nn.Module)

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


@torch.no_grad()
def initialise(network: M, seed: int = 0, *, zero: Iterable[str] = (), aware: bool = False) -> M:
    """Set the weights of the known layers in place, and return the network. Other layers keep their own.

    `zero` names norms (as in `named_modules`) whose scale starts at 0. aware: by the graph (see the top of this file); raises
    NasmythError for a module that knows none. The global random state is left as it was.
    """
    generator = torch.Generator().manual_seed(seed)
    zeroed = set(zero)
    known = _variances(network) if aware else {}
    layers = list(network.named_modules())
    normed = any(isinstance(m, (nn.LayerNorm, nn.RMSNorm)) for _, m in layers)
    last = next((name for name, m in reversed(layers) if isinstance(m, nn.Linear)), None)
    for name, layer in layers:
        if id(layer) in known:
            _by_graph(layer, *known[id(layer)], generator)
            continue
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


def _variances(network: nn.Module) -> dict[int, tuple[float, float]]:
    """Of the layers of a graph, by their id: the variances of their weights times the fan-in, and of their biases."""
    from nasmyth.network.layers import Layers
    from nasmyth.train.criticality import first_variances
    from nasmyth.train.reading import readings

    if not isinstance(network, Layers):
        raise NasmythError(
            f"initialise(aware=True) reads a graph, and this {type(network).__name__} knows none: build(graph) makes a network "
            "of one, Network.of(module, example) of a module"
        )
    found: dict[int, tuple[float, float]] = {}
    for address, (terms, activation) in readings(network.graph).items():
        layer = network.layer(address)
        if isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
            found[id(layer)] = first_variances(activation, terms, layer.bias is not None)
    return found


def _by_graph(layer: Any, weight: float, bias: float, generator: torch.Generator) -> None:
    """Weights of this variance times their fan-in, and biases of that one."""
    fan_in = layer.weight[0].numel()
    _normal(layer.weight, math.sqrt(weight / fan_in), generator)
    if layer.bias is not None:
        layer.bias.zero_()
        if bias:
            _normal(layer.bias, math.sqrt(bias), generator)


def _normal(weight: torch.Tensor, std: float, generator: torch.Generator) -> None:
    drawn = torch.randn(weight.shape, generator=generator)  # on the CPU: the same first weights on every device
    weight.copy_(drawn * std)
