"""The largest network of a hand-designed family that a budget allows, and smaller ones of it.

Costs that a graph tells are looked up width by width. What a device must be asked takes seconds, so it is asked of a network
that does the arithmetic of the plain one, which keeps within the limits, and then of smaller ones by how far it was missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nasmyth.domains.sizing import fitting
from nasmyth.domains.starts import Family
from nasmyth.measure import Constraint, find

if TYPE_CHECKING:
    from nasmyth.graph import Graph
    from nasmyth.space import Genome, Space
    from nasmyth.train.task import Task

TRIES, NEARLY = 4, 0.95
"""How often a device is asked of a family; and what share of what the limit would allow is tried next where it was missed."""


@dataclass
class Sizes:
    """Networks of families within limits, for a task and its space. `plain` is one that meets all of them."""

    task: Task
    space: Space
    limits: Sequence[Constraint]
    plain: Genome
    widths: Sequence[int]
    families: Mapping[str, Family]
    counted: list[Constraint] = field(init=False)
    measured: list[Constraint] = field(init=False)
    full: dict[str, Genome | None] = field(init=False, default_factory=dict)
    """The largest of each family that was asked for."""

    def __post_init__(self) -> None:
        known = [limit for limit in self.limits if "training" not in limit.measure.requires]
        self.counted = [limit for limit in known if limit.measure.requires <= {"graph"}]
        self.measured = [limit for limit in known if limit not in self.counted]
        if self.measured or not any(limit.relation == "<=" for limit in self.counted):
            macs, params, graph = find("macs"), find("params"), self.space.decode(self.plain)
            self.counted += [macs <= macs(graph), params <= max(params(graph), *self._bounds("params"))]

    def _bounds(self, name: str) -> list[float]:
        return [limit.bound for limit in self.counted if limit.measure.name == name and limit.relation == "<="] or [0.0]

    def sized(self, name: str, share: float) -> Genome | None:
        """Of a family, the widest with this share of the multiply-accumulates of the widest that fits."""
        if name not in self.full:
            self.full[name] = self.largest(self.families[name])
        full = self.full[name]
        return full if share == 1 or full is None else self.smaller(self.families[name], full, share)

    def largest(self, family: Family) -> Genome | None:
        """The widest within all limits; None where there is none."""
        macs, within = find("macs"), self.counted
        for _ in range(TRIES):
            genome = self._widest(family, within)
            if genome is None or not self.measured:
                return genome
            graph = self.space.decode(genome)
            worst = max(limit.violation_ratio(self._told(limit, graph)) for limit in self.measured)
            if worst <= 1.0:
                return genome
            within = [*self.counted, macs <= NEARLY * macs(graph) / worst]
        return None

    def smaller(self, family: Family, full: Genome, share: float) -> Genome | None:
        """The widest with this share of the multiply-accumulates of `full`."""
        macs = find("macs")
        return self._widest(family, [*self.counted, macs <= share * macs(self.space.decode(full))])

    def _widest(self, family: Family, limits: Sequence[Constraint]) -> Genome | None:
        upper = [limit for limit in limits if limit.relation == "<="]

        def within(width: int, bounds: Iterable[Constraint]) -> bool:
            graph = self.space.decode(family(width))
            return all(limit.satisfied(limit.measure(graph)) for limit in bounds)

        count = fitting(self.widths, lambda width: within(width, upper))
        if not count or not within(self.widths[count - 1], limits):
            return None
        return family(self.widths[count - 1])

    def _told(self, limit: Constraint, graph: Graph) -> float:
        from nasmyth.measure import Candidate, evaluate

        told = evaluate(Candidate(graph, task=self.task), (limit.measure,))
        if told.error is not None:
            raise told.error
        return told.values[limit.measure.name]
