"""Which network a design ends with: the search's only where luck does not explain its lead."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
import torch

from nasmyth.domains import domain_for, read
from nasmyth.funnel.final_test import choose, selection_threshold
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


def test_a_clear_lead_is_taken(study, iris):
    add(study, iris, 8, origin="baseline", epochs=0)
    good = add(study, iris, 12, origin="random", epochs=20)
    assert choose(Leaderboard(study, "accuracy", ()), iris) == good
    assert study.best.number == good.number


def test_a_lead_that_luck_explains_is_not(study, iris):
    plain = add(study, iris, 8, origin="baseline", epochs=20)
    lucky = add(study, iris, 12, origin="random", epochs=20, claimed=1.01)
    assert Leaderboard(study, "accuracy", ()).leader.number == lucky.number
    assert choose(Leaderboard(study, "accuracy", ()), iris).number == plain.number
    assert study.best.number == plain.number, "what was chosen is the best of the study"
    said = study.summary()["chosen"]
    assert said["leader"] == lucky.number and said["gain"] <= said["least"]


def test_a_new_full_training_opens_the_question_again(study, iris):
    add(study, iris, 8, origin="baseline", epochs=20)
    add(study, iris, 12, origin="random", epochs=20, claimed=1.01)
    choose(Leaderboard(study, "accuracy", ()), iris)
    late = add(study, iris, 16, origin="random", epochs=20, claimed=1.02)
    assert study.chosen is None and study.best.number == late.number


def test_without_weights_nothing_is_chosen(study, iris):
    assert choose(Leaderboard(study, "accuracy", ()), iris) is None


@pytest.mark.parametrize("candidates", [1, 2, 3, 10])
def test_the_best_of_equals_passes_as_often_as_one_would(candidates):
    normal, bar = NormalDist(), selection_threshold(candidates)
    assert 1 - normal.cdf(bar) ** candidates == pytest.approx(1 - normal.cdf(1.0))


def test_the_error_of_matched_shares():
    right = torch.tensor([1.0] * 90 + [0.0] * 10)
    other = torch.tensor([1.0] * 80 + [0.0] * 15 + [1.0] * 5)  # 10 wins, 5 losses
    assert matched_error(torch.stack([right, other])) == pytest.approx(math.sqrt(16 - 25 / 102) / 102)
    assert matched_error(torch.stack([right, right])) > 0, "no difference seen is not no difference"
    one = right.clone()
    one[0] = 0.0
    gain = (right - one).mean().item()
    assert gain < matched_error(torch.stack([right, one])), "a single example shows nothing"
