"""Figures of trained networks as goals and budgets: calibration comes with every training, an attack where it is asked
for."""

from __future__ import annotations

import math
import pickle
from types import SimpleNamespace

import pytest
import torch

from nasmyth.domains import read
from nasmyth.errors import DataError
from nasmyth.graph import chain
from nasmyth.measure import accuracy, brier, ece, ece_scaled, find, loss, masking, robust
from nasmyth.network import Network
from nasmyth.ops import Activation, BatchNorm, Conv, Linear, Mean
from nasmyth.search import Random
from nasmyth.space import Space, choice
from nasmyth.study import Study, Trial
from nasmyth.study.evaluation import Evaluation, trained

torch.set_num_threads(1)

BODY = chain(Conv(choice(4, 6, 8)), BatchNorm(), Activation(), Conv(choice(8, 12), stride=2), Activation(), Mean("h w"),
    Linear(10))  # fmt: skip
SPACE = Space(BODY, (1, 8, 8))
ATTACKS = ("robust@fgsm,eps=0.05", "robust@pgd,eps=0.05,steps=3")


def drawn(seed):
    genome = SPACE.sample(seed)
    return Trial(1, genome, SPACE.decode(genome).key, space=SPACE)


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=400)


def test_calibration_is_recorded_and_attacks_only_where_they_are_asked_for(digits):
    with Study(None, SPACE, strategy=Random(), task=digits) as study:
        study.run(digits, trials=2, epochs=1)
        for trial in study.trials:
            assert {"accuracy", "loss", "ece", "brier"} <= trial.measures.keys()
            assert not [name for name in trial.measures if "@" in name or name == "ece_scaled"]
            assert {"ece", "brier"} <= trial.stages["final"]["curve"][-1].keys()


def test_what_is_recorded_is_what_the_kept_network_measures(digits):
    goals = {"maximize": [accuracy, find(ATTACKS[1])], "minimize": [ece_scaled]}
    with Study(None, SPACE, strategy=Random(), task=digits, under=[find(ATTACKS[0]) >= 0.0], **goals) as study:
        study.run(digits, trials=3, epochs=2)
        assert all({*ATTACKS, "ece_scaled"} <= trial.measures.keys() for trial in study.trials)
        best = study.best
        network = Network.from_bytes(study.get(best.artefacts["weights"]))
        for name in ("accuracy", "loss", "ece", "brier", "ece_scaled", *ATTACKS):
            assert find(name)(network, digits) == pytest.approx(best.measures[name], abs=1e-6), name


def test_budgets_on_them_are_kept(digits):
    under = ["ece<=0.9", "robust@fgsm,eps=0.05>=1.1"]
    with Study(None, SPACE, strategy=Random(), task=digits, under=under) as study:
        study.run(digits, trials=2, epochs=1)
        assert study.best is None and all(trial.violation > 0 for trial in study.trials)
    with Study(None, SPACE, strategy=Random(), task=digits, under=under[:1]) as study:
        study.run(digits, trials=2, epochs=1)
        assert study.best is not None and study.best.measures["ece"] <= 0.9


def test_a_training_that_is_sent_to_another_process_measures_them_too(digits):
    sent = pickle.loads(pickle.dumps(Evaluation(digits, epochs=1, measures=ATTACKS[:1])))
    assert 0 <= sent(drawn(0)).measures[ATTACKS[0]] <= 1


@pytest.mark.parametrize("name", ["robust@pgd", "masking@pgd", "ece", "ece_scaled", "accuracy"])
def test_what_does_not_suit_the_data_is_refused_before_anything_is_trained(name):
    rows = {"x": [math.sin(i) for i in range(40)], "y": [float(i % 7) for i in range(40)]}
    pandas = pytest.importorskip("pandas")
    prices = read(pandas.DataFrame(rows), target="y", kind="regression")
    with pytest.raises(DataError, match=f"{name}.*leave it out|{name} is no figure of a regression"):
        Evaluation(prices, measures=(name,))


def test_which_figures_need_a_training():
    named = [accuracy, find("params"), robust("pgd"), masking(), ece, SimpleNamespace(name="made up")]
    assert trained(named) == ("accuracy", "robust@pgd", "masking@pgd", "ece")


def test_on_a_split_they_are_what_evaluating_gives(digits):
    from nasmyth.network import build
    from nasmyth.train import evaluate, initialise

    network = build(SPACE.decode(SPACE.sample(0)), 0, digits.inputs, digits.outputs)
    initialise(network, 0)
    for split in ("valid", "test"):
        scores = evaluate(network, digits, split=split)
        assert [m(network, digits, split=split) for m in (ece, brier, loss)] == [
            scores[n] for n in ("ece", "brier", "loss")
        ]


def test_scaling_mends_a_network_that_is_too_sure(digits):
    """Its logits are multiplied by 20; the temperature takes that back, on examples that it was not fitted on."""

    class Boast(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x):
            return 20 * self.network(x)

    done = Evaluation(digits, epochs=3)(drawn(1))
    network = Network.from_bytes(done.artefacts["weights"])
    boast = Boast(network)
    for split in ("valid", "test"):
        assert ece(boast, digits, split=split) > ece(network, digits, split=split) + 0.1
        assert ece_scaled(boast, digits, split=split) == pytest.approx(
            ece_scaled(network, digits, split=split), abs=0.02
        )
    for name in ("ece_adaptive", "ece_classwise"):
        assert find(name)(boast, digits) > find(name)(network, digits)
