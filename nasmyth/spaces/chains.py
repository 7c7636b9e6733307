"""What the chains of mobile networks share: strides that suit the image, layers, and names for the choice in every layer.

A chain is written as its layers' names with `|` between them: `k3_e6|k5_e3|skip|...`. `layer_notation` makes the two
converters from the names that every layer has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from nasmyth.blocks import conv_block, image_head, mbconv
from nasmyth.blocks.inverted import round_to
from nasmyth.errors import GenomeError, nearest
from nasmyth.graph import Identity, chain
from nasmyth.graph.signature import Shape
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import Notation

SMALLEST = 4
"""Pixels a side that the last stage has at least, where the image allows it."""


def fitting_strides(strides: Sequence[int], side: int) -> list[int]:
    """The strides of a network for large images, the first ones made 1 until `side` pixels end as 4 or more.

    So 224 pixels are halved five times, as published, and the 32 of CIFAR three times, as in HW-NAS-Bench (Li et al.
    2021, arXiv:2103.10584).
    """
    spared = sum(s == 2 for s in strides) - max(0, int(math.log2(max(1, side / SMALLEST))))
    found = []
    for stride in strides:
        found.append(1 if stride == 2 and spared > 0 else stride)
        spared -= stride == 2
    return found


def side(input: Shape) -> int:
    """The short side of an image (channels, height, width)."""
    return min(input[1:])


def scaled(widths: Sequence[int], width: float) -> tuple[int, ...]:
    """Channels times a width multiplier, in multiples of 8; unchanged at 1."""
    return tuple(widths) if width == 1 else tuple(round_to(w * width) for w in widths)


def layered(
    depths: Sequence[int], widths: Sequence[int], strides: Sequence[int], layer: Callable[[int, int, bool], Any]
) -> list[Any]:
    """`layer(out, stride, first)` for every layer of a chain; the first of a stage strides and widens."""
    stages = zip(depths, widths, strides, strict=True)
    return [layer(out, stride if j == 0 else 1, j == 0) for depth, out, stride in stages for j in range(depth)]


def firsts(depths: Sequence[int]) -> list[bool]:
    """For every layer of a chain, whether it is the first of its stage."""
    return [j == 0 for depth in depths for j in range(depth)]


DEPTHS = (4, 4, 4, 4, 4, 1)
WIDTHS = (24, 40, 80, 96, 192, 320)
STRIDES = (2, 2, 2, 1, 2, 1)
"""Layers, channels and stride of each stage in the chains of inverted bottlenecks that ProxylessNAS and Single-Path NAS
search; those that ProxylessNAS found have other widths."""


def bottlenecks(
    kernels: Sequence[int], expansions: Sequence[int], activation: str, input: Shape, classes: int, stem: int, narrow: int,
    widths: Sequence[int], head: int,
) -> Space:  # fmt: skip
    """A stem, a separable convolution of `narrow` channels, then layers that choose among inverted bottlenecks of these
    kernels and expansions, kernels first; one that keeps the shape may also be nothing, its last option."""

    def layer(out: int, stride: int, first: bool) -> Any:
        options = [mbconv(out, expand, kernel, stride, 0, activation) for kernel in kernels for expand in expansions]
        return choice(*options) if first else choice(*options, Identity())

    first, *strides = fitting_strides((2, *STRIDES), side(input))
    return Space(
        chain(
            stem=conv_block(stem, stride=first, activation=activation),
            narrow=mbconv(narrow, expand=1, kernel=3, se=0, activation=activation),
            layers=chain(*layered(DEPTHS, widths, strides, layer)),
            mix=conv_block(head, 1, activation=activation),
            head=image_head(classes),
        ),
        input,
    )


def bottleneck_notation(names: Sequence[str]) -> Notation:
    """Converters for `bottlenecks` whose kernels and expansions have these names; nothing is called "skip"."""
    return layer_notation([names if first else (*names, "skip") for first in firsts(DEPTHS)])


def layer_notation(
    options: Sequence[Sequence[str]], columns: tuple[str, ...] = ("arch_str",), row: Callable[..., str] = str
) -> Notation:
    """Converters for a chain whose i-th layer chooses among the names `options[i]`, in the order of its options."""

    def text(genome: Genome) -> str:
        return "|".join(names[genome[f"layers[{i}]"]] for i, names in enumerate(options))

    def genome(text: str) -> Genome:
        """Raises GenomeError naming the layer and the token."""
        tokens = text.strip().split("|")
        if len(tokens) != len(options):
            raise GenomeError(f"{text!r} has {len(tokens)} layers joined by '|', this space has {len(options)}")
        return {f"layers[{i}]": _index(text, i, token, options[i]) for i, token in enumerate(tokens)}

    return Notation(text, genome, columns, row)


def _index(text: str, layer: int, token: str, names: Sequence[str]) -> int:
    if token not in names:
        raise GenomeError(
            f"{text!r}: layer {layer}: there is no operation {token!r}{nearest(token, names)} (it has {', '.join(names)})"
        )
    return names.index(token)
