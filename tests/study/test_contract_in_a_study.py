"""Search by growth, population-based training and Hyperband through a study that really trains: who starts from what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from search_toys import Growth, PopulationBased
from training_toys import one_thread, three_classes

from nasmyth import Space, build, chain, choice, integer, ops, real
from nasmyth.measure.made import inherit
from nasmyth.record import from_json
from nasmyth.search import Hyperband
from nasmyth.study import Study, Trial
from nasmyth.train import EMA, SGD, AdamW, Recipe, TrainingState, fit, initialise

RECIPE = Recipe(SGD(lr=0.05), epochs=8, batch=16)
SIZES = Space(
    chain(first=ops.Linear(integer(3, 12)), act=ops.Activation(choice("relu", "gelu")), last=ops.Linear(3)), (5,)
)


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def task() -> Any:
    return three_classes(300)


def by_hand(study: Study, trial: Trial, task: Any, recipe: Recipe, inheriting: bool = True) -> Any:
    """The training that a trial with a parent should have been."""
    assert trial.parent is not None
    parent = study.trials[trial.parent - 1]
    state = TrainingState.from_bytes(study.get(parent.artefacts["state"]))
    until = trial.stage.share * recipe.epochs
    if parent.key == trial.key:
        same = type(recipe.optimizer) is type(state.recipe.optimizer)
        return fit(state if same else state.replace(moments={}), task, recipe, until=until, device="cpu")
    network = initialise(build(trial.graph, study.seed, task.inputs, task.outputs), study.seed)
    if inheriting:
        inherit(network, state.fresh_network())
    return fit(network, task, recipe, until=until, seed=study.seed, device="cpu")


def told(trial: Trial) -> Any:
    """The curve without the clock."""
    return curve(trial.stages[trial.stage.name]["curve"])


def curve(entries: Any) -> list[dict[str, float]]:
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in entries]


def test_what_grows_starts_from_the_weights_of_what_it_grew_out_of(task: Any) -> None:
    with Study(None, SIZES, strategy=Growth(), task=task, seed=1) as study:
        ended = study.run(task, trials=12, recipe=RECIPE)
        assert (ended.closed, ended.failed) == (12, 0)
        grown = [trial for trial in study.trials if trial.parent is not None]
        assert len(grown) >= 3
        for trial in grown:
            assert trial.parent is not None and trial.key != study.trials[trial.parent - 1].key
            assert trial.stages["grown"]["epochs"] == 2
            assert told(trial) == curve(by_hand(study, trial, task, RECIPE).curve)
            assert told(trial) != curve(by_hand(study, trial, task, RECIPE, inheriting=False).curve)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(SGD(lr=real(1e-3, 0.5, log=True)), epochs=6, batch=integer(8, 24), average=EMA(0.9)),
        Recipe(choice(SGD(lr=real(0.01, 0.5)), AdamW(lr=real(1e-3, 1e-1))), epochs=6, batch=16),
    ],
    ids=["rates", "optimizers"],
)
def test_a_population_goes_on_from_the_states_of_its_members_with_other_recipes(task: Any, recipe: Recipe) -> None:
    space = Space(chain(ops.Linear(6), ops.Activation(), ops.Linear(3)), (5,), recipe)
    with Study(None, space, strategy=PopulationBased(population=8, steps=3), task=task) as study:
        ended = study.run(task, trials=24)
        assert (ended.closed, ended.failed) == (24, 0)
        after = [trial for trial in study.trials if trial.parent is not None]
        assert len(after) == 16 and sum(trial.full for trial in study.trials) == 8
        explored = switched = 0
        for trial in after:
            assert trial.parent is not None
            parent, mine = study.trials[trial.parent - 1], from_json(trial.recipe)
            explored += trial.recipe != parent.recipe
            switched += type(mine.optimizer) is not type(from_json(parent.recipe).optimizer)
            assert told(trial)[: len(told(parent))] == told(parent)
            assert len(told(trial)) == round(trial.stage.share * 6) > len(told(parent))
            assert told(trial) == curve(by_hand(study, trial, task, mine).curve)
        assert explored >= 2, "who falls behind takes another recipe"
        assert bool(switched) is ("AdamW" in repr(recipe)), "another optimizer begins without moments"


def test_hyperband_goes_on_from_kept_weights_in_processes(task: Any, tmp_path: Path) -> None:
    strategy, recipe = Hyperband(R=9, warm=True), Recipe(SGD(lr=0.05), epochs=9, batch=16)
    space = Space(chain(ops.Linear(integer(3, 30)), ops.Activation(choice("relu", "gelu")), ops.Linear(3)), (5,))
    with Study(tmp_path / "a.db", space, strategy=strategy, task=task) as study:
        ended = study.run(task, trials=22, recipe=recipe, on="processes", workers=2)
        assert (ended.closed, ended.failed, ended.reason) == (22, 0, "trials")
        trials = study.trials
        promoted = [trial for trial in trials if trial.parent is not None]
        assert len(promoted) >= 5 and {trial.stage.name for trial in trials} >= {
            "bracket 2: 1/9", "bracket 2: 1/3", "bracket 1: 1/3", "final",
        }  # fmt: skip
        for trial in trials:
            assert trial.stages[trial.stage.name]["epochs"] == round(9 * trial.stage.share)
        for trial in promoted:
            assert trial.parent is not None
            parent = trials[trial.parent - 1]
            assert (trial.genome, trial.key) == (parent.genome, parent.key) and trial.stage.share > parent.stage.share
            assert told(trial)[: len(told(parent))] == told(parent), "none of it is trained again"
            assert told(trial) == curve(by_hand(study, trial, task, recipe).curve)
        assert study.best is not None and study.best.full and study.best.measures["accuracy"] > 0.6
