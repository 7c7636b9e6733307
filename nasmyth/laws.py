"""The conformance suites of what needs no torch: spaces and strategies. `nasmyth.testing` has them all.

check_space(space)                                  # raises AssertionError, which names the law that is broken
check_strategy(Evolution(population=8), space)
"""

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

_SMALL = 300  # genomes that are listed one by one


def law(holds: bool, who: object, message: str) -> None:
    """Raise AssertionError with the message if a law does not hold."""
    if not holds:
        raise AssertionError(f"{who}: {message}")


# --- spaces -------------------------------------------------------------------------------------------------------


def check_space(space: Space, samples: int = 100, seed: int = 0) -> None:
    """Every law of a space, on so many samples. Raises AssertionError."""
    rng = Random(seed)
    drawn = [space.sample(rng) for _ in range(samples)]
    law(drawn[0] == space.sample(Random(seed)), space, "one seed gives two samples")
    _survives_json(space)
    for genome, other in zip(drawn, [*drawn[1:], drawn[0]], strict=True):
        _belongs(space, genome, "a sample")
        _moves_stay_inside(space, genome, other, rng)
        _encodes_apart(space, genome, other)
    _every_decision_counts(space, drawn[:10])
    _size_is_exact(space, drawn)


def _survives_json(space: Space) -> None:
    back = Space.from_json(json.loads(json.dumps(space.to_json())))
    law(back.key == space.key and back.template is space.template, space, "JSON does not lead back to it")


def _belongs(space: Space, genome: Genome, what: str) -> None:
    law(json.loads(json.dumps(genome)) == genome, space, f"{what} is not plain data: {genome}")
    law(space.checked(genome) == genome, space, f"{what} is not a genome in its own form: {genome}")
    law(
        genome.keys() <= space.holes.keys(),
        space,
        f"{what} decides what is no hole: {genome.keys() - space.holes.keys()}",
    )
    graph = space.decode(genome)
    law(
        all(c.violation_ratio(c.measure(graph)) <= 1 for c in space.constraints),
        space,
        f"{what} misses the budget: {genome}",
    )


def _moves_stay_inside(space: Space, genome: Genome, other: Genome, rng: Random) -> None:
    mutant, child = space.mutate(genome, rng), space.crossover(genome, other, rng)
    _belongs(space, mutant, "a mutant")
    _belongs(space, child, "a child")
    near = [neighbour for neighbour, _ in zip(space.neighbours(genome), range(5), strict=False)]
    for neighbour in near:
        _belongs(space, neighbour, "a neighbour")
        differing = [key for key in genome.keys() & neighbour.keys() if genome[key] != neighbour[key]]
        law(len(differing) == 1, space, f"a neighbour differs in {differing}: {genome} and {neighbour}")
    law(mutant != genome or not near, space, f"a mutant is its parent, which has neighbours: {genome}")
    inherited = all(
        space.holes[k].inherits(v, [p[k] for p in (genome, other) if k in p])
        for k, v in child.items()
        if k in genome or k in other
    )
    law(inherited or bool(space.constraints), space, f"a child has a decision of neither parent: {child}")


def _encodes_apart(space: Space, genome: Genome, other: Genome) -> None:
    a, b = space.encode(genome), space.encode(other)
    law(len(a) == len(b), space, "vectors differ in length")
    law((a == b) == (genome == other), space, f"two genomes have one vector, or one has two: {genome} and {other}")


def _every_decision_counts(space: Space, drawn: list[Genome]) -> None:
    """Wherever a decision is active, deciding otherwise changes the network or the recipe (in one sample at least)."""
    tried: set[str] = set()
    alive: set[str] = set()
    for genome in drawn:
        for key in genome.keys() - alive:
            for decision in space.alternatives(key, genome[key]):
                tried.add(key)
                if space._decoded(space.changed(genome, {key: decision})) != space._decoded(genome):
                    alive.add(key)
                    break
    law(tried == alive, space, f"these decisions change nothing: {sorted(tried - alive)}")


def _size_is_exact(space: Space, drawn: list[Genome]) -> None:
    listed = {json.dumps(genome, sort_keys=True) for genome in drawn}
    if space.size <= _SMALL:
        every = [json.dumps(genome, sort_keys=True) for genome in space.enumerate()]
        law(len(set(every)) == len(every), space, "lists a genome twice")
        law(len(every) == space.size or bool(space.constraints), space, f"says {space.size}, lists {len(every)}")
        law(listed <= set(every), space, "samples what it does not list")
    law(len(listed) <= space.size, space, f"says {space.size}, but {len(listed)} have been sampled")


# --- strategies ---------------------------------------------------------------------------------------------------


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
    stages: Mapping[str, Mapping[str, Any]] = {}


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
