"""The laws of a strategy: a fold of the log, whatever the outcome of its trials. Nothing here needs torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from nasmyth.record import dumps, loads
from nasmyth.search.strategy import FULL, Stage, Strategy
from nasmyth.space.holes import Genome
from nasmyth.space.space import Space
from nasmyth.testing.laws import law


class SimulatedTrial(NamedTuple):
    """A finished trial, made up."""

    genome: Genome
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


def check_strategy(strategy: Strategy, space: Space, trials: int = 60, seed: int = 0) -> None:
    """Every law of a strategy, in a search of so many trials with every kind of outcome. Raises AssertionError."""
    law(loads(dumps(strategy)) is strategy, strategy, "JSON does not lead back to it")
    rng = Random(seed)
    for outcome in (_any_outcome, _only_failures, _only_ties):
        state = strategy.init(space)
        log: list[Any] = []
        while len(log) < trials:
            n = rng.choice([1, 1, 2, 5])
            asked = _asks_well(strategy, state, space, n, rng.randrange(2**32))
            told = [outcome(genome, rng) for genome in asked]
            if log:
                told.append(outcome(rng.choice(log).genome, rng))  # a genome that was told before
            for trial in told:
                state = _tells_well(strategy, state, space, trial)
                log.append(trial)
        folded = strategy.init(space)
        for trial in log:
            folded = strategy.tell(folded, trial)
        law(_ask(strategy, folded, space) == _ask(strategy, state, space), strategy, "its state is no fold of the log")


def _ask(strategy: Strategy, state: Any, space: Space, n: int = 4, seed: int = 0) -> list[Genome]:
    return [one.genome for one in strategy.ask(state, space, Random(seed), n, ())]


def _asks_well(strategy: Strategy, state: Any, space: Space, n: int, seed: int) -> list[Genome]:
    asked = _ask(strategy, state, space, n, seed)
    law(len(asked) == n, strategy, f"asked for {n}, gives {len(asked)}")
    law(asked == _ask(strategy, state, space, n, seed), strategy, "one state and seed give two answers")
    for genome in asked:
        law(space.checked(genome) == genome, strategy, f"asks what is not in the space: {genome}")
    distinct = len({json.dumps(genome, sort_keys=True) for genome in asked})
    law(distinct == n or space.size < 8 * n, strategy, f"asks {n} at once, of which {distinct} differ")
    return asked


def _tells_well(strategy: Strategy, state: Any, space: Space, trial: SimulatedTrial) -> Any:
    before = _ask(strategy, state, space)
    after = strategy.tell(state, trial)
    law(_ask(strategy, state, space) == before, strategy, "tell changes the state in place")
    return after


def _any_outcome(genome: Genome, rng: Random) -> SimulatedTrial:
    kind = rng.randrange(8)
    if kind == 0:
        return SimulatedTrial(genome, (), math.inf, "crashed")
    if kind == 1:
        return SimulatedTrial(genome, (rng.choice([math.nan, math.inf, -math.inf]),))
    if kind == 2:
        return SimulatedTrial(genome, (rng.random(),), rng.choice([0.5, math.inf, math.nan]))
    return SimulatedTrial(genome, (float(rng.randrange(4)),))


def _only_failures(genome: Genome, rng: Random) -> SimulatedTrial:
    return SimulatedTrial(genome, (), math.inf, "time")


def _only_ties(genome: Genome, rng: Random) -> SimulatedTrial:
    return SimulatedTrial(genome, (1.0,))
