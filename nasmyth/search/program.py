"""Search by an integer program: the best network of a chain under linear budgets, proven, without drawing any.

    solve(space, "entropy", [params <= 3e6, macs <= 300e6, effectiveness <= 0.5])       # a genome
    Study(None, space, maximize="accuracy", under=["macs<=300M", "effectiveness<=0.5"], strategy=Program())

DeepMAD (Shen et al. 2023, arXiv:2303.02165) designs networks so: the greatest entropy under bounds on parameters, MACs, depth
and effectiveness. The space has to be a chain whose parts depend on nothing but the shape that flows in
(`chain_table.py`); any other is refused. What is made large may be entropy or any sum over layers (params, macs).

`ranked` gives the best, then the next best, and so on; the strategy asks for them in that order. What the study bounds by
figures of the graph is a row of the program, exactly, and not what `narrow` leaves of each hole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from nasmyth.errors import BudgetError, SpaceError
from nasmyth.measure import constraints, find
from nasmyth.search.chain_model import Bound, Way
from nasmyth.search.chain_table import refuse_not_additive, tabulate
from nasmyth.search.chain_ways import Ways
from nasmyth.search.strategy import (
    FinishedTrial,
    Pending,
    Proposal,
    Strategy,
    distinct,
    hashable,
    in_full,
    out,
    strategy,
)
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.space import Space

SOLVED = ("depth", "effectiveness", "entropy")
"""What the program has beside sums."""
_RANKINGS = 8  # of the process, least recently asked first to go


class Solution(NamedTuple):
    """A network that the program found: its genome, what it was sought for, and whether it is proven to be the best left."""

    genome: Genome
    value: float
    proven: bool


def solve(
    space: Space,
    objective: Any = "entropy",
    under: Iterable[Any] = (),
    *,
    direction: str = "",
    growing: bool = False,
    effort: float = 60.0,
    gap: float = 1e-4,
) -> Genome:
    """The genome of the best network of a chain under these constraints, and those of the space.

    objective: entropy, depth, or a sum over layers such as macs; made large or small as the measure says, or as `direction`
    ("max", "min") does. growing: channels never fall from one part of the chain to the next, up to the head. effort: what the
    solver may spend, in its own seconds; the best found by then is given. gap: by what fraction a better one may be left, which
    is not looked for.

    Raises SpaceError for a space that is no chain, or a measure that is no sum; BudgetError where nothing meets them.
    """
    return next(ranked(space, objective, under, direction=direction, growing=growing, effort=effort, gap=gap)).genome


def ranked(
    space: Space,
    objective: Any = "entropy",
    under: Iterable[Any] = (),
    *,
    direction: str = "",
    growing: bool = False,
    effort: float = 60.0,
    gap: float = 1e-4,
) -> Iterator[Solution]:
    """The best network, then the next best, until there is none: see `solve`."""
    goal = find(objective)
    if goal.name not in ("entropy", "depth"):
        refuse_not_additive([goal.name])
    limits = tuple(dict.fromkeys((*space.constraints, *constraints(tuple(under)))))
    bounds = [Bound(one.measure.name, one.relation, _bound(one)) for one in limits]
    costs = [name for name in dict.fromkeys((goal.name, *(b.name for b in bounds))) if name not in SOLVED]
    table = tabulate(space, costs, growing)
    sign = 1 if (direction or goal.direction) == "max" else -1
    return _solutions(space, goal, limits, Ways(table, costs, goal.name, sign, bounds, effort, gap))


def _solutions(space: Space, goal: Any, limits: Sequence[Any], ways: Ways) -> Iterator[Solution]:
    number = 0
    for way, proven in ways:
        genome = _genome(space, way)
        graph = space.decode(genome)
        _refuse_if_not_the_sum(way, ways.costs, graph)
        if all(one.satisfied(one.measure(graph)) for one in limits):  # else it misses by less than the rounding
            number += 1
            yield Solution(genome, float(goal(graph)), proven)
    if not number:
        raise BudgetError(
            f"nothing in this space meets {' and '.join(map(str, limits)) or 'what it asks for'}: loosen one of them",
            binding=str(limits[0]) if limits else "",
        )


def _genome(space: Space, way: Way) -> Genome:
    """The decisions of a way in the space's order; what is no decision of the chain (a recipe's) is the first."""
    made = {key: value for arc in way.arcs for key, value in arc.genome.items()}

    def pick(key: str, hole: Hole) -> Any:
        return made[key] if key in made else hole.first()

    return space.walk(pick)


def _refuse_if_not_the_sum(way: Way, costs: Sequence[str], graph: Any) -> None:
    """Raise SpaceError where the whole costs something else than its parts together."""
    for i, name in enumerate(costs):
        told, whole = sum(arc.costs[i] for arc in way.arcs), find(name)(graph)
        if told != whole:
            raise SpaceError(f"{name} of a network is {whole:g}, and of its parts together {told:g}: this is no chain")


def _bound(limit: Any) -> float:
    name = limit.measure.name
    if name not in SOLVED:
        refuse_not_additive([name])
    return float(limit.bound)


@strategy("program")
class Program(Strategy):
    """The best of a chain by an integer program, then the next best (see the top of this file).

    objective, direction, growing, effort, gap: as for `solve`. Constraints on graphs are those of the study. Where no next
    best is left, and the study asks on, genomes are drawn at random.
    """

    objective: str = "entropy"
    direction: str = ""
    growing: bool = False
    effort: float = 60.0
    gap: float = 1e-4

    def check(self) -> None:
        if self.direction not in ("", "max", "min"):
            raise SpaceError(f"{self!r}: direction is 'max' or 'min', or '' for the measure's own")
        if not self.effort > 0 or self.gap < 0:
            raise SpaceError(
                f"{self!r}: the solver needs some effort and a gap of at least 0; write effort=60, gap=1e-4"
            )

    def init(self, space: Space) -> frozenset[Any]:
        return frozenset()

    def tell(self, state: frozenset[Any], trial: FinishedTrial) -> frozenset[Any]:
        return state | {hashable(trial.genome)}

    def ask(
        self, state: frozenset[Any], space: Space, rng: Random, n: int, pending: Sequence[Pending]
    ) -> list[Proposal]:
        taken = state | out(pending)
        fresh = (genome for genome in _ranking(self, space) if hashable(genome) not in taken)
        before = list(itertools.islice(fresh, n))
        return in_full(distinct(lambda: space.sample(rng), n, out(pending), before))


class _Ranking:
    """Solutions in their order, each found when it is first asked for. They depend on space and settings alone, not on what
    was told, so that a search that goes on meets the same ones."""

    def __init__(self, strategy: Program, space: Space) -> None:
        self.found: list[Genome] = []
        self.rest = ranked(
            space,
            strategy.objective,
            direction=strategy.direction,
            growing=strategy.growing,
            effort=strategy.effort,
            gap=strategy.gap,
        )

    def __iter__(self) -> Iterator[Genome]:
        for i in itertools.count():
            if i == len(self.found):
                following = next(self.rest, None)
                if following is None:
                    return
                self.found.append(following.genome)
            yield dict(self.found[i])


_rankings: dict[Any, _Ranking] = {}


def _ranking(strategy: Program, space: Space) -> _Ranking:
    key = (strategy, space)
    made = _rankings.pop(key, None) or _Ranking(strategy, space)
    _rankings[key] = made
    while len(_rankings) > _RANKINGS:
        del _rankings[next(iter(_rankings))]
    return made
