"""NAS-Bench-201 (Dong and Yang 2020, arXiv:2001.00326; the topology space of NATS-Bench, arXiv:2009.00437).

A cell has four states; each of its six edges is nothing, a skip, a convolution of 1x1 or 3x3, or an average over 3x3. All
cells of a network are the same: 5^6 = 15,625 cells. Three stages of five cells, with residual blocks that halve the image
and double the channels between them, make the network of the published tables.

    |nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|

is how papers write a cell: state by state, the operation on the edge from each earlier state. `text` and `genome` convert.
NAS-Bench-Suite-Zero (arXiv:2210.03230) writes six numbers instead, `(2, 1, 0, 4, 1, 3)`; `genome` reads both.

Where we depart: what lies on no path from the input of a cell to its output is neither built nor counted. The tables count
such dead operations; `published_costs` counts as they do.
"""

from __future__ import annotations

import re
from typing import Any

from nasmyth.errors import GenomeError, nearest
from nasmyth.graph import Identity, Zero, block, cell, chain, parallel, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, AvgPool, BatchNorm, Conv, Linear, Mean
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import Notation, space

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""As the benchmark calls them, in the order of the options of every edge."""
EDGES = tuple((i, j) for j in range(1, 4) for i in range(j))
"""Source and target of each edge, in the order of the notation."""


HOME = "https://github.com/D-X-Y/NATS-Bench and, as JSON, https://github.com/automl/NASLib (zc_nasbench201.json)"


@block("b c h w -> b c*grow h/stride w/stride")
def relu_conv_norm(c: int, kernel: int, stride: int = 1, grow: int = 1) -> Any:
    """The benchmark's convolution: activation first."""
    return chain(Activation("relu"), Conv(c * grow, kernel, stride), BatchNorm())


@block("b c h w -> b c*2 h/2 w/2")
def halving(c: int) -> Any:
    """The residual block between two stages."""
    shortcut = chain(AvgPool(2, 2), Conv(2 * c, 1))
    return parallel(shortcut, chain(relu_conv_norm(3, stride=2, grow=2), relu_conv_norm(3)))


def text(genome: Genome) -> str:
    """A genome in the notation of the benchmark."""
    states = [[f"{OPERATIONS[genome[f'{i}->{j}']]}~{i}" for i in range(j)] for j in range(1, 4)]
    return "+".join(f"|{'|'.join(edges)}|" for edges in states)


def genome(text: str) -> Genome:
    """The genome of a cell in the notation of the benchmark. Raises GenomeError naming the token and its place."""
    if text.startswith("("):
        return _of_numbers(text)
    found: Genome = {}
    states = text.split("+")
    if len(states) != 3:
        raise GenomeError(f"{text!r} has {len(states)} states joined by '+', a cell of NAS-Bench-201 has 3")
    for j, state in enumerate(states, 1):
        tokens = state.strip("|").split("|")
        if len(tokens) != j:
            raise GenomeError(f"{text!r}: state {j} ({state!r}) has {len(tokens)} edges and must have {j}")
        for i, token in enumerate(tokens):
            read = re.fullmatch(r"(\w+)~(\d)", token)
            if read is None or int(read[2]) != i:
                raise GenomeError(f"{text!r}: state {j}, edge {i}: {token!r}, expected 'operation~{i}'")
            if read[1] not in OPERATIONS:
                hint = nearest(read[1], OPERATIONS)
                raise GenomeError(f"{text!r}: state {j}, edge {i}: there is no operation {read[1]!r}{hint}")
            found[f"{i}->{j}"] = OPERATIONS.index(read[1])
    return found


SUITE = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""The numbers that NAS-Bench-Suite-Zero gives the operations; its edges come in the order of their sources."""


def _of_numbers(text: str) -> Genome:
    numbers = text.strip("() ").split(",")
    edges = sorted(EDGES)
    if len(numbers) != len(edges):
        raise GenomeError(f"{text!r} has {len(numbers)} numbers, a cell of NAS-Bench-201 has {len(edges)} edges")
    found: Genome = {}
    for place, (number, (i, j)) in enumerate(zip(numbers, edges, strict=True)):
        if number.strip() not in map(str, range(len(SUITE))):
            raise GenomeError(f"{text!r}: number {place} is {number.strip()!r}, expected 0 to {len(SUITE) - 1}")
        found[f"{i}->{j}"] = OPERATIONS.index(SUITE[int(number)])
    return {f"{i}->{j}": found[f"{i}->{j}"] for i, j in EDGES}


@space(
    "nb201",
    source="NAS-Bench-201 (Dong and Yang 2020, arXiv:2001.00326)",
    notation=Notation(text, genome, home=HOME),
    small={"input": (3, 8, 8), "width": 4, "cells": 1},
)
def nb201(input: Shape = (3, 32, 32), classes: int = 10, width: int = 16, cells: int = 5) -> Space:
    """All 15,625 cells, in the network that the benchmark trained: `cells` a stage, `width` channels in the first."""
    options = (Zero(), Identity(), relu_conv_norm(1), relu_conv_norm(3), AvgPool(3, 1))
    stage = repeat(cell(3, lambda i, j: choice(*options, name=f"{i}->{j}")), cells)
    body = chain(stage, halving(), stage, halving(), stage)
    tail = chain(BatchNorm(), Activation("relu"), Mean("h w"), Linear(classes))
    return Space(chain(stem=chain(Conv(width, 3), BatchNorm()), body=body, tail=tail), input)


def published_costs(
    genome: Genome, input: Shape = (3, 32, 32), classes: int = 10, width: int = 16, cells: int = 5
) -> tuple[int, int]:
    """(parameters, MACs of convolutions and the linear layer) with dead operations counted, as in the tables.

    Only convolutions cost parameters, and every cell has them on the same edges, so this is a sum over six edges.
    """
    kernels = [{2: 1, 3: 3}.get(genome[f"{i}->{j}"], 0) for i, j in EDGES]
    channels, height, w = input
    area = height * w
    params, macs = channels * width * 9 + 2 * width, channels * width * 9 * area
    for stage in range(3):
        c = width * 2**stage
        if stage:
            area //= 4
            half = c // 2
            params += half * c * 9 + c * c * 9 + 4 * c + half * c
            macs += (half * c * 9 + c * c * 9 + half * c) * area
        params += cells * sum(c * c * k * k + 2 * c for k in kernels if k)
        macs += cells * sum(c * c * k * k for k in kernels) * area
    return params + 2 * c + (c + 1) * classes, macs + c * classes


EXAMPLES = [(relu_conv_norm(3), (4, 6, 6)), (halving(), (4, 6, 6))]
