"""`study.run(task)`: candidates trained without a line of the user's."""

from __future__ import annotations

import pytest
import torch

from nasmyth.domains import read
from nasmyth.errors import StudyError
from nasmyth.graph import chain
from nasmyth.network import Network
from nasmyth.ops import Activation, Conv, Linear, Mean
from nasmyth.search import Random
from nasmyth.space import Space, choice
from nasmyth.study import Study
from nasmyth.train import Recipe

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
    joint = space(recipe=Recipe(batch=50, epochs=choice(1, 2), lr=0.05))
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
