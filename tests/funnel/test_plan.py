"""Plans: what an epoch costs, who gets how much time."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch

from nasmyth.domains import domain_for
from nasmyth.errors import StudyError
from nasmyth.funnel.clock import Clock
from nasmyth.funnel.joint import joined, space_of, staged
from nasmyth.funnel.pace import Pace
from nasmyth.funnel.plan import FINAL, UNBOUNDED, TrainingPlan, affordable, trained
from nasmyth.funnel.planner import FINALS, LONGER, Planner, _scored, _seconds_of_an_epoch, final_share, full_seconds
from nasmyth.measure import constraints, macs
from nasmyth.study import Study, Trial
from nasmyth.train import EMA, Fitted, Flip, Recipe, WarmupStableDecay
from nasmyth.units import spend


def curve(*marks):
    return Fitted({}, tuple({"epoch": e, "seconds": s} for e, s in marks), marks[-1][1], marks[-1][0], "time")


def test_an_epoch_costs_what_the_fastest_did():
    assert _seconds_of_an_epoch(curve((1, 5.0), (2, 8.0), (3, 12.0))) == 3.0


def test_an_epoch_that_was_cut_short_is_no_fast_epoch():
    assert _seconds_of_an_epoch(curve((1, 5.0), (1.5, 7.0))) == 4.0


def test_rungs_grow_threefold_to_a_training_in_full():
    plan = TrainingPlan(Recipe(), full=54.0, rungs=3)
    assert plan.names == ("1/27", "1/9", "1/3", "final")
    assert [plan.seconds(rung) for rung in plan.names] == pytest.approx([2, 6, 18, 54])
    assert TrainingPlan(Recipe(), full=1.0, rungs=0).names == ("final",)


def test_a_stage_is_left_by_the_clock_and_its_schedule_is_that_of_the_whole():
    plan = TrainingPlan(Recipe(), full=54.0, rungs=3)
    stage = plan.stage("1/9", 4.0, 30.0)
    assert stage.seconds == 4.0 and stage.epochs == 30.0 and stage.keep and stage.share == pytest.approx(1 / 9)
    assert plan.stage("final", 4.0, 30.0).keep and not plan.stage("final", 4.0, 30.0, keep=False).keep
    counted = plan.replace(full=UNBOUNDED)
    assert counted.stage("1/9").seconds is None and counted.stage("1/9").epochs is None
    assert counted.stage("1/9").keep and not counted.stage("final").keep, (
        "where trials are counted, none goes on after its end"
    )


def test_what_was_trained_is_told_by_the_longest_stage():
    stages = {"1/9": {"training": 2.0, "epochs": 4.0}, "1/3": {"training": 6.0, "epochs": 13.0}, "device": {}}
    assert trained(Trial(1, None, "", stages=stages)) == (6.0, 13.0)
    assert trained(Trial(1, None, "")) == (0.0, 0.0)


def test_a_staged_recipe_can_be_left_at_any_time():
    recipe = staged(Recipe(epochs=7))
    assert isinstance(recipe.schedule, WarmupStableDecay) and isinstance(recipe.average, EMA) and recipe.epochs == 7
    assert staged(Recipe(average=EMA(0.9))).average == EMA(0.9)


@pytest.fixture(scope="module")
def iris():
    torch.set_num_threads(1)
    from nasmyth.domains import read

    return read("iris")


def plan_of(study, task, seconds):
    domain = domain_for(task)
    genome = joined(study.space, domain.plain(task, 8))
    pace = Pace.of(study.space.decode(genome), task, study.space.recipe_of(genome))
    return Planner(study, Clock(study, spend(seconds), time.perf_counter()), genome, pace, task, domain).plan(), genome


def test_the_shorter_the_time_the_less_is_explored():
    shares = [1 - final_share(recommended, 100.0) for recommended in (1.0, 60.0, 100.0, 200.0, 1000.0)]
    assert shares == pytest.approx([1 - FINAL, 1 - FINAL, 0.24, 0.12, 0.024])


@pytest.mark.parametrize("most", [3.0, 10.0, 14.0, 19.9, 20.0, 29.0, 31.0, 60.0, 119.0, 500.0])
def test_trainings_in_full_share_the_time_of_the_end_and_leave_none_that_is_too_short_for_one(most):
    full = full_seconds(10.0, most)
    assert min(10.0, most) <= full <= min(most, LONGER * 10.0)
    count = most / full
    assert full == LONGER * 10.0 or (count == pytest.approx(round(count)) and count <= FINALS)


def test_validation_is_learned_from_where_enough_of_it_is_left_to_score_by(iris):
    def with_valid(rows):
        return replace(iris, valid=iris.valid.take(torch.zeros(rows, dtype=torch.long)))

    assert _scored(with_valid(2_500)) == 500 and _scored(with_valid(10_000)) == 2_000
    assert _scored(with_valid(2_499)) == 0 == _scored(iris)


def test_a_plan_is_made_once_and_never_longer_than_what_is_kept_for_the_end(iris, tmp_path):
    with Study(tmp_path / "a.db", space_of(iris, domain_for(iris)), task=iris) as study:
        plan, _ = plan_of(study, iris, "30s")
        assert 0 < plan.full <= FINAL * 30 and plan.epoch > 0 and isinstance(plan.recipe.schedule, WarmupStableDecay)
        assert plan_of(study, iris, "30s")[0] == plan


def test_a_recipe_that_was_asked_for_is_left_as_it_is(iris):
    asked = iris.trained_by(Recipe(epochs=3))
    with Study(None, space_of(asked, domain_for(iris)), task=asked) as study:
        assert plan_of(study, asked, "30s")[0].recipe == asked.recipe == study.space.recipe


def test_a_plan_of_an_older_form_is_refused_in_words(iris):
    with Study(None, space_of(iris, domain_for(iris)), task=iris) as study:
        study.note("plan", recipe={}, price=3.0)
        with pytest.raises(StudyError, match="older Nasmyth"):
            plan_of(study, iris, "30s")


def test_what_would_see_few_epochs_or_be_too_slow_is_not_proposed(iris):
    domain = domain_for(iris)
    space, graph = domain.space(iris), domain.space(iris).decode(domain.plain(iris, 8))
    timed = TrainingPlan(Recipe(), full=54.0, rungs=3)
    within = affordable(space, timed, graph, ())
    assert max(macs(within.decode(within.sample(seed))) for seed in range(30)) <= 4 * macs(graph)
    assert affordable(space, timed.replace(full=UNBOUNDED), graph, ()) is space
    tight = affordable(space, timed.replace(full=UNBOUNDED), graph, constraints(["latency@cpu<=1ns"]))
    assert tight is space, "where nothing is fast enough, the candidates say so themselves"


@pytest.mark.parametrize(("data", "flip"), [("digits", False), ("symmetric", True)])
def test_images_are_mirrored_where_mirrored_ones_are_known(data, flip):
    from nasmyth.domains import domain_for, read
    from nasmyth.network import build
    from nasmyth.train import fit, initialise

    torch.set_num_threads(1)
    source = data
    if data == "symmetric":  # the class is the row that is bright
        y = torch.arange(300) % 3
        x = torch.randint(0, 100, (300, 8, 8), generator=torch.Generator().manual_seed(0)).float()
        x[torch.arange(300), 1 + 2 * y] += 120
        source = (x.numpy(), y.numpy())
    task = read(source)
    domain = domain_for(task)
    graph = domain.space(task).decode(domain.plain(task, 8))
    network = build(graph, 0, task.inputs, task.outputs)
    initialise(network, 0)
    fit(network, task, task.recipe, epochs=4, seed=0)
    decisions, why = domain.adapted(network, task)
    space = space_of(task, domain)
    made = space.recipe_of(space.changed({}, decisions))
    assert (Flip() in made.augment) is flip and bool(why) is flip
    assert [one for one in made.augmentations if one in task.recipe.augmentations] == [*task.recipe.augmentations]
