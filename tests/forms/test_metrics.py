"""Scores are those of scikit-learn and torchmetrics, and under weights those of examples that stand there so often."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
import torch

from nasmyth.errors import DataError, UnitError
from nasmyth.forms import IGNORED, Classes, Heads, Values
from nasmyth.forms.metric import resampled, standard_error
from nasmyth.forms.scores import CLASSES, SCORES, VALUES

metrics = pytest.importorskip("sklearn.metrics")

OF_CLASSES = [name for name, score in SCORES.items() if CLASSES in score.kinds and score.alone]
TIED = ["recall", "precision", "f1", "auroc", "average_precision"]
OF_VALUES = [*(name for name, score in SCORES.items() if VALUES in score.kinds and score.alone), "quantile_loss:0.9"]


def answers(seed, n=60, size=4, absent=(), ties=False):
    """Logits and targets: some classes may be absent from the targets, and ranks tied."""
    rng = np.random.default_rng(seed)
    y = rng.choice([i for i in range(size) if i not in absent], n)
    logits = rng.normal(size=(n, size)) + 1.2 * np.eye(size)[y]
    if ties:
        logits = logits.round()
    return torch.from_numpy(logits).float(), torch.from_numpy(y)


def form(size):
    return Classes(tuple(f"class {i}" for i in range(size)))


def told(form, name, pred, y):
    """By the metric, and by the meter that goes over batches: they have to agree."""
    metric = form.metric(name)
    value = metric.told(form.gather(metric, pred, y))
    meter = form.meter((name,))
    for part in (slice(0, 7), slice(7, None)):
        meter.update(pred[part], y[part])
    assert meter.compute()[name] == pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True)
    return value


def oracle(name, pred, y):
    """What scikit-learn says. Of areas: the mean over the classes for which it has one."""
    p = pred.double().softmax(1).numpy()
    y, hit = y.numpy(), pred.argmax(1).numpy()
    there = [i for i in range(p.shape[1]) if 0 < (y == i).sum()]
    if name == "auroc":
        each = [metrics.roc_auc_score(y == i, p[:, i]) for i in there if (y != i).any()]
        return np.mean(each) if each else math.nan
    if name == "average_precision":
        return np.mean([metrics.average_precision_score(y == i, p[:, i]) for i in there])
    return {
        "accuracy": lambda: metrics.accuracy_score(y, hit),
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(y, hit),
        "f1": lambda: metrics.f1_score(y, hit, average="macro"),
        "f1_micro": lambda: metrics.f1_score(y, hit, average="micro"),
        "log_loss": lambda: metrics.log_loss(y, p, labels=range(p.shape[1])),
        "loss": lambda: metrics.log_loss(y, p, labels=range(p.shape[1])),
        "brier": lambda: ((p - np.eye(p.shape[1])[y]) ** 2).sum(1).mean(),
        "ece": lambda: calibration(p, y),
    }[name]()


def calibration(p, y):
    """The definition: over 15 bins (low, high], the share of each times the gap in it."""
    sure, right = p.max(1), p.argmax(1) == y
    edges = np.linspace(0, 1, 16)
    held = [(sure > low) & (sure <= high) for low, high in itertools.pairwise(edges)]
    return sum(abs((sure[one] - right[one]).sum()) for one in held) / len(y)


CASES = {
    "all classes": {}, "two classes": {"size": 2}, "ties": {"ties": True}, "one absent": {"absent": (1,)},
    "two absent, ties": {"absent": (0, 3), "ties": True}, "one class alone": {"absent": (0, 1, 3)},
    "one example": {"n": 1},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", OF_CLASSES)
def test_scores_of_classes_are_those_of_scikit_learn(name, case):
    for seed in range(5):
        pred, y = answers(seed, **CASES[case])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn says what is missing; that is what is asked here
            expected = oracle(name, pred, y)
        assert told(form(pred.shape[1]), name, pred, y) == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", TIED)
def test_scores_of_one_class_are_those_of_scikit_learn(family, case):
    for seed, place in itertools.product(range(3), range(2)):
        pred, y = answers(seed, **CASES[case])
        p, hit, there = pred.double().softmax(1).numpy()[:, place], pred.argmax(1) == place, y == place
        value = told(form(pred.shape[1]), f"{family}:class {place}", pred, y)
        if not there.any() and not (family in ("f1", "precision") and hit.any()):
            assert math.isnan(value), "what is not there can be neither found nor ranked"
            continue
        if family == "auroc" and there.all():
            assert math.isnan(value)
            continue
        score, given, options = {
            "recall": (metrics.recall_score, hit, {}),
            "precision": (metrics.precision_score, hit, {"zero_division": 0}),
            "f1": (metrics.f1_score, hit, {}),
            "auroc": (metrics.roc_auc_score, p, {}),
            "average_precision": (metrics.average_precision_score, p, {}),
        }[family]
        expected = score(there, given, **options)
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "theirs", "options"),
    [
        ("balanced_accuracy", "MulticlassRecall", {"average": "macro"}),
        ("f1", "MulticlassF1Score", {"average": "macro"}),
        ("f1_micro", "MulticlassF1Score", {"average": "micro"}),
        ("auroc", "MulticlassAUROC", {"average": "macro"}),
        ("average_precision", "MulticlassAveragePrecision", {"average": "macro"}),
    ],
)
@pytest.mark.parametrize("ties", [False, True])
def test_and_of_torchmetrics(name, theirs, options, ties):
    import torchmetrics.classification

    pred, y = answers(1, n=300, ties=ties)
    other = getattr(torchmetrics.classification, theirs)(4, **options)
    other.update(pred.double().softmax(1), y)
    assert told(form(4), name, pred, y) == pytest.approx(float(other.compute()), rel=1e-5)


def numbers(seed, n=50, k=1):
    rng = np.random.default_rng(seed)
    y = rng.gamma(2.0, 30.0, (n, k)) * [1.0, 100.0, 0.01][:k]
    values = Values(tuple("abc"[:k]), tuple(y.mean(0)), tuple(y.std(0)))
    stored = torch.from_numpy(y).float()
    pred = values.standardise(stored) + torch.from_numpy(rng.normal(scale=0.4, size=(n, k))).float()
    return values, pred, stored


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("n", [50, 51, 2])
@pytest.mark.parametrize("name", OF_VALUES)
def test_scores_of_values_are_those_of_scikit_learn(name, n, k):
    values, pred, y = numbers(n, n, k)
    answered, truth = values.module()(pred.double()).numpy(), y.double().numpy()
    expected = {
        "rmse": lambda: metrics.root_mean_squared_error(truth, answered),
        "mae": lambda: metrics.mean_absolute_error(truth, answered),
        "median_error": lambda: metrics.median_absolute_error(truth, answered),
        "quantile_loss:0.9": lambda: metrics.mean_pinball_loss(truth, answered, alpha=0.9),
        "r2": lambda: metrics.r2_score(truth, answered),
        "loss": (((truth - answered) / np.array(values.std)) ** 2).mean,
    }[name]()
    assert told(values, name, pred, y) == pytest.approx(expected, rel=1e-4)


def test_what_does_not_vary_has_no_share_explained():
    values, pred, y = numbers(0)
    assert math.isnan(values.metric("r2").told(values.gather(values.metric("r2"), pred, y[:1].expand_as(y))))


# --- weights ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [*OF_CLASSES, *(f"{family}:class 1" for family in TIED), *(name for name in OF_VALUES if name != "loss")]
)
def test_weights_are_so_many_examples(name):
    """So the score of a resample is the score of the examples that were drawn."""
    if SCORES[name.partition(":")[0]].kinds == (VALUES,):
        one, pred, y = numbers(3, k=2)
    else:
        one, (pred, y) = form(4), answers(3, absent=(2,), ties=True)
    metric = one.metric(name)
    weights = torch.from_numpy(np.random.default_rng(0).integers(0, 4, (6, len(y)))).double()
    weights[:, 0] = 1
    values = metric.value(one.gather(metric, pred, y), weights)
    for row, value in zip(weights, values, strict=True):
        again = torch.arange(len(y)).repeat_interleave(row.long())
        assert float(value) == pytest.approx(metric.told(one.gather(metric, pred[again], y[again])), rel=1e-9)


def test_the_error_is_the_spread_over_samples():
    drawn = [answers(seed, n=200, size=3) for seed in range(300)]
    for name in ("f1", "auroc", "recall:class 1", "log_loss"):
        metric = form(3).metric(name)
        spread = np.std([metric.told(form(3).gather(metric, *one)) for one in drawn])
        errors = [standard_error(metric, form(3).gather(metric, *one)) for one in drawn[:5]]
        assert np.mean(errors) == pytest.approx(spread, rel=0.25), name


def test_of_very_many_examples_some_tell_the_error(monkeypatch):
    metric = form(3).metric("f1")
    columns = form(3).gather(metric, *answers(0, n=4000, size=3))
    all_of_them = standard_error(metric, columns)
    monkeypatch.setattr("nasmyth.forms.metric.WORK", 200 * 3 * 500)
    assert standard_error(metric, columns) == pytest.approx(all_of_them, rel=0.3)
    assert float(resampled(metric, [columns])[0].mean()) == pytest.approx(metric.told(columns), abs=3 * all_of_them)


def test_resamples_are_the_same_for_all_and_for_a_seed():
    metric = form(3).metric("f1")
    columns = form(3).gather(metric, *answers(0, size=3))
    first, second = resampled(metric, [columns, columns])
    assert torch.equal(first, second) and torch.equal(first, resampled(metric, [columns])[0])
    assert not torch.equal(first, resampled(metric, [columns], seed=1)[0])


def test_resamples_in_which_a_class_is_missing_are_left_out():
    pred, y = answers(0, n=12, size=2)
    y = torch.tensor([0] * 11 + [1])
    metric = form(2).metric("recall:class 1")
    drawn = resampled(metric, [form(2).gather(metric, pred, y)])
    assert 400 < drawn.shape[1] < 900 and drawn.isfinite().all(), "a third of them have no example of it"


# --- what counts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*OF_CLASSES, "recall:class 2", "auroc:class 0"])
def test_positions_that_do_not_count_change_nothing(name):
    pred, y = answers(5, n=60, size=3)
    each, whole = Classes(form(3).names, positions=(5,)), form(3)
    spoilt, hidden = torch.cat((pred, 50 * torch.randn(60, 3))), torch.cat((y, torch.full((60,), IGNORED)))
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    value = told(each, name, spoilt[order].reshape(24, 5, 3), hidden[order].reshape(24, 5))
    assert value == pytest.approx(told(whole, name, pred, y), rel=1e-6)


@pytest.mark.parametrize("name", OF_VALUES)
def test_places_of_a_field_that_do_not_count_change_nothing(name):
    values, pred, y = numbers(2, 60)
    field = values.replace(positions=(5,))
    spoilt, hidden = torch.cat((pred, torch.randn(60, 1))), torch.cat((y, torch.full((60, 1), math.nan)))
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    value = told(field, name, spoilt[order].reshape(24, 5, 1), hidden[order].reshape(24, 5, 1))
    assert value == pytest.approx(told(values, name, pred, y), rel=1e-5)


def test_of_several_heads_the_first_is_told():
    (pred, y), (values, other, target) = answers(0, n=50, size=3), numbers(0)
    heads = Heads((("kind", form(3)), ("age", values)))
    both, truth = torch.cat((pred, other), 1), {"kind": y, "age": target}
    for name in ("f1", "auroc:class 1", "accuracy"):
        metric = heads.metric(name)
        value = metric.told(heads.gather(metric, both, truth))
        assert value == told(form(3), name, pred, y)
        meter = heads.meter((name,))
        meter.update(both, truth)
        assert meter.compute()[name] == pytest.approx(value)
    assert heads.metric("rmse") is None and "age_rmse" in meter.compute()


def test_what_is_not_finite_is_no_score():
    pred, y = answers(0)
    pred[3, 1] = math.nan
    meter = form(4).meter(("auroc", "f1"))
    meter.update(pred, y)
    assert math.isnan(meter.compute()["auroc"]) and math.isnan(meter.compute()["f1"])


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "name", "place"),
    [
        (("no", "yes"), "recall:yes", 1),
        (("0", "1"), "recall:1", 1),
        (("0", "1"), "recall:1.0", 1),
        (("<=50K", ">50K"), "recall:>50K", 1),
        (("a:b", "a b"), "recall:a b", 1),
        (("a b", "a:b"), "recall:a:b", 1),
        (("micro", "macro"), "recall:macro", 1),
    ],
)
def test_labels_are_as_they_are_in_the_data(classes, name, place):
    pred = torch.eye(2)[[0, 1, 0]]
    assert told(Classes(classes), name, pred, torch.tensor([place] * 3)) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recall:Malignant", "no class is called 'Malignant'; did you mean 'malignant'"),
        ("f1:sick", r"no class is called 'sick'.*\(there are benign, malignant\)"),
        ("f1:micro", "over all classes, write 'f1_micro'"),
    ],
)
def test_a_class_that_there_is_not_is_refused(name, said):
    with pytest.raises(DataError, match=said):
        Classes(("benign", "malignant")).metric(name)


@pytest.mark.parametrize("name", ["rmse", "accuracy:a", "recall", "made up", "quantile_loss:0.5"])
def test_what_is_no_score_of_classes_has_no_metric(name):
    assert Classes(("a", "b")).metric(name) is None


@pytest.mark.parametrize("name", ["accuracy", "recall:a", "quantile_loss", "rmse:a", "made up"])
def test_what_is_no_score_of_values_has_no_metric(name):
    assert Values(("a",), (0.0,), (1.0,)).metric(name) is None


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "nan", "half"])
def test_a_quantile_is_between_zero_and_one(share):
    with pytest.raises(UnitError, match="between 0 and 1"):
        Values(("a",), (0.0,), (1.0,)).metric(f"quantile_loss:{share}")
