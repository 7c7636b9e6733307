"""ResNet-RS (Bello et al. 2021, arXiv:2103.07579): a residual network whose depth, width and resolution are decisions.

The paper's point is that how a network is trained and how it is scaled matter more than its blocks, and that scale should
be chosen for the regime that one trains in:

* where a network can overfit (much training, little data), deepen it; else widen it;
* let the resolution grow slowly.

`scaled` is that rule, for any budget of MACs, with the axes kept in proportion. `FAMILY` has the published members; their
recipe (longer training, cosine rates, weight averages, label smoothing, stochastic depth, less weight decay) is no part
of this space.

    resnet-rs-152-i256        resnet-rs-50-w0.5-i160        the notation: depth, width if it is not 1, resolution
"""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

from nasmyth.blocks import image_head, resnet_d_stem, rs_bottleneck
from nasmyth.errors import BudgetError, GenomeError
from nasmyth.graph import block, chain
from nasmyth.graph.signature import Shape
from nasmyth.ops import Resize
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import Notation, space

BLOCKS = {
    14: (1, 1, 1, 1),
    26: (2, 2, 2, 2),
    38: (3, 3, 3, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
    270: (4, 29, 53, 4),
    350: (4, 36, 72, 4),
    420: (4, 44, 87, 4),
}
"""Blocks in each stage, by depth (as published; 14, 26 and 38, for small images, are ours)."""
DEPTHS = (50, 101, 152, 200, 270, 350, 420)
WIDTH = 64
"""Channels of the published stem."""
WIDTHS = (16, 32, 48, 64, 96, 128)
RESOLUTIONS = (128, 160, 192, 224, 256, 320, 384, 448)
FAMILY = ((50, 160), (101, 160), (101, 192), (152, 192), (152, 224), (152, 256), (200, 256), (270, 256), (350, 256),
          (350, 320), (420, 320))  # fmt: skip
"""Depth and resolution of the published members; their width is 1."""
SLOWLY = 0.21
"""The power of the MACs with which resolution grows at most: from the first to the last of the family it doubles, while the
MACs become 28 times as many."""


FIRST = 0.6
"""The share of the axis that the regime asks for, in what the resolution leaves: the other one grows as well, and less."""


@block("b c h w -> b width*32 h/stride/8 w/stride/8")
def rs_stages(width: int = 64, depth: int = 50, stride: int = 4, se: float = 0.25, drop_path: float = 0.0) -> Any:
    """Stem and four stages; `width` channels in the stem. drop_path: of the last block, earlier ones in proportion."""
    counts, layers, done = BLOCKS[depth], [], 0
    for i, count in enumerate(counts):
        for j in range(count):
            done += 1
            rate = drop_path * done / sum(counts)
            layers.append(rs_bottleneck(4 * width * 2**i, 2 if i and not j else 1, se, drop_path=rate))
    return chain(stem=resnet_d_stem(width, stride), blocks=chain(*layers))


def text(genome: Genome) -> str:
    """A genome in the notation of the top of this file."""
    width = "" if genome["width"] == WIDTH else f"-w{genome['width'] / WIDTH:g}"
    return f"resnet-rs-{genome['depth']}{width}-i{genome['resolution']}"


def genome(text: str) -> Genome:
    """The inverse. Raises GenomeError for what is not of this form."""
    read = re.fullmatch(r"resnet-rs-(\d+)(?:-w(\d+(?:\.\d+)?))?-i(\d+)", text)
    if read is None:
        raise GenomeError(
            f"{text!r} is not of the form resnet-rs-DEPTH-iRESOLUTION or resnet-rs-DEPTH-wWIDTH-iRESOLUTION"
        )
    return {"resolution": int(read[3]), "width": round(WIDTH * float(read[2] or 1)), "depth": int(read[1])}


@space(
    "resnet_rs",
    source="ResNet-RS (Bello et al. 2021, arXiv:2103.07579)",
    notation=Notation(text, genome, ("model",)),
    small={
        "input": (1, 8, 8),
        "classes": 10,
        "depths": (14, 26),
        "widths": (2, 4),
        "resolutions": (8, 12),
        "stride": 1,
    },
)
def resnet_rs(
    input: Shape = (3, 320, 320),
    classes: int = 1000,
    depths: tuple[int, ...] = DEPTHS,
    widths: tuple[int, ...] = WIDTHS,
    resolutions: tuple[int, ...] = RESOLUTIONS,
    stride: int = 4,
    dropout: float = 0.25,
) -> Space:
    """Depth, width (channels of the stem) and resolution of a ResNet-RS; the network resizes its images itself.

    stride: of the stem; 1 or 2 suits small images. dropout: before the classifier.
    """
    size, width = choice(*resolutions, name="resolution"), choice(*widths, name="width")
    stages = rs_stages(width, choice(*depths, name="depth"), stride)
    return Space(chain(size=Resize(size), stages=stages, head=image_head(classes, dropout)), input)


def scaled(space: Space, macs: float, overfits: bool, start: Genome | None = None) -> Genome:
    """The genome of `space` that the paper's rule gives for a budget of MACs, growing from `start` (its smallest).

    overfits: whether a network can overfit in this regime, as with little data or many epochs: then depth grows faster than
    width, else width does. All grow together, as in compound scaling (Tan and Le 2019, arXiv:1905.11946): with r times the
    MACs, the resolution grows by r to the power SLOWLY; of the growth that is left, the axis that the regime asks for gets
    the share FIRST, the other the rest. Of the networks within the budget, the one nearest to that is taken.
    Raises BudgetError if not even `start` fits.
    """
    holes: dict[str, Any] = dict(space.holes)
    options = {name: sorted(holes[name].options) for name in ("resolution", "depth", "width")}
    begun = dict(start or {name: values[0] for name, values in options.items()})
    cost = _macs(space, begun)
    if cost > macs:
        raise BudgetError(
            f"{text(begun)} takes {cost:,} MACs and the budget is {macs:,.0f}: give it more, or start from less",
            binding="macs",
            smallest=cost,
        )
    left = 1 - 2 * SLOWLY  # MACs grow with the square of the resolution and of the width
    first, second = left * FIRST, left * (1 - FIRST)
    shares = {"resolution": 2 * SLOWLY, "depth": first if overfits else second, "width": second if overfits else first}
    growth = math.log(macs / cost)

    def off(grown: Genome) -> float:
        """How far from its shares a network has grown."""
        return sum((_growth(begun, grown, name) - share * growth) ** 2 for name, share in shares.items())

    sizes = ([value for value in options[name] if value >= begun[name]] for name in shares)
    larger = (dict(zip(shares, values, strict=True)) for values in itertools.product(*sizes))
    return next(one for one in sorted(larger, key=off) if _macs(space, one) <= macs)


def _growth(begun: Genome, grown: Genome, name: str) -> float:
    """How many times as many MACs an axis has brought, as a logarithm."""
    return math.log(grown[name] / begun[name]) * (1 if name == "depth" else 2)


def _macs(space: Space, genome: Genome) -> int:
    return space.decode(genome).costs.macs


EXAMPLES = [(rs_stages(4, depth=14, stride=1, drop_path=0.1), (3, 8, 8))]
