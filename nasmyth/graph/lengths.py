"""How long the ways through a graph are, in weighted layers: sums over all of its paths, none of which is listed.

    chain(Linear(8), residual(Linear(8)), Linear(2))      # two paths, of 2 and of 3 weighted layers
    lengths(graph).paths, lengths(graph).sums             # 2, (2, 5, 13, 35): how many, and their lengths to the powers 0 to 3

A weighted layer is an op that multiplies its input by numbers that are learned: it has parameters and costs
multiply-accumulates, as convolutions, linear layers and attention do; norms, scales, tables of embeddings and what has no
weights are passed for nothing. An op of several products, such as attention, is one layer.

The number of paths doubles with every residual block, so all sums are exact Python integers. A path that is summed with
itself counts as often as it arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import comb
from typing import Any, NamedTuple

from nasmyth.contents import late
from nasmyth.errors import NasmythError, nearest
from nasmyth.graph.encode import nodes_of, view
from nasmyth.graph.flat import Node
from nasmyth.graph.joins import Zero
from nasmyth.graph.op import mac_count, param_count
from nasmyth.graph.signature import Shape

POWERS = 4
"""Sums are kept of the powers 0 to 3 of lengths."""

Sums = tuple[Any, ...]


class Lengths(NamedTuple):
    """Sums over all paths from the inputs to the output, L being the number of weighted layers on a path.

    All are integers; of the mean path (`shares=True`) fractions, and `paths` is 1.
    """

    sums: Sums
    """Of L^0 (how many paths there are), L, L^2 and L^3."""
    areas: Sums
    """Of A, A L and A L^2, where A adds up the places that the kernel of each layer on the path covers, 1 of a linear one."""
    bare: Any
    """How many paths have no weighted layer."""

    @property
    def paths(self) -> Any:
        """How many paths there are: 0 where nothing that enters reaches the output."""
        return self.sums[0]


def lengths(graph: Any, within: str = "", shares: bool = False) -> Lengths:
    """The sums over all paths of a graph, or of its part at the address `within` ("body[0][0]", see `graph/encode.py`).

    shares: each path counts as much as it makes of the output where the terms of every join are worth the same: the product
    of 1 / (terms that are joined) over the joins on it. Raises NasmythError where there is no graph, or no such part.
    """
    seen = view(checked_part(graph, within), within)
    at: list[Lengths] = []
    for row, inputs in enumerate(seen.inputs):
        node = seen.nodes[row]
        if row < seen.sources:
            one = Fraction(1) if shares else 1
            at.append(Lengths((one, 0, 0, 0), (0, 0, 0), one))
            continue
        arriving = _joined([at[i] for i in inputs], shares)
        if node is not None and isinstance(node.op, Zero):
            arriving = NOTHING
        elif node is not None and is_layer(node, seen.shapes[row]):
            arriving = _passed(arriving, kernel_places(node, seen.shapes[row]))
        at.append(arriving)
    return at[-1]


NOTHING = Lengths((0,) * POWERS, (0,) * (POWERS - 1), 0)


def _joined(parts: list[Lengths], shares: bool) -> Lengths:
    """The paths of all that arrives."""
    by = Fraction(1, len(parts)) if shares else 1
    sums = tuple(sum(one) * by for one in zip(*(part.sums for part in parts), strict=True))
    areas = tuple(sum(one) * by for one in zip(*(part.areas for part in parts), strict=True))
    return Lengths(sums, areas, sum(part.bare for part in parts) * by)


def _passed(paths: Lengths, area: int) -> Lengths:
    """The same paths, each one layer longer: (L + 1)^k by the binomial theorem."""
    sums, areas, _ = paths
    longer = tuple(sum(comb(k, j) * sums[j] for j in range(k + 1)) for k in range(POWERS))
    wider = tuple(sum(comb(k, j) * (areas[j] + area * sums[j]) for j in range(k + 1)) for k in range(POWERS - 1))
    return Lengths(longer, wider, 0)


def is_layer(node: Node, shapes: tuple[Shape, ...]) -> bool:
    """Whether a node that takes these shapes is a weighted layer. What has no rules is built and counted once."""
    params, macs = (rule(node.op, shapes, node.shape) for rule in (param_count, mac_count))
    if (params is None or macs is None) and node.op.module is not None:
        params, _, macs = late("nasmyth.ops.found.counted:count")(node.op, shapes)
    return bool(params and macs)


def kernel_places(node: Node, shapes: tuple[Shape, ...]) -> int:
    """How many places of its input a layer sums over for one output: 9 of a convolution of 3 x 3, 1 of a linear layer."""
    known = dict(zip(node.op.fields, node.op.field_values, strict=True))
    if "kernel" in known:
        return int(known["kernel"] ** max(1, len(shapes[0]) - 1))
    return int(known.get("tall", 1) * known.get("wide", 1))


def checked_part(graph: Any, within: str) -> Any:
    """The graph, if it may have such a part. Raises NasmythError, which suggests the nearest.

    A part of skips alone leaves no node behind, so an address is refused only where nothing near it is in the graph.
    """
    if within and not any(_first(node.address) == _first(within) for node in nodes_of(graph)):
        known: Iterable[str] = sorted({_first(node.address) for node in nodes_of(graph) if node.inputs})
        raise NasmythError(f"nothing is at {within!r}{nearest(within, list(known))}; print(graph) lists the addresses")
    return graph


def _first(address: str) -> str:
    return address.partition(".")[0].partition("[")[0]
