"""A seed network made as large as a budget allows, or as small as it demands, without training.

    scale(graph, to=params <= 5e6)                              # width and depth in the mix of the greatest entropy
    scale(graph, to=[params <= 5e6, macs <= 1e9], by="width")

Width: all groups of axes by one factor, each at a legal multiple (`widths.py`). Depth: all rows of equal blocks by one
factor (`graph/rows.py`). For each depth there is a width that uses up the budget; by="entropy" takes the depth at which that
network has the greatest network entropy of those whose effectiveness is bounded (DeepMAD, Shen et al. 2023,
arXiv:2303.02165; `measure/scores/entropy.py`). So it is neither by a fixed rule (EfficientNet's compound factors), nor by
training a few sizes (ResNet-RS, Bello et al. 2021, arXiv:2103.07579: deeper where a network may overfit, else wider); As-ViT
(Chen et al. 2022, arXiv:2202.11921) grows a seed so, by another score of untrained networks. What is scaled up gets nowhere
narrower nor shallower than the seed, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, get_args

from nasmyth.errors import BudgetError, NasmythError, ShapeError
from nasmyth.graph import Graph
from nasmyth.graph.rows import rows, with_counts
from nasmyth.measure import Constraint, constraints
from nasmyth.measure.scores.entropy import longest_path
from nasmyth.transform.widths import widths, with_widths

Mix = Literal["entropy", "width", "depth"]
_LARGEST = 256
_STEPS = 40  # of a bisection: factors that lead to the same widths are told apart long before
_DEPTHS = 24  # factors of depth that are looked at


def scale(
    graph: Any, to: str | Constraint | Iterable[str | Constraint], by: Mix = "entropy", effectiveness: float = 0.5
) -> Graph:
    """The graph with widths and depth as large as the constraints allow.

    graph: a Graph, or what has one. to: upper bounds on what a graph tells, such as params <= 5e6. by: "entropy" mixes both,
    "width" and "depth" change one. effectiveness: the most that the mix may have (depth over mean fan-in); of none that has
    less, it takes the least. The result meets the constraints as nearly as legal sizes allow from below. Addresses stay,
    but for those that stand behind the blocks of a row and are counted on.

    Raises BudgetError where even the smallest is too large, NasmythError where nothing can be scaled so.
    """
    if by not in get_args(Mix):
        raise NasmythError(f"scale(by={by!r}): scale by 'entropy', 'width' or 'depth'")
    seed = getattr(graph, "graph", graph)
    if not isinstance(seed, Graph):
        raise NasmythError(f"scale({seed!r:.80}): give a Graph, or a Network")
    room = _Room(seed, _checked(to))
    if by == "width":
        return room.widest(room.counts)
    if by == "depth":
        return room.deepest()
    return room.mixed(effectiveness)


def _checked(to: Any) -> tuple[Constraint, ...]:
    limits = constraints(to)
    for one in limits:
        if one.relation != "<=" or not one.measure.requires <= {"graph"}:
            raise NasmythError(f"scale(to={one}): bounds are from above, on what a graph tells, such as params <= 5e6")
    if not limits:
        raise NasmythError("scale(to=[]): give a bound, such as params <= 5e6")
    return limits


class _Room:
    """A seed, what of it can be scaled, and the bounds."""

    def __init__(self, seed: Graph, limits: Sequence[Constraint]) -> None:
        self.seed, self.limits = seed, limits
        self.rows = rows(seed)
        self.counts = [row.copies for row in self.rows]
        self.units = [width.units for width in widths(seed)]
        self.up = self.fits(seed)

    def fits(self, graph: Graph) -> bool:
        return all(one.satisfied(one.measure(graph)) for one in self.limits)

    def made(self, units: Sequence[int], counts: Sequence[int]) -> Graph | None:
        """The seed at these sizes; None where shapes do not go together."""
        try:
            return with_counts(with_widths(self.seed, units), self.rows, counts)
        except ShapeError:
            return None

    def takes(self, units: Sequence[int], counts: Sequence[int]) -> bool:
        made = self.made(units, counts)
        return made is not None and self.fits(made)

    # --- one of both ------------------------------------------------------------------------------------------------

    def widest(self, counts: Sequence[int]) -> Graph:
        """The widest with these numbers of blocks. Raises BudgetError, or NasmythError where no width can be set."""
        if not self.units:
            raise NasmythError(f"no width of {self.seed!r} can be set: print(graph.axes) says why")
        return self._largest(
            self.units, lambda units: self.takes(units, counts), lambda units: self.made(units, counts)
        )

    def deepest(self) -> Graph:
        if not self.rows:
            raise NasmythError(
                f"{self.seed!r} has no block that could be repeated: parts of several layers that keep their shape, "
                "such as repeat(residual(...), 2)"
            )
        return self._largest(
            self.counts, lambda counts: self.takes(self.units, counts), lambda counts: self.made(self.units, counts)
        )

    def _largest(
        self, sizes: Sequence[int], takes: Callable[[list[int]], bool], made: Callable[[list[int]], Graph | None]
    ) -> Graph:
        """All sizes by the largest factor that fits, and then one more of each that still fits."""
        low, high = (1.0, 2.0) if self.up else (0.0, 1.0)
        if not takes(_times(sizes, low)):
            raise self._too_large(made(_times(sizes, low)))
        if self.up:
            low, high = self._bracket(lambda factor: takes(_times(sizes, factor)))
        now, above = _times(sizes, low), _times(sizes, high)
        for _ in range(_STEPS):
            if all(b - a <= 1 for a, b in zip(now, above, strict=True)):
                break
            middle = (low + high) / 2
            low, high = (middle, high) if takes(_times(sizes, middle)) else (low, middle)
            now, above = _times(sizes, low), _times(sizes, high)
        for i in sorted(range(len(now)), key=lambda i: -now[i]):
            more = [*now[:i], above[i], *now[i + 1 :]]
            if above[i] > now[i] and takes(more):
                now = more
        found = made(now)
        assert found is not None
        return found

    def _bracket(self, takes: Callable[[float], bool]) -> tuple[float, float]:
        """A factor that fits, and twice that, which does not."""
        factor = 1.0
        while takes(2 * factor):
            factor *= 2
            if factor >= _LARGEST:
                bounds = " and ".join(map(str, self.limits))
                raise NasmythError(
                    f"{bounds} still holds at {_LARGEST} times the size: give a bound that this scaling meets"
                )
        return factor, 2 * factor

    def _too_large(self, least: Graph | None) -> BudgetError:
        if least is None:
            return BudgetError("no size of this network fits together", binding=str(self.limits[0]))
        found = [(one, one.measure(least)) for one in self.limits]
        binding, value = max(found, key=lambda pair: pair[0].violation_ratio(pair[1]))
        return BudgetError(
            f"nothing of this shape meets {binding}: the smallest has {binding.measure.name} {binding.measure.show(value)}",
            binding=str(binding),
            smallest=value,
            feasible=", ".join(str(one.at(got)) for one, got in found if not one.satisfied(got)),
        )

    # --- both -------------------------------------------------------------------------------------------------------

    def mixed(self, effectiveness: float) -> Graph:
        """Of all depths, each as wide as fits, the one of most entropy."""
        if not self.rows:
            return self.widest(())
        if not self.units:
            return self.deepest()
        found: list[Graph] = []
        missed: BudgetError | None = None
        for counts in self._depths():
            try:
                found.append(self.widest(counts))
            except BudgetError as error:
                missed = error
                if self.up:
                    break
        with suppress(NasmythError):  # nothing fits, or depth alone never meets the bound
            found.append(self.deepest())
        if not found:
            assert missed is not None
            raise missed

        def worth(graph: Graph) -> tuple[bool, float]:
            path = longest_path(graph)
            allowed = path.effectiveness <= effectiveness
            return allowed, path.entropy if allowed else -path.effectiveness

        return max(found, key=worth)

    def _depths(self) -> Iterator[list[int]]:
        """Numbers of blocks, from those of the seed on: deeper ones if it is to grow, else shallower ones."""
        most = max(self.counts)
        before: list[int] | None = None
        for k in range(_DEPTHS):
            total = most + k if self.up else most - k
            if k > 8 and self.up:  # in steps that grow, since a few of many blocks make no difference
                total = round((most + 8) * 1.25 ** (k - 8))
            counts = _times(self.counts, total / most)
            if total >= 1 and counts != before:
                before = counts
                yield counts


def _times(sizes: Sequence[int], factor: float) -> list[int]:
    """Sizes times a factor, at least 1."""
    return [max(1, round(size * factor)) for size in sizes]
