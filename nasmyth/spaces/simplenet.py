"""SimpleNet (Hasanpour et al. 2016, arXiv:1608.06037): thirteen plain convolutions, and the principles behind them.

The template is built from design principles. Each is a decision here, so that what it is worth
can be measured; the published network has them all.

| decision | as published | otherwise |
|---|---|---|
| `expansion` | "gradual": channels grow from layer to layer, and no more than needed | "constant": as many in every layer |
| `groups` | "homogeneous": layers at one resolution are alike | "mixed": wide and narrow by turns |
| `pooling` | "late": most layers see a large image | "early": it is halved behind the first layers |
| `downsample` | "pool": by max pooling | "stride": by strided convolutions |
| `kernels` | "small": 3x3, and 1x1 only near the end | "mixed": 5x5 and 1x1 by turns |
| `norm` | "batch": batch normalisation behind every convolution | "none" |
| `dropout` | 0.1 behind every halving, as in the authors' code | 0.0 |

The paper's images have 32 pixels, which five halvings make one. A smaller image has only the last so many of them, which
is the principle of late pooling; of a larger one the mean is taken at the end. `width` scales all layers.
"""

from __future__ import annotations

from typing import Any

from nasmyth.graph import block, chain
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, BatchNorm, Conv, Dropout, Linear, MaxPool, Mean
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import space

CHANNELS = (1, 2, 2, 2, 2, 2, 4, 4, 4, 8, 32, 4, 4)
"""Of the layers, in first widths."""
POINTWISE = (10, 11)
"""The layers of 1x1, numbered from 0."""
HALVED = (3, 6, 8, 9, 11)
"""Behind these layers the image is halved."""
WIDTHS = (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128)
PRINCIPLES: dict[str, tuple[Any, Any]] = {
    "expansion": ("gradual", "constant"),
    "groups": ("homogeneous", "mixed"),
    "pooling": ("late", "early"),
    "downsample": ("pool", "stride"),
    "kernels": ("small", "mixed"),
    "norm": ("batch", "none"),
    "dropout": (0.1, 0.0),
}
"""Each principle as the paper has it, and its opposite."""
PUBLISHED: Genome = {"width": 64, **{name: kept for name, (kept, _) in PRINCIPLES.items()}}
"""The network of the paper: 5.4 million parameters for images of 32x32 and 10 classes."""


@block("b c h w -> b out")
def simplenet_layers(
    h: int,
    w: int,
    out: int,
    width: int = 64,
    expansion: str = "gradual",
    groups: str = "homogeneous",
    pooling: str = "late",
    downsample: str = "pool",
    kernels: str = "small",
    norm: str = "batch",
    dropout: float = 0.1,
) -> Any:
    """The thirteen layers and the classifier, each principle kept or not (see the top of the file)."""
    count = min(len(HALVED), min(h, w).bit_length() - 1)
    halved = HALVED[len(HALVED) - count :] if pooling == "late" else tuple(range(count))
    layers = []
    for i in range(len(CHANNELS)):
        channels = CHANNELS[i] * width if expansion == "gradual" else 4 * width
        if groups == "mixed":
            channels = max(1, channels * (3 if i % 2 else 1) // 2)
        kernel = 1 if i in POINTWISE else 3
        if kernels == "mixed":
            kernel = 1 if i % 2 else 5
        layers.append(_layer(channels, kernel, i in halved, downsample, norm, dropout))
    return chain(layers=chain(*layers), pool=Mean("h w"), head=Linear(out))


def _layer(channels: int, kernel: int, halve: bool, downsample: str, norm: str, dropout: float) -> Any:
    strided = halve and downsample == "stride"
    parts: dict[str, Any] = {"conv": Conv(channels, kernel, 2 if strided else 1, bias=True)}
    if norm == "batch":
        parts["norm"] = BatchNorm(momentum=0.05)
    parts["act"] = Activation("relu")
    if halve and not strided:
        parts["pool"] = MaxPool(2, 2)
    if halve and dropout:
        parts["drop"] = Dropout(dropout)
    return chain(**parts)


@space(
    "simplenet",
    source="SimpleNet (Hasanpour et al. 2016, arXiv:1608.06037)",
    small={"input": (1, 8, 8), "widths": (1, 2)},
)
def simplenet(input: Shape = (3, 32, 32), classes: int = 10, widths: tuple[int, ...] = WIDTHS) -> Space:
    """Thirteen plain convolutions, each of SimpleNet's principles kept or not, at any width."""
    toggles = {name: choice(*options, name=name) for name, options in PRINCIPLES.items()}
    width = choice(*widths, name="width")
    return Space(simplenet_layers(out=classes, width=width, **toggles), input)


EXAMPLES = [
    (simplenet_layers(3, width=2), (1, 8, 8)),
    (simplenet_layers(3, 2, "constant", "mixed", "early", "stride", "mixed", "none", 0.0), (3, 9, 6)),
]
