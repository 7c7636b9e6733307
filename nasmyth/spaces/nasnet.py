"""The NASNet space (Zoph, Vasudevan, Shlens, Le 2018, arXiv:1707.07012): a normal and a reduction cell of five blocks.

A cell takes the outputs of the two cells before it: state 0 is the older, state 1 the newer. Each block chooses two of the
states so far, not necessarily different ones, and an operation for each; their sum is a new state. The states that nothing
in the cell reads are joined. Three stacks of N normal cells, with reduction cells between them, which halve the image and
double the channels, make the network for CIFAR.

    normal sep_conv_5x5@1+sep_conv_3x3@0 sep_conv_5x5@0+sep_conv_3x3@0 ... reduce sep_conv_5x5@1+sep_conv_7x7@0 ...

is how a pair of cells is written here: block by block, each operation with the state that it is on. `NASNET_A` is the
paper's.

Where we depart: of the ways to combine a block's two halves there is only the sum, which every published cell uses. The
authors' released network joins one more state in each of NASNet-A's cells than the rule above does (a normal cell also its
older input), so it has 768 channels at its end where this one has 640.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import relu_conv, relu_rectangles, relu_separable
from nasmyth.errors import GenomeError, nearest
from nasmyth.graph import Concat, Identity, block, chain, stack_cells
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, AvgPool, BatchNorm, Conv, Linear, MaxPool, Mean, ScheduledDropPath
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.darts import taking_two
from nasmyth.spaces.registry import Notation, space
from nasmyth.units import is_whole

OPERATIONS = (
    "identity", "conv_1x3_3x1", "conv_1x7_7x1", "dil_conv_3x3", "avg_pool_3x3", "max_pool_3x3", "max_pool_5x5",
    "max_pool_7x7", "conv_1x1", "conv_3x3", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7",
)  # fmt: skip
"""In the order of the paper (section 3.1)."""
KINDS = ("normal", "reduce")
BLOCKS = 5

NASNET_A = (
    "normal sep_conv_5x5@1+sep_conv_3x3@0 sep_conv_5x5@0+sep_conv_3x3@0 avg_pool_3x3@1+identity@0 "
    "avg_pool_3x3@0+avg_pool_3x3@0 sep_conv_3x3@1+identity@1 "
    "reduce sep_conv_5x5@1+sep_conv_7x7@0 max_pool_3x3@1+sep_conv_7x7@0 avg_pool_3x3@1+sep_conv_5x5@0 "
    "identity@3+avg_pool_3x3@2 sep_conv_3x3@2+max_pool_3x3@1"
)
"""The best cells that the paper found (figure 4)."""


@block("b c h w -> b c h/stride w/stride")
def nasnet_op(c: int, kind: str, stride: int = 1, drop_path: float = 0.0) -> Any:
    """Half a block. All but identities can be dropped in training; an identity that strides is a 1x1 convolution."""
    family, size = kind.rpartition("_")[0], int(kind[-1]) if is_whole(kind[-1]) else 1
    made = {
        "": lambda: Identity() if stride == 1 else relu_conv(c, 1, stride),
        "conv_1x3": lambda: relu_rectangles(c, 3, stride),
        "conv_1x7": lambda: relu_rectangles(c, 7, stride),
        "dil_conv": lambda: relu_conv(c, size, stride, dilation=2),
        "avg_pool": lambda: AvgPool(size, stride),
        "max_pool": lambda: MaxPool(size, stride),
        "conv": lambda: relu_conv(c, size, stride),
        "sep_conv": lambda: relu_separable(c, size, stride),
    }[family]()
    dropped = drop_path and kind != "identity"
    return chain(op=made, drop=ScheduledDropPath(drop_path)) if dropped else made


def _half(kind: str, name: str, j: int, drop_path: float) -> Edge:
    source = choice(*range(j), name=f"{kind} {name} from")
    # in a reduction cell 2 on its inputs, states 0 and 1, and 1 on the states that it made
    stride = 1 + 3 // (source + 2) if kind == "reduce" else 1
    return Edge(source, nasnet_op(choice(*OPERATIONS, name=f"{kind} {name}"), stride, drop_path))


def _cell(kind: str, drop_path: float) -> Any:
    vertices = [Vertex(tuple(_half(kind, f"{j}{side}", j, drop_path) for side in "ab")) for j in range(2, 2 + BLOCKS)]
    return Cell(tuple(vertices), inputs=2, output="loose", out=Concat())


# --- notation -----------------------------------------------------------------------------------------------------


def text(genome: Genome) -> str:
    """A genome in our notation."""
    words = []
    for kind in KINDS:
        blocks = [
            "+".join(f"{genome[f'{kind} {j}{side}']}@{genome[f'{kind} {j}{side} from']}" for side in "ab")
            for j in range(2, 2 + BLOCKS)
        ]
        words += [kind, *blocks]
    return " ".join(words)


def genome(text: str) -> Genome:
    """The genome of a text. Raises GenomeError that names the cell, the block and what is wrong with it."""
    words = text.split()
    if len(words) != 2 * (1 + BLOCKS) or (words[0], words[1 + BLOCKS]) != KINDS:
        raise GenomeError(f"{text!r}: expected 'normal', {BLOCKS} blocks, 'reduce', {BLOCKS} blocks")
    found: Genome = {}
    for kind, start in zip(KINDS, (1, 2 + BLOCKS), strict=True):
        for j, word in enumerate(words[start : start + BLOCKS], 2):
            found |= _block(kind, j, word)
    return found


def _block(kind: str, j: int, word: str) -> Genome:
    found: Genome = {}
    halves = word.split("+")
    if len(halves) != 2:
        raise GenomeError(f"{kind} cell, block {j}: {word!r}, expected 'operation@state+operation@state'")
    for side, half in zip("ab", halves, strict=True):
        name, _, state = half.partition("@")
        if name not in OPERATIONS:
            raise GenomeError(f"{kind} cell, block {j}: there is no operation {name!r}{nearest(name, OPERATIONS)}")
        if not state.isdecimal() or int(state) >= j:
            raise GenomeError(f"{kind} cell, block {j}: {half!r}, expected a state from 0 to {j - 1} after '@'")
        found |= {f"{kind} {j}{side} from": int(state), f"{kind} {j}{side}": name}
    return found


# --- the space ----------------------------------------------------------------------------------------------------


@space(
    "nasnet",
    source="NASNet (Zoph et al. 2018, arXiv:1707.07012)",
    notation=Notation(text, genome),
    small={"input": (3, 8, 8), "width": 4, "cells": 1},
)
def nasnet(
    input: Shape = (3, 32, 32), classes: int = 10, width: int = 32, cells: int = 6, drop_path: float = 0.0
) -> Space:
    """All pairs of cells, in the network for CIFAR: `cells` (the paper's N) normal cells a stack, `width` channels in the
    operations of the first stack.

    drop_path: the probability with which an operation of the last cell is dropped at the end of training; it rises from 0
    over the cells and over the training (ScheduledDropPath, section 3; 0.4 in the authors' network for CIFAR).
    """
    kinds = [*KINDS[:1] * cells, "reduce", *KINDS[:1] * cells, "reduce", *KINDS[:1] * cells]
    stem, parts = chain(conv=Conv(3 * width), norm=BatchNorm()), []
    for i, kind in enumerate(kinds):
        width *= 2 if kind == "reduce" else 1
        inner = _cell(kind, drop_path * (i + 1) / len(kinds))
        parts.append(taking_two(inner, width, i > 0 and kinds[i - 1] == "reduce"))
    tail = chain(act=Activation("relu"), pool=Mean("h w"), linear=Linear(classes))
    return Space(chain(stem=stem, cells=stack_cells(*parts), head=tail), input)


EXAMPLES = [(nasnet_op(kind, stride), (4, 7, 7)) for kind in OPERATIONS for stride in (1, 2)]
EXAMPLES += [(nasnet_op("avg_pool_3x3", drop_path=0.2), (4, 6, 6)), (nasnet_op("identity", 2, 0.2), (4, 6, 6))]
