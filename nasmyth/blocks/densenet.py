"""Dense blocks: every layer reads all earlier ones (DenseNet, Huang 2017, arXiv:1608.06993)."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.cell import cell
from nasmyth.graph.chain import chain
from nasmyth.graph.joins import Concat, Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, AvgPool, BatchNorm, Conv


@block("b c h w -> b growth h w")
def densenet_layer(growth: int, bottleneck: int = 4, kernel: int = 3, activation: str = "relu") -> Any:
    """Norm, activation, a 1x1 convolution to `bottleneck` * growth channels (0: without), then the same to `growth`."""
    narrow = _preactivated(Conv(bottleneck * growth, 1), activation) if bottleneck else Identity()
    return chain(narrow=narrow, layer=_preactivated(Conv(growth, kernel), activation))


@block("b c h w -> b growth*layers+c h w")
def densenet_block(
    growth: int, layers: int, bottleneck: int = 4, kernel: int = 3, activation: str = "relu", layer: Any = None
) -> Any:
    """`layers` layers of `growth` channels, each on the input and all earlier layers joined; all are joined at the end.

    layer: any template that keeps height and width and gives `growth` channels, in place of `densenet_layer`.
    """
    one = densenet_layer(growth, bottleneck, kernel, activation) if layer is None else layer
    states = tuple(range(layers + 1))
    return cell(layers, Identity(), vertex=one, join=Concat(), output=states, out=Concat())


@block("b c h w -> b out h/2 w/2")
def densenet_transition(c: int, out: int, activation: str = "relu") -> Any:
    """Norm, activation, a 1x1 convolution and a mean over 2x2, between two dense blocks."""
    return chain(mix=_preactivated(Conv(out, 1), activation), pool=AvgPool(2, 2))


def _preactivated(conv: Any, activation: str) -> Any:
    return chain(norm=BatchNorm(), act=Activation(activation), conv=conv)


EXAMPLES = [
    (densenet_layer(3), (4, 5, 5)),
    (densenet_layer(3, bottleneck=0, kernel=5), (4, 5, 5)),
    (densenet_block(3, layers=3), (4, 5, 5)),
    (densenet_block(2, layers=2, layer=Conv(2, 3)), (4, 5, 5)),
    (densenet_transition(3), (4, 6, 5)),
]
