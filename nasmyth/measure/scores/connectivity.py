"""How a network is connected: the effective depth and width of its graph.

    effective_depth(graph), effective_width(graph)          # of the whole network
    effective_depth("body[0][0]")(graph)                    # of one cell: "effective_depth:body[0][0]" as text
    space.narrow(effective_depth("body[0][0]") >= 1)

Chen et al., "Deep Architecture Connectivity Matters for Its Convergence", NeurIPS 2022 (arXiv:2205.05662), section 4: with P
paths from the input to the output and d_p weighted layers on path p, the depth is the mean of d_p over the P paths, and the
width the number of paths with d_p > 0 divided by that depth. Both too small and too large ones converge slowly. Their rule for
cells of NAS-Bench-201 keeps depths from 1 to 2.5 and widths from 1 to 3. Where no path has a weighted layer both are 0.

What is a weighted layer, and how paths are counted, is in `nasmyth/graph/lengths.py`: exactly, and never one by one. The paper
counts paths through one cell. Through cells in a row their number is the product over the cells, so the depth of a network is
the sum of the depths of its parts in a row, while its width says little: measure that of one cell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from nasmyth.errors import CandidateError, UnitError
from nasmyth.graph import Graph
from nasmyth.graph.lengths import lengths
from nasmyth.measure.measure import Measure, measures


def depth_of(graph: Graph, within: str = "") -> float:
    """Weighted layers on a path from the input to the output, the mean over all paths."""
    paths, layers = lengths(graph, within).sums[:2]
    return _number(layers, paths, within) if layers else 0.0


def width_of(graph: Graph, within: str = "") -> float:
    """Paths with a weighted layer for each layer of the effective depth."""
    found = lengths(graph, within)
    paths, layers = found.sums[:2]
    return _number((paths - found.bare) * paths, layers, within) if layers else 0.0


def _number(above: int, below: int, within: str) -> float:
    try:
        return above / below
    except OverflowError:
        where = f"the part at {within!r}" if within else "the network"
        raise CandidateError(
            f"{where} has more than 1e308 paths, a width that no number holds: look at one cell, effective_width('ADDRESS')"
        ) from None


def _registered(name: str, function: Callable[..., float]) -> Measure:
    """A measure of whole graphs, which gives the same of the part at an address."""
    made = Measure(name, function, unit="", direction="max")

    @cache
    def at(within: str) -> Measure:
        def of_part(graph: Graph) -> float:
            return function(graph, within)

        of_part.__qualname__ = f"{__name__}.{name}"
        of_part.__doc__ = f"{(function.__doc__ or '').rstrip('.')}: of the part at {within!r}."
        return Measure(f"{name}:{within}", of_part, unit="", direction="max")

    def of(within: str) -> Measure:
        if not within.strip():
            raise UnitError(f"{name}: say of which part, such as '{name}:body[0][0]'; {name!r} is of the whole network")
        return at(within.strip())

    made.of = of
    measures.add(name, made)
    return made


effective_depth = _registered("effective_depth", depth_of)
effective_width = _registered("effective_width", width_of)
