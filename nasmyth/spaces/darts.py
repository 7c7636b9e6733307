"""The space of DARTS (Liu, Simonyan, Yang 2019, arXiv:1806.09055): a normal cell and a reduction cell.

A cell takes the outputs of the two cells before it, states 0 and 1. Each of its four further states is the sum of two
earlier states, each through one of seven operations; the four are joined. Cells are stacked 20 deep, reduction cells, which
halve the image and double the channels, stand at one and two thirds of the depth.

    (((0, 3), (1, 3), (0, 3), (1, 3), (0, 2), (1, 3), (0, 2), (2, 5)), ((0, 0), (1, 0), (1, 0), (2, 2), (0, 0), ...))

is how the tables of NAS-Bench-301 (Siems et al. 2020, arXiv:2008.09777) write a genotype: for the normal and the reduction
cell the two (state, operation) pairs of each further state; `OPERATIONS` gives the numbers. `of_lists` reads the lists of
(operation, state) that papers print.

Where we depart: the two pairs of a state are written in the order of their states, so that one genotype has one text. The
auxiliary classifier, which serves training alone and is not counted in the paper either, is not there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from nasmyth.blocks import factorised_reduce, relu_conv, relu_separable
from nasmyth.errors import GenomeError, nearest
from nasmyth.graph import Concat, Identity, block, cell, chain, stack_cells
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.signature import Shape
from nasmyth.ops import AvgPool, BatchNorm, Conv, Linear, MaxPool, Mean, ScheduledDropPath
from nasmyth.space import Genome, Space, choice, subset
from nasmyth.spaces.registry import Notation, space

OPERATIONS = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip
"""In the order of their numbers in the tables."""
KINDS = ("normal", "reduce")
STATES = range(2, 6)
"""Numbers of the states that a cell makes."""


@block("b c h w -> b c h/stride w/stride")
def darts_op(c: int, kind: str, stride: int = 1, drop_path: float = 0.0) -> Any:
    """An edge of a cell. All but skips can be dropped in training."""
    kernel = 5 if kind.endswith("5x5") else 3
    made: dict[str, Any] = {
        "max_pool_3x3": MaxPool(3, stride),
        "avg_pool_3x3": AvgPool(3, stride),
        "skip_connect": Identity() if stride == 1 else factorised_reduce(c),
    }
    if kind.startswith("sep"):
        made[kind] = relu_separable(c, kernel, stride)
    elif kind.startswith("dil"):
        made[kind] = relu_separable(c, kernel, stride, dilation=2, times=1)
    dropped = drop_path and not isinstance(made[kind], Identity)
    return chain(op=made[kind], drop=ScheduledDropPath(drop_path)) if dropped else made[kind]


def taking_two(inner: Any, width: int, halved: bool) -> Any:
    """A cell with what brings the outputs of the two cells before it to `width` channels, and to one size."""
    older = factorised_reduce(width) if halved else relu_conv(width)
    return Cell((Vertex((Edge(0, older), Edge(1, relu_conv(width)))),), inputs=2, join=inner)


def _cell(kind: str, drop_path: float) -> Any:
    def edge(i: int, j: int) -> Any:
        stride = 2 if kind == "reduce" and i < 2 else 1
        return darts_op(choice(*OPERATIONS, name=f"{kind} {i}->{j}"), stride, drop_path)

    def pick(edges: tuple[Edge, ...], j: int) -> Any:
        return edges if len(edges) == 2 else subset(2, *edges, name=f"{kind} into {j}")

    return cell(len(STATES), edge, inputs=2, pick=pick, output="all", out=Concat())


# --- notation -----------------------------------------------------------------------------------------------------


def _sources(genome: Genome, kind: str, j: int) -> list[int]:
    return list(genome.get(f"{kind} into {j}", (0, 1)))


def text(genome: Genome) -> str:
    """A genome as a table of NAS-Bench-301 has it."""
    cells = []
    for kind in KINDS:
        pairs = [(i, genome[f"{kind} {i}->{j}"]) for j in STATES for i in _sources(genome, kind, j)]
        cells.append(tuple((i, OPERATIONS.index(name)) for i, name in pairs))
    return str(tuple(cells))


def genome(text: str) -> Genome:
    """The genome of a text. Raises GenomeError that names the cell, the pair and what is wrong with it."""
    try:
        cells = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise GenomeError(f"{text!r} is not a genotype: expected (((state, operation), ...), (...))") from None
    if not isinstance(cells, (tuple, list)) or len(cells) != len(KINDS):
        raise GenomeError(f"{text!r}: a genotype is two cells, the normal one and the reduction")
    found: Genome = {}
    for kind, pairs in zip(KINDS, cells, strict=True):
        found |= _of_pairs(kind, [_named(kind, n, pair) for n, pair in enumerate(_listed(kind, pairs))])
    return found


def of_lists(normal: Sequence[tuple[str, int]], reduce: Sequence[tuple[str, int]]) -> Genome:
    """The genome of a genotype as papers print it: for each cell eight pairs ("sep_conv_3x3", 0). Raises GenomeError."""
    found: Genome = {}
    for kind, pairs in zip(KINDS, (normal, reduce), strict=True):
        swapped = [(state, name) for name, state in _listed(kind, pairs)]
        found |= _of_pairs(kind, [_known(kind, n, *pair) for n, pair in enumerate(swapped)])
    return found


def _listed(kind: str, pairs: Any) -> Iterable[Any]:
    if not isinstance(pairs, (tuple, list)) or len(pairs) != 2 * len(STATES):
        raise GenomeError(f"{kind} cell: expected {2 * len(STATES)} pairs, got {pairs!r}")
    wrong = next((n for n, pair in enumerate(pairs) if not isinstance(pair, (tuple, list)) or len(pair) != 2), None)
    if wrong is not None:
        raise GenomeError(f"{kind} cell, pair {wrong}: {pairs[wrong]!r} is not a pair of a state and an operation")
    return pairs


def _named(kind: str, n: int, pair: Any) -> tuple[int, str]:
    state, number = pair
    if type(number) is not int or not 0 <= number < len(OPERATIONS):
        raise GenomeError(f"{kind} cell, pair {n}: there is no operation {number!r} (0 to {len(OPERATIONS) - 1})")
    return _known(kind, n, state, OPERATIONS[number])


def _known(kind: str, n: int, state: Any, name: Any) -> tuple[int, str]:
    j = STATES[n // 2]
    if type(state) is not int or not 0 <= state < j:
        raise GenomeError(f"{kind} cell, pair {n}: state {j} cannot read state {state!r} (0 to {j - 1})")
    if name not in OPERATIONS:
        raise GenomeError(f"{kind} cell, pair {n}: there is no operation {name!r}{nearest(str(name), OPERATIONS)}")
    return state, name


def _of_pairs(kind: str, pairs: list[tuple[int, str]]) -> Genome:
    found: Genome = {}
    for n, j in enumerate(STATES):
        two = sorted(pairs[2 * n : 2 * n + 2])
        if two[0][0] == two[1][0]:
            raise GenomeError(f"{kind} cell, pair {2 * n + 1}: state {j} reads state {two[0][0]} twice; give it two")
        if j > 2:
            found[f"{kind} into {j}"] = [two[0][0], two[1][0]]
        found |= {f"{kind} {i}->{j}": name for i, name in two}
    return found


# --- the space ----------------------------------------------------------------------------------------------------


@space(
    "darts",
    source="DARTS (Liu et al. 2019, arXiv:1806.09055)",
    notation=Notation(text, genome, ("arch",)),
    small={"input": (3, 8, 8), "width": 4, "layers": 3},
)
def darts(
    input: Shape = (3, 32, 32), classes: int = 10, width: int = 36, layers: int = 20, drop_path: float = 0.0
) -> Space:
    """All pairs of cells, in the network that the paper trains on CIFAR-10; `drop_path` (0.2 there) rises as it is
    trained."""
    reductions = (layers // 3, 2 * layers // 3)
    inner = {kind: _cell(kind, drop_path) for kind in KINDS}
    stem, cells = chain(conv=Conv(3 * width), norm=BatchNorm()), []
    for i in range(layers):
        width *= 2 if i in reductions else 1
        cells.append(taking_two(inner["reduce" if i in reductions else "normal"], width, i - 1 in reductions))
    return Space(chain(stem=stem, cells=stack_cells(*cells), pool=Mean("h w"), head=Linear(classes)), input)


EXAMPLES = [(darts_op(kind, stride), (4, 6, 6)) for kind in OPERATIONS for stride in (1, 2)]
EXAMPLES += [(darts_op("sep_conv_5x5", drop_path=0.2), (4, 6, 6)), (darts_op("skip_connect", 2, 0.2), (4, 6, 6))]
