"""The funnel as a strategy: who is trained longer, when, and that it is a fold of what was told like any other."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from nasmyth import ops
from nasmyth.funnel.plan import FINAL, UNBOUNDED, TrainingPlan
from nasmyth.funnel.strategy import LOOSE, Funnel
from nasmyth.graph import chain
from nasmyth.search import Evolution
from nasmyth.search import Random as RandomSearch
from nasmyth.search.strategy import FULL, Pending, Stage, hashable
from nasmyth.space import Space, integer
from nasmyth.study import Failure, Study
from nasmyth.train import Recipe

SPACE = Space(chain(ops.Linear(integer(1, 4000)), ops.Linear(3)), (4,))
PLAN = TrainingPlan(Recipe(epochs=90), full=9.0, rungs=2, epoch=0.1, macs=7 * 2000)
START = {"[0].out": 2000}


@dataclass
class Told:
    """A finished trial, made up: the wider, the better, and by `gain` those that are trained longer; an epoch takes 0.1 s."""

    number: int
    genome: dict
    stage: Stage = FULL
    at: float = 0.0
    origin: str = "random"
    parent: int | None = None
    before: float = 0.0
    violation: float = 0.0
    error: Failure | None = None
    measures: dict = field(default_factory=dict)
    gain: float = 0.0

    @property
    def seconds(self):
        return self.stage.seconds or 9.0 * self.stage.share

    @property
    def trained(self):
        return self.before + self.seconds

    @property
    def objectives(self):
        return () if self.error else (self.genome["[0].out"] / 4001 - self.gain / self.trained,)

    @property
    def stages(self):
        return {self.stage.name: {"training": self.trained, "epochs": self.trained / 0.1}}


def searched(funnel, workers=1, most=600, space=SPACE, failing=lambda trial: False, gain=0.0):
    """All trials of a search with so many workers, in order, each with the time at which it was proposed."""
    state, rng, now = funnel.init(space), Random(0), funnel.begun
    running: list[tuple[float, Told]] = []
    made: list[tuple[float, Told]] = []
    while len(made) < most:
        pending = [Pending(one.number, one.genome, one.stage) for _, one in running]
        for proposal in funnel.ask(state, space, rng, workers - len(running), pending):
            before = 0.0 if proposal.parent is None else made[proposal.parent - 1][1].trained
            trial = Told(
                len(made) + 1, proposal.genome, proposal.stage, 0.0, proposal.origin, proposal.parent, before, gain=gain
            )
            if failing(trial):
                trial.error = Failure("crashed", "made up")
            made.append((now, trial))
            running.append((now + trial.seconds, trial))
        if not running:
            break
        running.sort(key=lambda pair: pair[0])
        now, trial = running.pop(0)
        trial.at = now
        state = funnel.tell(state, trial)
    return made


def at(made, rung):
    return [trial for _, trial in made if trial.stage.name == rung]


def started(plan=PLAN, total=100.0, **more):
    return Funnel(plan, RandomSearch(), (("baseline", hashable(START)),), begun=10.0, until=10.0 + total, **more)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_most_of_the_time_is_kept_for_trainings_to_the_end_and_none_is_overrun(workers):
    total = 100.0
    made = searched(started(total=total), workers)
    assert len(at(made, "1/9")) > 2 * len(at(made, "1/3")) > 0 and len(at(made, "final")) >= 3
    assert all(when + trial.stage.seconds <= 10.0 + total + 1e-9 for when, trial in made)
    explored = [when for when, trial in made if trial.stage.name != "final"]
    assert max(explored) <= 10.0 + total * (1 - FINAL) + 1e-9
    assert max(when + trial.stage.seconds for when, trial in made) == pytest.approx(10.0 + total), (
        "and none is left over"
    )
    assert made[0][1].genome == START and made[0][1].origin == "baseline", "the starts come first"


@pytest.mark.parametrize("workers", [1, 2])
def test_where_time_is_short_each_worker_trains_one_to_the_very_end(workers):
    """A training in full takes all that is kept for it: `full` is what there is."""
    total = 100.0
    made = searched(started(PLAN.replace(full=FINAL * total, rungs=3), total), workers)
    finals = [(when, trial) for when, trial in made if trial.stage.name == "final"]
    assert len(finals) == workers
    assert all(when + trial.seconds == pytest.approx(10.0 + total) for when, trial in finals)
    assert all(trial.parent is not None and trial.stage.seconds > 0.5 * total for _, trial in finals)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_what_trains_faster_on_all_cores_has_them_to_itself_at_the_end(workers):
    total = 100.0
    plan = PLAN.replace(full=0.8 * total, rungs=3, final=0.8, threads=workers, faster=1.5)
    made = searched(started(plan, total), workers)
    ((when, last),) = [(when, trial) for when, trial in made if trial.stage.name == "final"]
    assert when >= 10.0 + 0.2 * total - 1e-9 and when + last.seconds == pytest.approx(10.0 + total)
    before = last.trained - last.seconds
    assert last.stage.epochs == pytest.approx((before + LOOSE * 1.5 * last.seconds) / 0.1), "and it sees more epochs"


def test_a_machine_that_was_busy_while_an_epoch_was_timed_ends_no_training_early():
    taken, timed = 0.1, 0.5
    made = searched(started(PLAN.replace(full=100.0, rungs=0, epoch=timed), 100.0))
    (last,) = [trial for _, trial in made if trial.stage.name == "final"]
    assert last.stage.epochs > last.stage.seconds / taken, "its time is over before its epochs are"


def test_who_goes_on_has_had_equal_time_and_goes_on_from_its_weights():
    made = searched(started())
    for rung, seconds in (("1/9", 1.0), ("1/3", 3.0)):
        assert {round(trial.trained, 6) for trial in at(made, rung)} == {seconds}
    by_number = {trial.number: trial for _, trial in made}
    for trial in at(made, "1/3"):
        assert by_number[trial.parent].genome == trial.genome and by_number[trial.parent].stage.keep
    for trial in at(made, "final"):
        parent = by_number[trial.parent]
        assert parent.genome == trial.genome
        assert parent.stage.name == "final" or trial.trained <= 1.5 * 9.0 + 1e-6


def test_the_best_goes_on_after_its_end_three_times_as_long_and_again_while_that_pays():
    finals = at(searched(started(total=120.0), gain=0.01), "final")
    assert len({str(trial.genome) for trial in finals}) == 1
    assert [trial.trained for trial in finals[:2]] == pytest.approx([9.0, 27.0])
    assert [trial.parent for trial in finals[1:]] == [trial.number for trial in finals[:-1]]
    assert finals[-1].at == pytest.approx(130.0) and 27.0 < finals[-1].trained < 81.0, "as far as the time goes"
    assert [trial.stage.keep for trial in finals] == [True] * (len(finals) - 1) + [False]


def test_where_going_on_brings_nothing_others_are_trained_to_the_end():
    finals = at(searched(started(total=140.0)), "final")
    first, longer, *others = finals
    assert longer.parent == first.number and longer.trained == pytest.approx(27.0)
    assert len(others) >= 2 and first.genome not in [trial.genome for trial in others]


def test_the_schedule_is_planned_for_the_length_that_a_training_will_have():
    """Of the first rung by a guess from the arithmetic, of the others by what an epoch took."""
    made = searched(started())
    first = at(made, "1/9")[0]
    assert first.stage.epochs == pytest.approx(PLAN.full / PLAN.epoch)
    assert all(trial.stage.epochs == pytest.approx(9.0 / 0.1) for trial in at(made, "1/3"))


def test_the_best_go_on_and_the_best_end_in_full():
    made = searched(started())
    short = sorted((t.genome["[0].out"] for t in at(made, "1/9")), reverse=True)
    long = [t.genome["[0].out"] for t in at(made, "1/3")]
    assert set(long) <= set(short[: len(short) // 2]), "a promotion is decided on what is known by then"
    assert max(short) in [t.genome["[0].out"] for t in at(made, "final")]


def test_without_a_bound_on_time_candidates_are_counted_and_the_best_is_trained_in_full():
    made = searched(Funnel(PLAN.replace(full=UNBOUNDED), RandomSearch(), (("baseline", hashable(START)),), trials=10))
    assert len(at(made, "1/9")) == 10
    assert all(trial.stage.seconds is None and trial.stage.epochs is None for _, trial in made)
    best, *plain = at(made, "final")
    assert best.genome["[0].out"] == max(trial.genome["[0].out"] for _, trial in made)
    assert [trial.genome for trial in plain] == [START], "to compare with"
    assert all(
        trial.stage.share == 1.0 and not trial.stage.keep and trial.parent is not None for trial in (best, *plain)
    )


def test_where_there_is_time_for_one_training_only_the_plain_network_gets_all_of_it():
    (only,) = searched(started(PLAN.replace(full=FINAL * 5.0, rungs=0), 5.0))
    assert only[1].genome == START and only[1].stage.name == "final" and only[1].seconds == pytest.approx(5.0)


def test_where_trainings_are_quick_they_are_all_in_full():
    made = searched(started(PLAN.replace(full=0.5, rungs=0), 20.0))
    assert len(made) >= 10 and {trial.stage.name for _, trial in made} == {"final"}


def test_promoted_candidates_keep_their_origin():
    assert {t.origin for _, t in searched(Funnel(PLAN, Evolution(population=3), until=100.0))} == {"evolution"}


def test_what_failed_goes_nowhere_and_the_next_takes_its_place():
    made = searched(started(), failing=lambda trial: trial.stage.name == "final" and trial.number % 2 == 0)
    failed = {trial.number for _, trial in made if trial.error}
    assert failed and not any(trial.parent in failed for _, trial in made)
    assert any(trial.error is None for trial in at(made, "final"))


def test_only_slow_ones_end_the_search():
    funnel = Funnel(PLAN, RandomSearch(), until=UNBOUNDED / 2)
    state = funnel.init(SPACE)
    for i in range(20):
        slow = Told(i + 1, {"[0].out": i + 1}, Stage("1/9", 1 / 9, 1.0, True), i, error=Failure("time"))
        assert funnel.ask(state, SPACE, Random(0), 1, []) != []
        state = funnel.tell(state, slow)
    assert funnel.ask(state, SPACE, Random(0), 3, []) == []


def test_large_networks_keep_no_states_and_start_anew():
    large = Space(chain(ops.Linear(integer(1_000_000, 1_000_100)), ops.Linear(3)), (4,))
    made = searched(Funnel(PLAN, RandomSearch(), until=60.0), space=large)
    assert not any(trial.stage.keep or trial.parent for _, trial in made)
    assert {round(trial.trained, 6) for trial in at(made, "1/3")} == {3.0}


def test_a_study_runs_it_and_goes_on_bit_for_bit(tmp_path):
    def evaluate(trial):
        return {"accuracy": trial.genome["[0].out"] / 4001 * trial.stage.share**0.1}

    def run(path, *stops):
        funnel = Funnel(PLAN.replace(full=UNBOUNDED), Evolution(population=4), trials=12)
        for stop in stops:
            with Study(path, SPACE, maximize="accuracy", strategy=funnel) as study:
                study.run(evaluate, trials=stop)
        with Study.open(path) as study:
            return [(t.number, t.genome, t.stage, t.parent, t.origin, t.measures) for t in study.trials], study.best

    whole, best = run(tmp_path / "a.db", 50)
    parts, _ = run(tmp_path / "b.db", 3, 4, 9, 14, 50)
    assert whole == parts
    assert [t[2].name for t in whole].count("1/9") == 12 and best.stage.name == "final"
