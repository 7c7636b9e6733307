"""`study.run(task)`: candidates measured, and trained where that is asked for, without a line of the user's."""

from __future__ import annotations

import pytest
import torch

from nasmyth.domains import read
from nasmyth.errors import StudyError, UnknownNameError
from nasmyth.graph import chain
from nasmyth.measure import constraint, measure
from nasmyth.network import Network
from nasmyth.ops import Activation, Conv, Linear, Mean
from nasmyth.search import Random, Stage
from nasmyth.space import Space, choice
from nasmyth.study import Outcome, Study, Trial
from nasmyth.study.evaluation import Evaluation
from nasmyth.train import SGD, Recipe

torch.set_num_threads(1)


def space(**more):
    return Space(chain(Conv(choice(2, 3, 4, 5, 6)), Activation(), Mean("h w"), Linear(10)), input=(1, 8, 8), **more)


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=200)


def test_every_candidate_is_trained_and_the_weights_of_the_best_are_kept(digits):
    with Study(None, space(), strategy=Random(), task=digits) as study:
        ended = study.run(digits, trials=3, epochs=1)
        assert (ended.closed, ended.failed) == (3, 0)
        for trial in study.trials:
            stage = trial.stages["final"]
            assert stage["epochs"] == 1 and stage["training"] <= stage["seconds"] and stage["curve"]
            assert {"accuracy", "loss", "params", "macs"} <= trial.measures.keys()
        network = Network.from_bytes(study.get(study.best.artefacts["weights"]))
        assert network.graph == study.best.graph


@measure(unit="", needs="graph")
def layers_of_test(graph):
    """Layers, a measure of one's own."""
    return float(len(graph.nodes))


@pytest.mark.parametrize("limit", ["size<=200kB", "memory<=50kB", "traffic<=1MB", layers_of_test <= 40])
def test_weights_are_kept_under_every_budget_on_graphs(limit, digits):
    with Study(None, space(), strategy=Random(), under=[limit], task=digits) as study:
        study.run(digits, trials=3, epochs=1)
        assert study.best is not None and "weights" in study.best.artefacts
        assert constraint(limit).measure.name in study.best.stages["final"]["measures"]


def test_the_best_within_the_budget_always_has_its_weights(digits):
    """Whatever comes in which order: what misses the budget is no best, and what is better replaces it."""
    with Study(None, space(), strategy=Random(), under=["accuracy<=0.5"], task=digits) as study:

        def evaluate(trial):
            value = [0.9, 0.1, 0.3, 0.2, 0.4, 0.8][trial.number - 1]
            return Outcome({"accuracy": value}, artefacts={"weights": bytes([trial.number])})

        study.run(evaluate, trials=5)
        assert [bool(trial.artefacts) for trial in study.trials] == [False, True, True, False, True]
        assert study.best.number == 5 and study.get(study.best.artefacts["weights"]) == b"\x05"


def test_here_and_in_other_processes_the_figures_are_the_same(digits, tmp_path):
    figures = []
    for on in ("here", "processes"):
        with Study(tmp_path / f"{on}.db", space(), strategy=Random(), task=digits) as study:
            options = {} if on == "here" else {"workers": 1, "limit_seconds": 120}
            ended = study.run(digits, trials=2, epochs=1, on=on, **options)
            assert not ended.failed, [trial.error for trial in study.trials]
            figures.append([trial.measures for trial in study.trials])
            assert study.best.artefacts
    assert figures[0] == figures[1]


def test_a_recipe_of_the_candidate_goes_before_that_of_the_run(digits):
    joint = space(recipe=Recipe(batch=50, epochs=choice(1, 2), optimizer=SGD(lr=0.05)))
    with Study(None, joint, strategy=Random(), task=digits) as study:
        study.run(digits, trials=3, recipe=Recipe(epochs=4))
        assert {trial.stages["final"]["epochs"] for trial in study.trials} <= {1, 2}


def test_what_the_device_says_goes_before_training_and_is_kept(digits):
    with Study(None, space(), strategy=Random(), under=["latency@cpu<=1ns"], task=digits) as study:
        ended = study.run(digits, trials=1, epochs=1)
        (trial,) = study.trials
        assert ended.failed == 1 and trial.error.reason == "budget"
        assert trial.measures["latency@cpu"] > 1e-9 and "final" not in trial.stages


@pytest.mark.parametrize(
    ("evaluate", "options", "said"),
    [
        ("digits", {}, r"nasmyth.read"),
        (lambda graph: 1.0, {"epochs": 3}, "epochs="),
        (lambda graph: 1.0, {"recipe": Recipe()}, "recipe="),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(evaluate, options, said):
    with Study(None, space(), strategy=Random()) as study:
        with pytest.raises(StudyError, match=said):
            study.run(evaluate, trials=1, **options)
        assert not study.trials


# --- what needs no training
# -------------------------------------------------------------------------------------------------


@measure(unit="", direction="max", needs=("network", "batch"))
def spread_of_test(network, batch):
    """A training-free score: how far the answers of an untrained network lie apart."""
    with torch.no_grad():
        return float(network(batch).std())


@pytest.fixture
def trainings(monkeypatch):
    import nasmyth.train

    seen, fit = [], nasmyth.train.fit
    monkeypatch.setattr(nasmyth.train, "fit", lambda *a, **k: seen.append(a) or fit(*a, **k))
    return seen


def test_a_search_for_a_training_free_score_trains_nothing(digits, trainings):
    with Study(None, space(), maximize="spread_of_test", strategy=Random(), task=digits) as study:
        ended = study.run(digits, trials=5)
        assert (ended.closed, ended.failed, trainings) == (5, 0, [])
        values = [trial.measures["spread_of_test"] for trial in study.trials]
        assert study.best.measures["spread_of_test"] == max(values) > min(values) > 0
        assert all(trial.measures.keys() == {"params", "macs", "spread_of_test"} for trial in study.trials)
        assert not any(trial.artefacts for trial in study.trials)


def test_what_misses_a_training_free_score_is_measured_and_not_trained(digits, trainings):
    with Study(None, space(), maximize="spread_of_test", strategy=Random(), task=digits) as study:
        study.run(digits, trials=5)
        middle = sorted(trial.measures["spread_of_test"] for trial in study.trials)[2]
    with Study(None, space(), under=[f"spread_of_test>={middle}"], strategy=Random(), task=digits) as study:
        study.run(digits, trials=5, epochs=1)
        met = [trial for trial in study.trials if trial.measures["spread_of_test"] >= middle]
        missed = [trial for trial in study.trials if trial.measures["spread_of_test"] < middle]
        assert len(met) == len(trainings) == 3 and all(trial.feasible and "accuracy" in trial.measures for trial in met)
        assert all(trial.error.reason == "budget" and "accuracy" not in trial.measures for trial in missed)
        assert all("spread_of_test is" in trial.error.message and trial.violation > 0 for trial in missed)


def test_a_score_and_a_training_in_one_study_train_once(digits, trainings):
    goals = {"maximize": ["accuracy", "spread_of_test"], "minimize": ["params"]}
    with Study(None, space(), strategy=Random(), task=digits, **goals) as study:
        study.run(digits, trials=2, epochs=1)
        assert len(trainings) == 2
        for trial in study.trials:
            assert {"training"} <= trial.stages["final"]["prices"].keys()
            assert (
                trial.objectives[1] == trial.measures["spread_of_test"]
                and trial.objectives[2] == -trial.measures["params"]
            )


@pytest.mark.parametrize(
    "goal", [{"maximize": "macs"}, {"minimize": "macs"}, {"maximize": "params", "minimize": "size"}]
)
def test_any_measure_may_be_made_large_or_small(goal, digits, trainings):
    with Study(None, space(), strategy=Random(), task=digits, **goal) as study:
        study.run(digits, trials=5)
        found = [trial.measures[next(iter(goal.values()))] for trial in study.trials]
        most = "maximize" in goal
        assert study.best.measures[next(iter(goal.values()))] == (max if most else min)(found)
    assert not trainings


def test_a_worse_network_may_be_what_is_wanted(digits):
    with Study(None, space(), minimize="accuracy", strategy=Random(), task=digits) as study:
        study.run(digits, trials=4, epochs=2)
        assert study.best.measures["accuracy"] == min(trial.measures["accuracy"] for trial in study.trials)


def test_a_goal_that_nothing_measures_is_refused_before_anything_is_trained(digits, trainings):
    with Study(None, space(), maximize="acuracy", strategy=Random()) as study:
        with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
            study.run(digits, trials=1)
        assert not study.trials and not trainings


def test_stages_and_parents_are_honoured(digits):
    """A share of the epochs, at most so many seconds, and the weights of another trial."""
    here, full = space(), Recipe(epochs=4, batch=50)
    genome = here.sample(0)

    def trial(stage, start=None):
        return Trial(1, genome, here.decode(genome).key, stage=stage, start=start, space=here)

    evaluate = Evaluation(digits, full)
    first = evaluate(trial(Stage("short", 0.5)))
    assert (first.stage, first.details["epochs"], first.details["planned"]) == ("short", 2, 2)
    second = evaluate(trial(Stage("final"), first.artefacts["weights"]))
    assert (second.stage, second.details["epochs"]) == ("final", 4)
    assert second.details["curve"][0]["train_loss"] < first.details["curve"][0]["train_loss"], "it went on from there"
    brief = Evaluation(digits, full.replace(epochs=10_000))(trial(Stage("final", 1.0, 0.3)))
    assert brief.details["ended"] == "time" and brief.details["epochs"] < 10_000


def test_what_is_known_is_not_measured_again(digits):
    """A figure that takes no training, told on the way; one of a trained network is told by every training."""
    here = space()
    genome = here.sample(0)
    known = {"spread_of_test": -7.0, "accuracy": -7.0}
    trial = Trial(1, genome, here.decode(genome).key, measures=known, space=here)
    told = Evaluation(digits, epochs=1, measures=("spread_of_test", "accuracy"))(trial)
    assert told.measures["spread_of_test"] == -7.0 and 0 <= told.measures["accuracy"] <= 1
