"""Any score is a goal: it keeps the laws of measures, is refused where a task has it not, and is what trainings are judged by."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from nasmyth.domains import domain_for, read
from nasmyth.errors import DataError, UnitError
from nasmyth.forms.scores import CLASSES, LABEL, SCORES, VALUES
from nasmyth.measure import Candidate, constraint, evaluate, f1, find, measures, precision, quantile_loss, recall
from nasmyth.measure.trained import judged_by
from nasmyth.network import build
from nasmyth.study import Study
from nasmyth.study.evaluation import Evaluation
from nasmyth.testing import check_measure
from nasmyth.train import Recipe, fit, initialise

torch.set_num_threads(1)
TASKS = {CLASSES: "breast_cancer", VALUES: "diabetes"}
WRITTEN = [name for name, score in SCORES.items() if score.alone] + [
    f"{name}:{'malignant' if score.of == LABEL else score.of}" for name, score in SCORES.items() if score.of
]


def kind_of(name):
    return SCORES[name.partition(":")[0]].kinds[0]


@pytest.fixture(scope="module")
def made():
    """A candidate of each kind, of one epoch."""
    found = {}
    for kind, name in TASKS.items():
        task = read(name)
        domain = domain_for(task)
        graph = domain.space(task).decode(domain.plain(task, 8))
        found[kind] = Candidate(graph, Recipe(epochs=1, batch=64), task=task)
    return found


@pytest.mark.parametrize("name", WRITTEN)
def test_laws(name, made):
    check_measure(find(name), made[kind_of(name)])


def test_every_score_is_registered():
    assert set(SCORES) <= set(measures.names())
    for name, score in SCORES.items():
        if score.alone:
            assert (find(name).direction, find(name).unit) == (score.direction, score.unit)


def test_one_grammar_for_python_and_text():
    assert recall("malignant") is find("recall:malignant") is find("recall: malignant ")
    assert f1("malignant") is find("f1:malignant") is not f1 and quantile_loss(0.5) is find("quantile_loss:0.50")
    assert recall(3) is find("recall:3") and precision(True).name == "precision:True"
    assert constraint("recall:>50K>=80%") == (recall(">50K") >= 0.8)
    assert constraint("recall:<=50K<=0.5") == (recall("<=50K") <= 0.5)
    assert constraint("auroc:new york >= 0.9") == (find("auroc:new york") >= 0.9)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recall", "say of which, such as 'recall:LABEL'; 'balanced_accuracy' is its mean"),
        ("precision", "'precision:LABEL'"),
        ("recall:", "say of which class"),
        ("recall@sick", "'recall:LABEL'"),
        ("quantile_loss", "'quantile_loss:0.9'"),
        ("quantile_loss:90", "between 0 and 1"),
        ("accuracy:sick", "write 'accuracy'"),
        ("latency:cpu", "'latency@cpu'"),
    ],
)
def test_what_is_half_written_is_refused(name, said):
    with pytest.raises(UnitError, match=said):
        find(name)


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (
            VALUES,
            "auroc",
            "auroc is no figure of a regression, and diabetes is one; write rmse, mae, .*quantile_loss:0.9",
        ),
        (VALUES, "recall:1", "no figure of a regression"),
        (CLASSES, "rmse", "write accuracy, balanced_accuracy, .* of one class .*, such as recall:malignant"),
        (CLASSES, "quantile_loss:0.9", "no figure of a classification"),
        (CLASSES, "recall:maligant", "no class is called 'maligant'; did you mean 'malignant'"),
    ],
)
def test_a_goal_that_a_task_has_not_is_refused_in_a_line(kind, name, said, made):
    task = made[kind].task
    for refuse in (
        lambda: Evaluation(task, measures=(name,)),
        lambda: evaluate(made[kind].again(), [name]),
        lambda: Study(None, domain_for(task).space(task), maximize=[(name, find(name).direction)], task=task),
        lambda: task.judged_by(name),
    ):
        with pytest.raises(DataError) as caught:
            refuse()
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=said):
        find(name).check_task(task)


def without(task, label):
    """The task with a validation split that lacks a class."""
    rows = torch.nonzero(task.valid.y != task.classes.index(label)).flatten()
    return dataclasses.replace(task, valid=task.valid.take(rows))


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("recall:malignant", "an example of 'malignant'"),
        ("average_precision:malignant", "an example of 'malignant'"),
        ("auroc:benign", "examples of 'benign' and of others"),
        ("auroc", "examples of two classes"),
    ],
)
def test_what_a_split_cannot_tell_is_refused_before_anything_is_trained(name, takes, made):
    task = without(made[CLASSES].task, "malignant")
    with pytest.raises(DataError, match=f"{name} cannot be told on the validation split.*{takes}"):
        Evaluation(task, measures=(name,))
    with pytest.raises(DataError, match="validation split"):
        Study(None, domain_for(task).space(task), maximize=name, task=task)
    Evaluation(task, measures=("balanced_accuracy", "f1", "recall:benign"))


def test_a_family_is_no_goal(made):
    space = domain_for(made[CLASSES].task).space(made[CLASSES].task)
    for refuse in (lambda: Study(None, space, maximize=recall), lambda: find(precision)):
        with pytest.raises(UnitError, match="say of which, such as '.*:LABEL'"):
            refuse()


# --- what trainings are judged by -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rare():
    """Rows of which one in twenty is sick, and hard to tell."""
    rng = np.random.default_rng(0)
    y = rng.random(1500) < 0.06
    x = rng.normal(size=(1500, 5)) + 1.2 * y[:, None]
    return read((x, np.where(y, "sick", "well")))


def trained(task, epochs=12):
    domain = domain_for(task)
    network = build(domain.space(task).decode(domain.plain(task, 16)), 0, task.inputs, task.outputs)
    return fit(initialise(network, 0), task, epochs=epochs, recipe=task.recipe, seed=0)


@pytest.mark.parametrize(
    "goal", ["balanced_accuracy", "f1", "recall:sick", "precision:sick", "auroc", "log_loss", "ece"]
)
def test_a_training_keeps_the_weights_that_were_best_by_the_goal(goal, rare):
    fitted = trained(rare.judged_by(goal))
    told = [entry[goal] for entry in fitted.curve]
    best = max if find(goal).direction == "max" else min
    assert fitted.scores[goal] == best(told)
    assert find(goal)(fitted.network, rare) == pytest.approx(fitted.scores[goal])


def test_what_decides_is_part_of_the_task_and_not_of_its_data(rare):
    judged = rare.judged_by("recall:sick")
    assert (judged.objective, judged.direction, rare.objective) == ("recall:sick", "max", "accuracy")
    assert judged.fingerprint == rare.fingerprint and judged.judged_by("accuracy").goal is None
    assert judged.few(4).objective == "recall:sick" and rare.judged_by("log_loss").direction == "min"
    assert judged_by(rare, "robust@pgd") is rare, "what is no score of answers is measured afterwards"


def test_a_score_that_is_not_defined_never_beats_one_that_is(rare):
    task = rare.judged_by("auroc")
    some, none = {"auroc": 0.5, "loss": 1.0}, {"auroc": math.nan, "loss": 0.1}
    assert (
        task.better(some, none) and not task.better(none, some) and task.better(none, {"auroc": math.nan, "loss": 2.0})
    )
    assert task.better(some, {"loss": 0.2}), "an older training may not have told it"


def test_a_goal_is_told_by_the_training_that_it_needs(rare):
    domain = domain_for(rare)
    with Study(None, domain.space(rare), maximize="recall:sick", under=["precision:sick>=0.1"], task=rare) as study:
        study.run(rare, trials=2, epochs=2)
        assert all("recall:sick" in trial.measures and "precision:sick" in trial.measures for trial in study.trials)
        curve = study.trials[0].stages["final"]["curve"]
        assert all("recall:sick" in entry for entry in curve) and "precision:sick" not in curve[0]
        assert study.summary()["chance"]["score"] == "recall:sick"


# --- doubts -----------------------------------------------------------------------------------------------------------


def test_accuracy_is_doubted_where_one_class_has_nearly_all(rare, made):
    share = f"{100 * float((rare.train.y == 1).double().mean()):.3g} %"
    assert share in rare.doubt and "balanced_accuracy" in rare.doubt and "average_precision:sick" in rare.doubt
    assert not rare.judged_by("balanced_accuracy").doubt and rare.judged_by("accuracy").doubt
    assert not made[CLASSES].task.doubt and not made[VALUES].task.doubt and rare.describe()["doubt"] == rare.doubt


def test_who_finds_the_rare_ones_is_better_than_chance(rare):
    """Though its accuracy is less than that of saying that all are well."""
    from nasmyth.study.chance import near_chance

    found = {"accuracy": 0.85, "balanced_accuracy": 0.8}
    assert near_chance(found, rare.chance()) and not near_chance(found, rare.judged_by("balanced_accuracy").chance())
