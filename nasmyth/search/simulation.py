"""A search without a study: a strategy, the trials that were told, and those that are out. For tests and comparisons.

    search = Simulation(Evolution(), space, seed=0)
    for one in search.ask(4):
        search.tell(one.number, [score(one.genome)])

    trials = simulate(ASHA(), space, work, workers=8, trials=1000)   # in virtual time: what a trial costs, it says

Nothing is written, nothing is trained, and what is proposed twice is tried twice: a `Study` sees to all that.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from nasmyth.search.strategy import FULL, Pending, Stage, Strategy
from nasmyth.space.space import Space


class SimulatedTrial(NamedTuple):
    """A finished trial, as `FinishedTrial` has it."""

    genome: Any
    objectives: tuple[float, ...]
    violation: float = 0.0
    error: str | None = None
    number: int = 0
    stage: Stage = FULL
    parent: int | None = None
    origin: str = ""
    seconds: float = 1.0
    at: float = 0.0
    measures: Mapping[str, float] = {}
    stages: Mapping[str, Mapping[str, Any]] = {}
    excess: Mapping[str, float] = {}


class Simulation:
    """A strategy at work. `log` holds what was told, in that order, and `pending` what is out, by number."""

    def __init__(self, strategy: Strategy, space: Space, seed: int = 0) -> None:
        self.strategy, self.space, self.seed = strategy, space, seed
        self.log: list[SimulatedTrial] = []
        self.pending: dict[int, Pending] = {}
        self.origins: dict[int, str] = {}
        self.asked = 0
        self.state: Any = strategy.init(space)

    def ask(self, n: int = 1) -> list[Pending]:
        """What to work on next: up to n trials, none where all depends on what is pending."""
        rng = Random(f"{self.seed}:{self.asked}")
        found = self.strategy.ask(self.state, self.space, rng, n, tuple(self.pending.values()))
        new = [Pending(self.asked + i, one.genome, one.stage, one.parent) for i, one in enumerate(found, 1)]
        self.pending.update({one.number: one for one in new})
        self.origins.update({one.number: said.origin for one, said in zip(new, found, strict=True)})
        self.asked += len(new)
        return new

    def tell(self, number: int, objectives: Sequence[float] = (), **more: Any) -> SimulatedTrial:
        """Close a trial; no objectives: it failed. more: fields of `SimulatedTrial`. Its violation is what its `excess` tells,
        unless said."""
        work = self.pending.pop(number)
        missed = math.fsum(max(0.0, value) for value in more.get("excess", {}).values())
        outcome = {"violation": missed, "error": None} if objectives else {"violation": math.inf, "error": "crashed"}
        about = {"number": number, "stage": work.stage, "parent": work.parent, "origin": self.origins.get(number, "")}
        trial = SimulatedTrial(work.genome, tuple(objectives), **{**about, **outcome, **more})
        self.log.append(trial)
        self.state = self.strategy.tell(self.state, trial)
        return trial


Work = Callable[[Pending, SimulatedTrial | None], tuple[Sequence[float], float]]
"""From a trial and its parent, if it has one, to its objectives and the seconds that they took."""


def simulate(
    strategy: Strategy, space: Space, work: Work, *, workers: int = 1, trials: float = math.inf,
    seconds: float = math.inf, seed: int = 0,
) -> list[SimulatedTrial]:  # fmt: skip
    """A search by so many workers in virtual time, until so many trials were told or the seconds are over."""
    search, now = Simulation(strategy, space, seed), 0.0
    busy: list[tuple[float, int, float, Sequence[float]]] = []
    told: dict[int, SimulatedTrial] = {}
    while True:
        room = min(workers - len(busy), trials - search.asked)
        for one in search.ask(int(room)) if room > 0 else ():
            objectives, took = work(one, None if one.parent is None else told[one.parent])
            heapq.heappush(busy, (now + took, one.number, took, objectives))
        if not busy or busy[0][0] > seconds:
            return search.log
        now, number, took, objectives = heapq.heappop(busy)
        told[number] = search.tell(number, objectives, seconds=took, at=now)
