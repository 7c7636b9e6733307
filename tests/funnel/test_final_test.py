"""Which network a design ends with: the one of which most is expected, plain or not."""

from __future__ import annotations

import math

import pytest
import torch

from nasmyth.domains import domain_for, read
from nasmyth.funnel.final_test import choose
from nasmyth.funnel.leaderboard import Leaderboard
from nasmyth.network import build
from nasmyth.study import Study
from nasmyth.train import evaluate, fit, initialise
from nasmyth.train.split_scores import matched_error


@pytest.fixture(scope="module")
def iris():
    torch.set_num_threads(1)
    return read("iris")


@pytest.fixture
def study(iris):
    with Study(None, domain_for(iris).space(iris), seed=0, task=iris) as made:
        yield made


def add(study, task, width, *, origin, epochs, claimed=None):
    """A trial with weights: trained for some epochs, and with the accuracy that it has or claims to have."""
    trial = study.add(domain_for(task).plain(task, width), origin=origin)
    network = build(trial.graph, 0, task.inputs, task.outputs)
    initialise(network, 0)
    if epochs:
        fit(network, task, epochs=epochs, seed=0, recipe=task.recipe)
    scores = evaluate(network, task)
    study.record(trial, "final", {**scores, "accuracy": scores["accuracy"] if claimed is None else claimed})
    study.put(trial, "weights", network.to_bytes())
    return study.tell(trial, {})


STAGES = ("1/3", "final")


def test_the_better_one_is_handed_over_and_how_sure_that_is_is_noted(study, iris):
    plain = add(study, iris, 8, origin="baseline", epochs=0)
    good = add(study, iris, 12, origin="random", epochs=20)
    assert choose(Leaderboard(study, "accuracy", ()), iris, STAGES) == good
    assert study.best.number == good.number
    said = study.summary()["chosen"]
    assert said["low"] < said["expected"] < said["high"] and said["of"] == 2
    assert said["chance"] > 0.95 and said["against"] == plain.number and said["stage"] == "final"


def test_the_plain_network_is_one_of_the_candidates(study, iris):
    plain = add(study, iris, 8, origin="baseline", epochs=20)
    add(study, iris, 12, origin="random", epochs=0)
    assert choose(Leaderboard(study, "accuracy", ()), iris, STAGES).number == plain.number
    assert "chance" not in study.summary()["chosen"]


def test_a_new_full_training_opens_the_question_again(study, iris):
    add(study, iris, 8, origin="baseline", epochs=20)
    add(study, iris, 12, origin="random", epochs=20, claimed=1.0)
    choose(Leaderboard(study, "accuracy", ()), iris, STAGES)
    late = add(study, iris, 16, origin="random", epochs=20, claimed=1.02)
    assert study.chosen is None and study.best.number == late.number


def test_without_weights_nothing_is_chosen(study, iris):
    assert choose(Leaderboard(study, "accuracy", ()), iris, STAGES) is None


def test_the_error_of_matched_shares():
    right = torch.tensor([1.0] * 90 + [0.0] * 10)
    other = torch.tensor([1.0] * 80 + [0.0] * 15 + [1.0] * 5)  # 10 wins, 5 losses
    assert matched_error(torch.stack([right, other])) == pytest.approx(math.sqrt(16 - 25 / 102) / 102)
    assert matched_error(torch.stack([right, right])) > 0, "no difference seen is not no difference"
    one = right.clone()
    one[0] = 0.0
    gain = (right - one).mean().item()
    assert gain < matched_error(torch.stack([right, one])), "a single example shows nothing"
