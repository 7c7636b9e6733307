"""einspace: networks from fundamental operations (Ericsson et al. 2024, arXiv:2405.20838).

A network is derived from four kinds of operation: *branching* (several copies of a tensor, or its equal parts),
*aggregation* (sums, joins, dot products), *routing* (windows of an image as rows and back, axes swapped) and *computation*
(linear, norm, activation, softmax, positions, nothing). Convolutions, attention and token mixing are no operations here:
they are what some derivations come to. The blocks of ResNet, ViT and MLP-Mixer are among them; `space.genome_of`
finds their derivations. Of the default depth and size there are too many networks to count; of smaller ones the number is
known.

As in the paper, two branches derive each for itself, while four or eight derive alike.

Where we depart. The paper has one symbol for modules of any kind; it draws, tries whether shapes fit, and goes back if not.
Here the kind of tensor is in the symbol, `im` (channels, height, width) or `col` (places, features), with `down` for an
image that becomes smaller, and shapes are followed, so that what is drawn fits. `lengths` bounds what axes may become:
features are of the published widths (or those that come in), rows of an image stay as many, and an axis that was
swapped is swapped back. The norm is over batches for images and layers for rows, the activation ReLU; the head is the
mean over all places and a linear layer.
"""

from __future__ import annotations

from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph import Add, Concat, Identity, chain, parallel
from nasmyth.graph.signature import Shape
from nasmyth.ops import (
    Activation,
    BatchNorm,
    Col2Im,
    Im2Col,
    LayerNorm,
    LearnedPosition,
    Linear,
    MatMul,
    Part,
    Permute,
    Pooled,
    RowProducts,
    Softmax,
)
from nasmyth.space import Space, grammar, symbol
from nasmyth.spaces.registry import space

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
"""Features that a linear layer may give."""
WINDOWS = ((1, 1), (1, 2), (3, 1), (3, 2), (4, 4), (8, 8), (16, 16))
"""Kernel and stride of windows."""
COMPUTE = 0.32
"""The share of computation among the modules that are drawn."""
SWAP = Permute((1, 0))
DOTS = (RowProducts(), RowProducts(scaled=False))
ORDERS = ((0, 2, 1), (1, 0, 2), (2, 1, 0))


def branches(body: Any, parts: int, join: Any, axis: int | None = None) -> Any:
    """`parts` branches that derive alike, on copies of a tensor or on the equal parts of an axis."""
    routes = [Identity() if axis is None else Part(i, parts, axis) for i in range(parts)]
    return parallel(*(chain(route, body) if axis is not None else body for route in routes), join=join)


def branching(rule: str, join: Any, axis: int) -> list[Any]:
    """Everything that branches and is aggregated by a sum or a join."""
    one, alike = symbol(rule), symbol(rule, "branch")
    two = [
        parallel(one, one),
        parallel(one, one, join=join),
        parallel(chain(Part(0, 2, axis), one), chain(Part(1, 2, axis), one), join=join),
        parallel(chain(Part(0, 2, axis), one), chain(Part(1, 2, axis), one)),
    ]
    more = [
        branches(alike, n, how, at) for n in (4, 8) for how, at in ((Add(), None), (join, axis), (join, None))
    ]  # fmt: skip
    return two + more


def rules(
    classes: int, windows: tuple[tuple[int, int], ...] = WINDOWS, widths: tuple[int, ...] = WIDTHS
) -> dict[str, Any]:
    """The grammar's rules; weights are such that computation has its share, and the others are as likely as each other."""
    im, down, col, swapped, turned, scores, project, network = map(
        symbol, ("im", "down", "col", "swapped", "turned", "scores", "project", "network")
    )
    linear, head = [Linear(d) for d in widths], chain(Pooled(), Linear(classes))
    simple = [Identity(), LayerNorm(), Activation(), Softmax()]
    attend = [parallel(chain(parallel(col, col, join=dot), scores), col, join=MatMul()) for dot in DOTS]
    convolve = {
        far: [chain(Im2Col(*w), project, col, Col2Im()) for w in windows if (w[1] > 1) == far] for far in (False, True)
    }
    turn = [chain(Permute(order), symbol("turned", keep=True), Permute(order)) for order in ORDERS]
    return {
        "network": _weighted({"sequential": [chain(im, network), chain(down, network)],
                              "computation": [chain(im, head), chain(down, head)],
                              "routing": [chain(Im2Col(*window), project, col, head) for window in windows]}),
        "im": _weighted({"sequential": [chain(im, im)],
                         "branching": branching("im", Concat(), 0),
                         "routing": [chain(Im2Col(1, 1), col, Col2Im()), *convolve[False], *turn],
                         "computation": [Identity(), BatchNorm(), Activation(), Softmax()]}),
        "down": _weighted({"sequential": [chain(im, down), chain(down, im)],
                           "branching": [parallel(down, down)],
                           "routing": convolve[True]}),
        "col": _weighted({"sequential": [chain(col, col)],
                          "branching": branching("col", Concat("d"), -1) + attend,
                          "routing": [chain(SWAP, symbol("swapped", keep=True), SWAP)],
                          "computation": [*simple, *linear, LearnedPosition()]}),
        "swapped": _weighted({"sequential": [chain(same, same) for same in [symbol("swapped", keep=True)]],
                              "branching": [parallel(swapped, swapped)],
                              "routing": [chain(project, symbol("swapped", keep=True), project)],
                              "computation": simple}),
        "turned": _weighted({"sequential": [chain(turned, turned)],
                             "branching": [parallel(turned, turned)],
                             "computation": [Identity(), BatchNorm(), Activation(), Softmax()]}),
        "scores": _weighted({"sequential": [chain(scores, scores)],
                             "branching": [parallel(scores, scores)],
                             "computation": simple}),
        "project": linear,
    }  # fmt: skip


def _weighted(kinds: dict[str, list[Any]]) -> dict[Any, float]:
    rest = (1 - COMPUTE) / (len(kinds) - 1) if "computation" in kinds else 1 / len(kinds)
    shares = {kind: COMPUTE if kind == "computation" else rest for kind in kinds}
    return {template: shares[kind] / len(every) for kind, every in kinds.items() for template in every}


@space(
    "einspace",
    source="einspace (Ericsson et al. 2024, arXiv:2405.20838)",
    small={"input": (3, 8, 8), "depth": 6, "size": 24, "widths": (4, 8), "windows": ((1, 1), (3, 1), (3, 2), (4, 4))},
)
def einspace(
    input: Shape = (3, 32, 32),
    classes: int = 10,
    depth: int = 10,
    size: int = 48,
    numbers: float = 2**18,
    widths: tuple[int, ...] = WIDTHS,
    windows: tuple[tuple[int, int], ...] = WINDOWS,
) -> Space:
    """Networks on square images of shape (channels, side, side) with `classes` outputs.

    depth, size: the most rules within each other, and layers, of a derivation. numbers: the most in one tensor.
    """
    if len(input) != 3 or input[1] != input[2]:
        raise SpaceError(f"einspace(input={input!r}): takes square images, (channels, side, side)")
    sides = {-(-input[1] // s) for s in (1, 2, 4, 8, 16, 32)}
    places = {side * side for side in sides}
    images = ({input[0], *widths}, sides, sides)
    lengths = {"im": images, "down": images, "col": (places, {input[0], *widths})}
    fitting = tuple((k, s) for k, s in windows if k <= input[1])
    derived = rules(classes, fitting, widths)
    return Space(grammar(derived, depth=depth, size=size, numbers=numbers, lengths=lengths, input=input), input)
