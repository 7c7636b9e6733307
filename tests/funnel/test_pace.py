"""What a step takes is told from a few examples, and no training starts that its time could not hold."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

import nasmyth
from nasmyth.domains import domain_for, read
from nasmyth.errors import BudgetError, TimedOut
from nasmyth.funnel.clock import Clock
from nasmyth.funnel.joint import space_of, trained_alike
from nasmyth.funnel.pace import Pace, speedup, threads
from nasmyth.funnel.plan import TrainingPlan, cheap
from nasmyth.funnel.planner import Planner
from nasmyth.funnel.training import Rung
from nasmyth.graph import chain, mac_count, param_count
from nasmyth.measure import constraints
from nasmyth.ops import Linear
from nasmyth.record import to_json
from nasmyth.space import Space, choice
from nasmyth.study import Outcome, Study
from nasmyth.study.evaluation import Evaluation
from nasmyth.units import Spend

EACH = 0.004


@nasmyth.op("b c -> b c")
class Dawdle(nn.Module):
    """Takes a time for each example."""

    def __init__(self, c: int, times: int = 1) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(EACH * self.times * len(x))
        return x


@param_count.register(Dawdle)
def _(op, inputs, output):
    return 0


@mac_count.register(Dawdle)
def _(op, inputs, output):
    return 1000 * op.times


@pytest.fixture(scope="module")
def iris():
    torch.set_num_threads(1)
    return read("iris")


def network(*times):
    return Space(chain(Dawdle(times=choice(*times) if len(times) > 1 else times[0]), Linear(3)), (4,))


@pytest.fixture
def study(iris):
    networks = network(1, 20)
    with Study(None, Space(networks.template, networks.inputs, iris.recipe), task=iris) as made:
        yield made


def test_a_few_examples_tell_what_a_step_and_a_look_take(iris):
    graph = network(1).decode(network(1).sample(0))
    pace = Pace.of(graph, iris, iris.recipe)
    assert pace.least >= 0.8 * EACH * (iris.recipe.batch + len(iris.valid) / 3)
    assert pace.epoch >= 0.8 * EACH * len(iris.train)
    assert set(pace.told) >= {"accuracy", "loss"}


def test_a_slow_network_is_not_run_on_a_whole_batch(iris):
    graph = network(20).decode(network(20).sample(0))
    fastest = EACH * 20 * (iris.recipe.batch + len(iris.valid))
    start = time.perf_counter()
    pace = Pace.of(graph, iris, iris.recipe)
    assert time.perf_counter() - start < fastest and pace.least > 0.5 * fastest / 3


@pytest.mark.parametrize("count", [2, 5, 10_000])
def test_a_few_examples_are_a_task(count, iris):
    order = iris.train.y.argsort()  # all of one class come first
    some = (nasmyth.train.Task(**{**vars_of(iris), "train": iris.train.take(order)})).few(count)
    assert len(some.train.y.unique()) >= 2 and len(some.train) <= max(count + 1, len(iris.train))


def vars_of(task):
    return {name: getattr(task, name) for name in ("name", "inputs", "outputs", "train", "valid", "test")}


def test_what_cannot_be_trained_in_the_time_at_all_is_refused_with_the_time_that_it_takes(iris, study):
    clock = Clock(study, Spend(seconds=1.0), time.perf_counter())
    slow = next(genome for genome in study.space.enumerate() if 20 in genome.values())
    pace = Pace.of(study.space.decode(slow), iris, study.space.recipe_of(slow))
    with pytest.raises(BudgetError, match=r"one step of training .* spend \d+s or more") as caught:
        Planner(study, clock, slow, pace, iris, domain_for(iris)).plan()
    assert caught.value.binding == "spend" and caught.value.smallest > 5


def rung(task, **figures):
    plan = TrainingPlan(**{"recipe": task.recipe, "full": 1.0, "rungs": 2, "macs": 1012.0, **figures})
    return Rung(Evaluation(task, plan.recipe), plan, end=time.time() + 60.0), plan


def test_what_is_too_slow_for_any_training_fails_untrained(iris, study):
    trainer, plan = rung(iris, least=0.2)
    slow, quick = (
        study.add(g, stage=plan.stage("1/9", 60.0, 10.0))
        for g in sorted(study.space.enumerate(), key=lambda g: -max(g.values()))
    )
    with pytest.raises(TimedOut, match="a full training has"):
        trainer(slow)
    assert trainer(quick).details["epochs"] > 0


def test_a_network_that_was_hardly_trained_is_no_result(iris, study):
    """As when the machine was held up: it is known to train for thousands of epochs in that time, and did two or so."""
    trainer, plan = rung(iris, epoch=1e-4, recipe=iris.recipe.replace(epochs=2000))
    quick = study.add(
        min(study.space.enumerate(), key=lambda g: max(g.values())), stage=plan.stage("final", 1.0, 2000.0)
    )
    with pytest.raises(TimedOut, match="held the machine up"):
        trainer(quick)


def test_where_there_is_no_plain_network_the_cheapest_of_many_is_timed():
    space = network(1, 2, 3, 4, 5, 6, 7, 8)
    graph = space.decode(cheap(space, 0))
    assert graph.nodes[1].op.times == 1


def test_a_wide_table_keeps_to_its_time():
    """No plain network meets the budget, and one step of the largest that does takes seconds."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2500)).astype("float32")
    task = read((x, (x[:, 0] > 0).astype(int)))
    limits = constraints("params<=12k")
    with pytest.raises(BudgetError, match="no plain network"):
        domain_for(task).baseline(task, limits)
    spend = 8.0
    start = time.perf_counter()
    try:
        found = nasmyth.design(task, under=limits, spend=spend)
        assert all(trial.closed for trial in found.study.trials)
        alike = trained_alike(space_of(task, domain_for(task)))
        assert {str(trial.recipe) for trial in found.study.trials} <= {str(to_json(alike.recipe_of(alike.sample(0))))}
    except BudgetError as error:  # on a machine that is too slow for it
        assert error.binding == "spend"
    assert time.perf_counter() - start < 1.5 * spend + 2


def test_thousands_of_columns_have_a_plain_network_within_a_tight_budget():
    from nasmyth.measure import params
    from nasmyth.spaces.tabular import plain, tables

    kinds = (0,) * 8000
    assert params(tables(kinds, 2).decode(plain(4, kinds))) <= 50_000


def test_more_threads_are_no_help_to_a_network_that_sleeps(iris, study):

    graph = study.space.decode(next(study.space.enumerate()))
    before, epoch = torch.get_num_threads(), EACH * len(iris.train)
    assert 0.7 < speedup(graph, iris, iris.recipe, epoch, 2) < 1.4
    assert torch.get_num_threads() == before


def test_the_last_training_has_the_threads_that_the_plan_gives_it(iris, study):
    def counts(trial):
        return Outcome({"threads": torch.get_num_threads()}, details={"ended": "finished", "epochs": 1.0})

    plan = TrainingPlan(iris.recipe, full=9.0, threads=3)
    with threads(1):
        seen = {
            stage: Rung(counts, plan)
            ._trained(study.add(genome, stage=plan.stage(stage, 1.0, 1.0)))[0]
            .measures["threads"]
            for stage, genome in zip(("1/3", "final"), study.space.enumerate(), strict=False)
        }
        assert torch.get_num_threads() == 1
    assert seen == {"1/3": 1, "final": 3}


@dataclass(frozen=True)
class CountsExamples:
    task: object

    def __call__(self, trial):
        counts = {"train": len(self.task.train), "valid": len(self.task.valid)}
        return Outcome(counts, details={"ended": "finished", "epochs": 1.0})


def test_the_last_training_without_rivals_learns_from_validation_too(iris, study):
    plan = TrainingPlan(iris.recipe, full=9.0, scored=5)
    (short, _), (last, _) = (
        Rung(CountsExamples(iris), plan)._trained(study.add(genome, stage=plan.stage(stage, 1.0, 1.0)))
        for stage, genome in zip(("1/3", "final"), study.space.enumerate(), strict=False)
    )
    train, valid = len(iris.train), len(iris.valid)
    assert short.measures == {"train": train, "valid": valid}
    assert last.measures == {"train": train + valid - 5, "valid": 5}


def test_it_goes_on_from_the_weights_of_the_rung_below(iris, study):
    trainer, plan = rung(iris, full=60.0, rungs=1, scored=5)
    genome = next(study.space.enumerate())
    short = trainer(study.add(genome, stage=plan.stage("1/3", 20.0, 3.0)._replace(share=1 / 3)))
    last = trainer(replace(study.add(genome, stage=plan.stage("final", 40.0, 2.0)), start=short.artefacts["state"]))
    assert short.keep and 0 < short.details["epochs"] < last.details["epochs"]
    assert last.measures["accuracy"] * 5 == pytest.approx(round(last.measures["accuracy"] * 5)), "by five examples"
