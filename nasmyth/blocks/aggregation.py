"""One-shot aggregation: layers in a row, all of their outputs joined once at the end (VoVNet, Lee 2019, arXiv:1904.09730).

As much is reused as in a DenseNet, whose layers each join all earlier ones, at less memory traffic.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.convolution import conv_block
from nasmyth.graph.cell import cell
from nasmyth.graph.chain import chain, residual
from nasmyth.graph.joins import Concat
from nasmyth.graph.op import block


@block("b c h w -> b out h w")
def one_shot_aggregation(
    c: int,
    out: int,
    width: int | None = None,
    layers: int = 5,
    kernel: int = 3,
    layer: Any = None,
    activation: str = "relu",
    skip: bool = False,
) -> Any:
    """Input and `layers` outputs of `width` channels are joined and mixed to `out` channels (figure 1b).

    width: channels of each layer; if not given, out / 2, rounded, at least 1 (as in the first stage of VoVNet-39).
    layer: the layer, any template that keeps height and width; if not given, a `conv_block` of this kernel.
    skip: adds the input where the shape stays (VoVNetV2, Lee 2020, arXiv:1911.06667, figure 2b).
    """
    channels = max(1, round(out / 2)) if width is None else width
    if layer is None:
        layer = conv_block(channels, kernel, activation=activation)
    row = cell(layers, layer, pick=lambda edges, j: edges[-1:], output=tuple(range(layers + 1)), out=Concat())
    body = chain(layers=row, mix=conv_block(out, 1, activation=activation))
    return residual(body) if skip and c == out else body


EXAMPLES = [
    (one_shot_aggregation(6, layers=3), (4, 5, 5)),
    (one_shot_aggregation(4, width=3, layers=2, skip=True), (4, 5, 5)),
]
