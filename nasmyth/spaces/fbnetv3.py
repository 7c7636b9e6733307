"""FBNetV3 (Dai et al. 2021, arXiv:2006.02049): an architecture and the recipe that trains it, searched together.

Seven stages of inverted bottlenecks between a stem and a pooling head; each stage chooses its width, its depth, and a
kernel and an expansion for its first layer and for the others; images come in one of seven sizes. `fbnetv3(free=True)`
also lets each stage choose its activation and whether it has squeeze-excite, which are fixed in the paper.

    from nasmyth.spaces.fbnetv3 import fbnetv3
    from nasmyth.train.published import FBNETV3

    space = fbnetv3(recipe=FBNETV3)
    graph, recipe = space.decode(genome), space.recipe_of(genome)

`FBNETV3` holds the paper's training settings as holes, as far as a `Recipe` has them: the optimizer, its learning rate,
weight decay, moving average of the weights and mixup. Stochastic depth is part of the network here, and `drop_path` may
be a hole.

The ranges are the paper's as we understand them, and wide enough for the networks that were published, whose first layers
have kernels of their own: 4.4 * 10^21 architectures, where the paper speaks of 10^17. Some published networks pad their
strided convolutions less, so that what follows has fewer pixels; ours pad as everywhere, and cost up to a seventh more.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import conv_block, inverted_residual
from nasmyth.blocks.inverted import round_to
from nasmyth.graph import chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, Linear, Mean, Resize
from nasmyth.record import Value
from nasmyth.space import Space, choice, integer
from nasmyth.spaces.chains import fitting_strides, side
from nasmyth.spaces.registry import space

RESOLUTIONS = tuple(range(224, 273, 8))
STEM = tuple(range(16, 25, 2))
STAGES = (
    (tuple(range(16, 25, 2)), (1, 4), 1, 0.0, (1, 1), (1, 1)),
    (tuple(range(20, 33, 4)), (4, 7), 2, 0.0, (4, 7), (2, 5)),
    (tuple(range(24, 49, 4)), (4, 7), 2, 0.25, (4, 7), (2, 5)),
    (tuple(range(56, 85, 4)), (4, 8), 2, 0.0, (4, 7), (2, 5)),
    (tuple(range(96, 145, 4)), (6, 10), 1, 0.25, (4, 7), (2, 5)),
    (tuple(range(180, 225, 4)), (5, 9), 2, 0.25, (4, 7), (2, 5)),
    (tuple(range(180, 225, 4)), (1, 1), 1, 0.25, (6, 6), (6, 6)),
)
"""Widths, depths, stride, squeeze-excite, and expansions of the first layer and of the others, stage by stage."""
ACTIVATIONS = ("hardswish", "relu")


def stage(i: int, out: Any, depths: tuple[int, int], stride: int, free: bool, drop_path: Any) -> Any:
    """Stage number i: its first layer strides and widens, with a kernel and an expansion of its own; those that follow
    share theirs, and how many they are is the decision `stages[i].rest.count`.

    Squeeze-excite is a share of the narrow width, in multiples of 8, as EfficientNet has it.
    """
    *_, se, first, rest = STAGES[i]
    shared = {"se": se, "se_of": "input", "activation": "hardswish", "drop_path": drop_path}
    if free:
        shared |= {"se": choice(0.0, 0.25, name=f"se{i + 1}"), "activation": choice(*ACTIVATIONS, name=f"act{i + 1}")}
    head = inverted_residual(out, _between(*first), choice(3, 5), stride, **shared)
    if depths[1] == 1:
        return head
    kernel, expand = choice(3, 5, name=f"kernel{i + 1}"), _between(*rest, name=f"expand{i + 1}")
    following = _between(depths[0] - 1, depths[1] - 1)
    return chain(first=head, rest=repeat(inverted_residual(out, expand, kernel, **shared), following))


@space(
    "fbnetv3",
    source="FBNetV3 (Dai et al. 2021, arXiv:2006.02049)",
    small={"input": (3, 12, 12), "classes": 4, "width": 0.1, "deepest": 2, "resolutions": (8, 12), "free": True},
)
def fbnetv3(
    input: Shape = (3, 272, 272),
    classes: int = 1000,
    width: float = 1.0,
    deepest: int | None = None,
    resolutions: tuple[int, ...] = (),
    recipe: Value | None = None,
    free: bool = False,
    drop_path: Any = 0.0,
) -> Space:
    """Resolution, widths, depths, kernels and expansions, stage by stage, beside a recipe that may be searched with them.

    width: multiplies all channels. deepest: the most layers that a stage may have. resolutions: sizes of the image to
    choose from; if not given, the published ones that are not above the image's own, or that alone. recipe: training
    settings with holes, such as `FBNETV3`. free: stages also choose their activation and squeeze-excite.
    drop_path: a probability, or a hole for it.
    """
    short = side(input)
    sizes = resolutions or tuple(size for size in RESOLUTIONS if size <= short) or (short,)
    strides = fitting_strides((2, *(stage[2] for stage in STAGES)), max(sizes))
    channels = [_among(widths, width, f"width{i + 1}") for i, (widths, *_) in enumerate(STAGES)]
    stages = [
        stage(i, channels[i], _at_most(deepest, depths), stride, free, drop_path)
        for i, ((_, depths, *_), stride) in enumerate(zip(STAGES, strides[1:], strict=True))
    ]
    return Space(
        chain(
            resize=Resize(choice(*sizes, name="resolution")),
            stem=conv_block(_among(STEM, width, "stem"), stride=strides[0], activation="hardswish"),
            stages=chain(*stages),
            mix=conv_block(6 * channels[-1], 1, activation="hardswish"),
            pool=Mean("h w"),
            head=chain(widen=Linear(round_to(1984 * width)), act=Activation("hardswish"), out=Linear(classes)),
        ),
        input,
        recipe,
    )


def _among(widths: tuple[int, ...], width: float, name: str) -> Any:
    """A choice among channels times a multiplier, in multiples of 2; equal ones once."""
    return choice(*dict.fromkeys(round_to(w * width, 2) for w in widths), name=name)


def _at_most(deepest: int | None, depths: tuple[int, int]) -> tuple[int, int]:
    """The range of depths up to a bound; from 1 where all of it is above."""
    lo, hi = depths
    return depths if deepest is None or hi <= deepest else (lo if lo <= deepest else 1, deepest)


def _between(lo: int, hi: int, name: str | None = None) -> Any:
    return lo if lo == hi else integer(lo, hi, name=name)
