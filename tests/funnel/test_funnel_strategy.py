"""The funnel as a strategy: who is trained longer, when, and that it is a fold of what was told like any other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

import pytest

from nasmyth import ops
from nasmyth.funnel.plan import LAST, RUNGS, UNBOUNDED, TrainingPlan
from nasmyth.funnel.strategy import Funnel
from nasmyth.graph import chain
from nasmyth.search import Evolution
from nasmyth.search import Random as RandomSearch
from nasmyth.search.strategy import FULL, Pending, Stage
from nasmyth.space import Space, integer
from nasmyth.study import Failure, Study
from nasmyth.train import Recipe

SPACE = Space(chain(ops.Linear(integer(1, 4000)), ops.Linear(3)), (4,))
PLAN = TrainingPlan(Recipe(epochs=90), price=9.0, short_of_time=True, costliest=10.0)


@dataclass
class Told:
    """A finished trial, made up: the wider, the better; a training takes what its stage says."""

    number: int
    genome: dict
    stage: Stage = FULL
    at: float = 0.0
    origin: str = "random"
    parent: None = None
    violation: float = 0.0
    error: Failure | None = None
    measures: dict = field(default_factory=dict)

    @property
    def seconds(self):
        return 9.0 * self.stage.share

    @property
    def objectives(self):
        return () if self.error else (float(self.genome["[0].out"]),)

    @property
    def stages(self):
        return {self.stage.name: {"training": self.seconds, "epochs": 90 * self.stage.share}}


def searched(funnel, workers=1, most=600, space=SPACE):
    """All proposals of a search with so many workers, in order, each with the time at which it was made."""
    state, rng, now = funnel.init(space), Random(0), funnel.begun
    running: list[tuple[float, Told]] = []
    made = []
    while len(made) < most:
        pending = [Pending(one.number, one.genome, one.stage) for _, one in running]
        for proposal in funnel.ask(state, space, rng, workers - len(running), pending):
            trial = Told(len(made) + 1, proposal.genome, proposal.stage, origin=proposal.origin)
            made.append((now, trial))
            running.append((now + min(trial.seconds, trial.stage.seconds or math.inf), trial))
        if not running:
            break
        running.sort(key=lambda pair: pair[0])
        now, trial = running.pop(0)
        trial.at = now
        state = funnel.tell(state, trial)
    return made


def counts(made):
    return {rung: sum(trial.stage.name == rung for _, trial in made) for rung in RUNGS}


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_time_is_spent_on_short_trainings_first_and_kept_for_full_ones(workers):
    total = 300.0
    made = searched(Funnel(PLAN, RandomSearch(), begun=10.0, until=10.0 + total), workers)
    found = counts(made)
    assert found["short"] > 2 * found["long"] > 0 and found["final"] >= 3
    assert all(at <= 10.0 + total and at + trial.stage.seconds <= 10.0 + total + 1e-9 for at, trial in made)
    explored = [at for at, trial in made if trial.stage.name == "short"]
    assert max(explored) <= 10.0 + total * (1 - LAST) + 1e-9
    assert len({(trial.genome["[0].out"], trial.stage.name) for _, trial in made}) >= 0.9 * len(made)


def test_the_best_third_goes_on_and_the_best_end_in_full():
    made = searched(Funnel(PLAN, RandomSearch(), until=300.0))
    short = sorted((t.genome["[0].out"] for _, t in made if t.stage.name == "short"), reverse=True)
    long = [t.genome["[0].out"] for _, t in made if t.stage.name == "long"]
    assert set(long) <= set(short[: len(short) // 2]), "a promotion is decided on what is known by then"
    finals = [t.genome["[0].out"] for _, t in made if t.stage.name == "final"]
    assert max(short) in finals


def test_without_a_bound_on_time_candidates_are_counted_and_one_is_trained_in_full():
    made = searched(Funnel(PLAN, RandomSearch(), trials=10))
    assert counts(made)["short"] == 9 and counts(made)["final"] == 1
    assert all(trial.stage.seconds is None for _, trial in made)
    (final,) = (trial.stage for _, trial in made if trial.stage.name == "final")
    assert final.share == 1.0 and not final.keep


def test_promoted_candidates_keep_their_origin():
    assert {t.origin for _, t in searched(Funnel(PLAN, Evolution(population=3), until=200.0))} == {"evolution"}


def test_what_failed_goes_nowhere_and_only_slow_ones_end_the_search():
    funnel = Funnel(PLAN, RandomSearch(), until=UNBOUNDED / 2)
    state = funnel.init(SPACE)
    for i in range(20):
        slow = Told(i + 1, {"[0].out": i + 1}, Stage("short", 1 / 9), i, error=Failure("time"))
        assert funnel.ask(state, SPACE, Random(0), 1, []) != []
        state = funnel.tell(state, slow)
    assert funnel.ask(state, SPACE, Random(0), 3, []) == []


def test_a_study_runs_it_and_goes_on_bit_for_bit(tmp_path):
    def evaluate(trial):
        return {"accuracy": trial.genome["[0].out"] / 4000 * trial.stage.share**0.1}

    def run(path, *stops):
        for stop in stops:
            with Study(
                path, SPACE, maximize="accuracy", strategy=Funnel(PLAN, Evolution(population=4), trials=12)
            ) as study:
                study.run(evaluate, trials=stop)
        with Study.open(path) as study:
            return [(t.number, t.genome, t.stage, t.origin, t.measures) for t in study.trials], study.best

    whole, best = run(tmp_path / "a.db", 50)
    parts, _ = run(tmp_path / "b.db", 3, 4, 9, 14, 50)
    assert whole == parts
    assert [t[2].name for t in whole].count("short") == 11 and best.stage.name == "final"
