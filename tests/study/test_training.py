"""`study.run(task)`: candidates trained without a line of the user's."""

from __future__ import annotations

import pytest
import torch

from nasmyth.domains import read
from nasmyth.errors import StudyError
from nasmyth.graph import chain
from nasmyth.measure import constraint, measure
from nasmyth.network import Network
from nasmyth.ops import Activation, Conv, Linear, Mean
from nasmyth.search import Random
from nasmyth.space import Space, choice
from nasmyth.study import Outcome, Study
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
