"""The laws of strategies, kept in made-up searches: with every kind of outcome, several workers, kills and strangers.

check_strategy(Evolution(population=8), space)      # raises AssertionError, which names the law that is broken
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from random import Random

from nasmyth.record import dumps, loads
from nasmyth.search.simulation import SimulatedTrial, Simulation
from nasmyth.search.strategy import FULL, Pending, Proposal, Stage, Strategy, hashable
from nasmyth.space.space import Space
from nasmyth.testing.laws import law

Outcome = Callable[[Random], dict[str, object]]
"""How a trial ends, as `Simulation.tell` takes it."""


def check_strategy(strategy: Strategy, space: Space, trials: int = 60, seed: int = 0) -> None:
    """Every law of a strategy, in searches of so many trials. Raises AssertionError.

    What it asks for lies in the space, differs, and is not being worked on; it builds on trials that there are; it is
    never at its end while nothing is out; its state is the fold of the log, in whatever order that came.
    """
    law(loads(dumps(strategy)) is strategy, strategy, "JSON does not lead back to it")
    for outcome, workers in ((any_outcome, 1), (any_outcome, 5), (only_failures, 3), (only_ties, 3)):
        _searches_well(strategy, space, trials, workers, outcome, Random(f"{seed} {workers}"))
    _goes_on(strategy, space, trials, seed)


# --- outcomes -----------------------------------------------------------------------------------------------------


def any_outcome(rng: Random) -> dict[str, object]:
    kind = rng.randrange(8)
    if kind == 0:
        return {}
    if kind == 1:
        return {"objectives": (rng.choice([math.nan, math.inf, -math.inf]),)}
    if kind == 2:
        return {"objectives": (rng.random(),), "violation": rng.choice([0.5, math.inf, math.nan])}
    return {"objectives": (float(rng.randrange(4)),)}


def only_failures(rng: Random) -> dict[str, object]:
    return {"error": "time"}


def only_ties(rng: Random) -> dict[str, object]:
    return {"objectives": (1.0,)}


# --- searches -----------------------------------------------------------------------------------------------------


def _searches_well(
    strategy: Strategy, space: Space, trials: int, workers: int, outcome: Outcome, rng: Random
) -> None:  # fmt: skip
    """Several at once, told in any order; some handed in from outside, which the strategy never asked for."""
    search = Simulation(strategy, space, rng.randrange(2**32))
    names: dict[str, float] = {}
    while len(search.log) < trials:
        room = rng.randint(1, workers) if search.pending else workers
        asked = _asks_well(search, room)
        for one in asked:
            share = names.setdefault(one.stage.name, one.stage.share)
            law(share == one.stage.share, strategy, f"two stages {one.stage.name!r}, of {share} and {one.stage.share}")
        if rng.random() < 0.1:
            _strangers(search, rng)
        told = list(search.pending)
        for number in rng.sample(told, rng.randint(1, len(told))):
            _tells_well(search, number, outcome(rng), looked_at=rng.random() < 0.3)
    _is_the_fold(search)


def _asks_well(search: Simulation, n: int) -> list[Proposal]:
    """What is asked for next, by the laws; it is out then."""
    strategy, space = search.strategy, search.space
    pending = tuple(search.pending.values())
    before = copy.deepcopy([(one.number, one.stage, one.genome) for one in pending])
    asked = _ask(search, n)
    law(asked == _ask(search, n), strategy, "one state and seed give two answers")
    law(before == [(one.number, one.stage, one.genome) for one in pending], strategy, "changes what is pending")
    least = 0 if pending else 1
    law(least <= len(asked) <= n, strategy, f"asked for {n} while {len(pending)} are out, gives {len(asked)}")
    for one in asked:
        _is_a_proposal(search, one)
    away, new = _places(pending), _places(asked)  # strangers may repeat what is out; the strategy may not
    spare = space.size >= 8 * (len(away) + len(new))  # a space that is nearly used up has to repeat
    law(
        len({*away, *new}) == len({*away}) + len(new) or not spare,
        strategy,
        f"asks for {n}, and repeats itself or what is out",
    )
    search.ask(n)
    return asked


def _places(work: Sequence[Pending | Proposal]) -> list[tuple[str, str]]:
    return [(one.stage.name, json.dumps(one.genome, sort_keys=True)) for one in work if one.genome]


def _ask(search: Simulation, n: int) -> list[Proposal]:
    pending = tuple(search.pending.values())
    return list(search.strategy.ask(search.state, search.space, Random(f"{search.seed}:{search.asked}"), n, pending))


def _is_a_proposal(search: Simulation, one: Proposal) -> None:
    who, (genome, stage, parent, origin) = search.strategy, one
    law(isinstance(one, Proposal) and isinstance(stage, Stage), who, f"asks for {one}, which is no Proposal")
    law(search.space.validate(genome) == genome, who, f"asks for what is not in the space: {genome}")
    law(json.loads(json.dumps([*stage, origin])) == [*stage, origin], who, f"{stage} is not plain data")
    law(bool(stage.name) and 0 < stage.share <= 1, who, f"{stage} needs a name, and a share above 0 and of at most 1")
    law((stage.name == FULL.name) == (stage.share == 1), who, f"{stage}: what is trained in full is called 'final'")
    law(stage.seconds is None or stage.seconds > 0, who, f"{stage} has no time")
    if parent is None:
        return
    by_number = {trial.number: trial for trial in search.log}
    law(parent in by_number, who, f"goes on from trial {parent}, which was not told")
    there = by_number[parent]
    law(bool(there.objectives), who, f"goes on from trial {parent}, which failed")
    law(there.stage.keep, who, f"goes on from trial {parent}, whose state is not kept at {there.stage}")
    if hashable(there.genome) == hashable(genome):
        law(stage.share > there.stage.share, who, f"goes on from {there.stage} to {stage}, which is not further")


def _strangers(search: Simulation, rng: Random) -> None:
    """Others put work into the study: a graph without a genome, and a genome, new or known, at a stage of their own."""
    known = [trial.genome for trial in search.log]
    genome = rng.choice(known) if known and rng.random() < 0.5 else search.space.sample(rng)
    for one in (
        Pending(search.asked + 1, None),
        Pending(search.asked + 2, genome, rng.choice([FULL, Stage("tried", 0.2)])),
    ):
        search.pending[one.number] = one
    search.asked += 2


def _tells_well(search: Simulation, number: int, outcome: dict[str, object], looked_at: bool) -> None:
    if search.pending[number].genome is None:  # a strategy is not told of what has no genome
        del search.pending[number]
        return
    again = copy.copy(search)  # which keeps the state
    again.pending = dict(search.pending)
    before = _ask(search, 3) if looked_at else None
    search.tell(number, **outcome)  # type: ignore[arg-type]
    law(before is None or _ask(again, 3) == before, search.strategy, "tell changes the state in place")


def _is_the_fold(search: Simulation) -> None:
    live, told = _ask(search, 4), search.log
    search.state = _folded(search.strategy, search.space, told)
    law(_ask(search, 4) == live, search.strategy, "its state is no fold of the log")
    for number in [*search.pending]:
        if search.pending[number].genome is None:
            del search.pending[number]
    shuffled = Random(0).sample(told, len(told))
    search.state = _folded(search.strategy, search.space, shuffled)
    for one in _ask(search, 4):
        _is_a_proposal(search, one)


def _folded(strategy: Strategy, space: Space, log: Sequence[SimulatedTrial]) -> object:
    state = strategy.init(space)
    for trial in log:
        state = strategy.tell(state, trial)
    return state


def _goes_on(strategy: Strategy, space: Space, trials: int, seed: int) -> None:
    """One worker, killed now and then: what is read back from the log proposes what the living one would have."""
    rng = Random(seed)
    living, killed = Simulation(strategy, space, seed), Simulation(strategy, space, seed)
    while len(living.log) < trials:
        if rng.random() < 0.3:
            killed.log = [_read_back(trial) for trial in killed.log]
            killed.state = _folded(loads(dumps(strategy)), space, killed.log)
        (one,), (other,) = living.ask(), killed.ask()
        law(one == other, strategy, f"killed and gone on with, asks for {other}, and for {one} otherwise")
        outcome = any_outcome(rng)
        for search in (living, killed):
            search.tell(one.number, **outcome)  # type: ignore[arg-type]


def _read_back(trial: SimulatedTrial) -> SimulatedTrial:
    """As it comes out of a journal: equal, and nothing of it the same object."""
    data = json.loads(json.dumps(trial))
    return SimulatedTrial(*data)._replace(objectives=tuple(data[1]), stage=Stage(*data[5]))
