"""EvoNorm: normalisation and activation as one expression (Liu et al. 2020, arXiv:2004.02967).

A layer is a graph over an image x. It starts from x, zeros, and learned numbers for each channel; every further node is a
function of one or two nodes before it: arithmetic, or a mean or deviation over the batch, an example's channel, all of an
example, or groups of its channels. The last node is the layer.

    bn_relu = written("mean batch x; neg 5; add x 6; std batch x; div 7 8; mul 9 gamma; add 10 beta; max 11 zero")

is batch normalisation with ReLU behind it, a genome of the space. `PUBLISHED` has four layers, the two EvoNorms among them.
All layers of a network are the same, since holes of one name are one decision.

Where we depart: the paper starts from two learned vectors, one of zeros and one of ones; the formulas that it ends with
have three (beta, gamma, v), and so has every layer here. Divisors are kept from zero. Nodes that the last one does not
need are neither built nor counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from nasmyth.errors import GenomeError, nearest
from nasmyth.graph import Add, Identity, Multiply, chain, parallel, repeat
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, AvgPool, Constant, Conv, Divide, Function, Learned, Linear, Maximum, Mean, Moment
from nasmyth.ops.primitives import MOMENTS, OVER
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import Notation, space
from nasmyth.units import is_whole

NODES = 10
"""That a layer has besides those that it starts from (section 3.1 of the paper)."""
GIVEN = ("x", "zero", "beta", "gamma", "v")
BINARY = {"add": Add(), "mul": Multiply(), "div": Divide(), "max": Maximum()}
GROUPS = 8
"""Groups of channels that deviations are taken over. The paper's 32 needs at least so many channels."""


def unary(groups: int = GROUPS) -> dict[str, Any]:
    """The functions of one node, by name."""
    plain = {kind: Function(kind) for kind in ("neg", "exp", "log", "abs", "square", "sqrt")}
    squashed = {kind: Activation(kind) for kind in ("sigmoid", "tanh")}
    return {**plain, **squashed, **{f"{kind} {over}": Moment(kind, over, groups) for kind in MOMENTS for over in OVER}}


ONE, TWO = tuple(unary()), tuple(BINARY)


def layer(nodes: int = NODES, groups: int = GROUPS) -> Any:
    """A layer with all decisions open, for images."""
    starts = [Constant(0.0), Learned(0.0), Learned(1.0), Learned(1.0)]
    vertices: list[Any] = [Vertex((Edge(0, start),)) for start in starts]
    for j in range(len(GIVEN), len(GIVEN) + nodes):
        a, b = (choice(*range(j), name=f"{j}{side}") for side in "ab")
        one = Vertex((Edge(a, Identity()),), choice(*unary(groups).values(), name=f"{j} of one"))
        two = Vertex(
            (Edge(a, Identity()), Edge(b, Identity())), Identity(), choice(*BINARY.values(), name=f"{j} of two")
        )
        vertices.append(choice(one, two, name=f"{j}"))
    return Cell(tuple(vertices))


# --- notation ---------------------------------------------------------------------------------------------------------


def text(genome: Genome) -> str:
    """A genome as one line: for every node its function and the nodes that it reads."""
    parts = []
    for j in range(len(GIVEN), len(GIVEN) + sum(f"{i}" in genome for i in range(100))):
        inputs = [genome[f"{j}{side}"] for side in "ab"[: 1 + genome[f"{j}"]]]
        name = TWO[genome[f"{j} of two"]] if genome[f"{j}"] else ONE[genome[f"{j} of one"]]
        parts.append(" ".join([name, *(GIVEN[i] if i < len(GIVEN) else str(i) for i in inputs)]))
    return "; ".join(parts)


def written(text: str, nodes: int = NODES) -> Genome:
    """The genome of a layer that is written node by node. Fewer nodes than `nodes` are put last, behind some that nothing
    reads; numbers of nodes then count as if there were none of those. Raises GenomeError naming the node."""
    parts = [part.split() for part in text.split(";") if part.strip()]
    if not 0 < len(parts) <= nodes:
        raise GenomeError(f"{text!r}: has {len(parts)} nodes, and may have 1 to {nodes}")
    idle = nodes - len(parts)
    genome: Genome = {}
    for j in range(len(GIVEN), len(GIVEN) + idle):
        genome |= {f"{j}": 0, f"{j}a": 0, f"{j} of one": 0}
    for j, words in enumerate(parts, len(GIVEN)):
        genome |= _node(text, j, words, idle)
    return genome


def _node(text: str, j: int, words: list[str], idle: int) -> Genome:
    at = j + idle
    name = " ".join(words[:2]) if words[0] in MOMENTS else words[0]
    inputs = words[2:] if words[0] in MOMENTS else words[1:]
    if name not in (*ONE, *TWO):
        raise GenomeError(f"{text!r}: node {j}: there is no function {name!r}{nearest(name, (*ONE, *TWO))}")
    if len(inputs) != (two := 1 + (name in TWO)):
        raise GenomeError(f"{text!r}: node {j}: {name!r} takes {two} node{'s' * (two > 1)}, got {len(inputs)}")
    read = []
    for word in inputs:
        i = GIVEN.index(word) if word in GIVEN else int(word) if is_whole(word) else -1
        if not 0 <= i < j or (is_whole(word) and i < len(GIVEN)):
            raise GenomeError(
                f"{text!r}: node {j}: {word!r} is none of {', '.join(GIVEN)} and no number of a node before"
            )
        read.append(i if i < len(GIVEN) else i + idle)
    if name in TWO:
        return {f"{at}": 1, f"{at}a": read[0], f"{at}b": read[1], f"{at} of two": TWO.index(name)}
    return {f"{at}": 0, f"{at}a": read[0], f"{at} of one": ONE.index(name)}


PUBLISHED = {
    "bn-relu": "mean batch x; neg 5; add x 6; std batch x; div 7 8; mul 9 gamma; add 10 beta; max 11 zero",
    "gn-silu": "mean group x; neg 5; add x 6; std group x; div 7 8; mul 9 gamma; add 10 beta; sigmoid 11; mul 11 12",
    "b0": "mul x v; std instance x; add 5 6; std batch x; max 7 8; div x 9; mul 10 gamma; add 11 beta",
    "s0": "mul x v; sigmoid 5; mul x 6; std group x; div 7 8; mul 9 gamma; add 10 beta",
}
"""BN-ReLU, GN-SiLU, EvoNorm-B0 and EvoNorm-S0 (table 4 of the paper)."""


@space(
    "evonorm",
    source="EvoNorm (Liu et al. 2020, arXiv:2004.02967)",
    notation=Notation(text, written),
    small={"input": (3, 8, 8), "width": 8, "blocks": 1, "nodes": 4, "groups": 2},
)
def evonorm(
    input: Shape = (3, 32, 32),
    classes: int = 10,
    width: int = 16,
    blocks: int = 3,
    nodes: int = NODES,
    groups: int = GROUPS,
) -> Space:
    """Residual networks in the style of CIFAR ResNets, every norm and activation of which is the same open layer.

    Three stages of `blocks` blocks with activations first (He 2016, arXiv:1603.05027), `width` channels in the first, twice
    as many in each further one.
    """
    act = layer(nodes, groups)

    def body(out: int, stride: int = 1) -> Any:
        return chain(act, Conv(out, 3, stride), act, Conv(out, 3))

    stages = []
    for stage in range(3):
        out = width * 2**stage
        first = chain(AvgPool(2, 2), Conv(out, 1)) if stage else Identity()
        stages.append(parallel(skip=first, body=body(out, 2 if stage else 1)))
        stages.append(repeat(parallel(skip=Identity(), body=body(out)), blocks - 1))
    return Space(
        chain(stem=Conv(width, 3), stages=chain(*stages), last=act, pool=Mean("h w"), head=Linear(classes)), input
    )


# --- rejection --------------------------------------------------------------------------------------------------------


def stable(gradient_norms: Iterable[float], most: float = 1e8) -> bool:
    """Whether a network's gradients stay finite and below `most` (section 3.3: layers whose gradients pass 10^8 under
    weights that are trained to make them large are rejected)."""
    return all(math.isfinite(norm) and norm <= most for norm in gradient_norms)


def good_enough(accuracy: float, classes: int, least: float = 2.0) -> bool:
    """Whether a network that was trained for 100 steps is better than chance by a factor (section 3.3: 20 % of ten
    classes)."""
    return math.isfinite(accuracy) and accuracy >= least / classes
