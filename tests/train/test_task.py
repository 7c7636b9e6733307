import math

import pytest
import torch
import torch.nn.functional as F
from toys import digits as make_digits

from nasmyth.errors import DataError
from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.forms.outputs import Classes, Values
from nasmyth.train import Recipe, Split, Task, random_split, stratified_split


def images(count, label=None, classes=3):
    x = torch.randint(0, 256, (count, 4, 4, 1), dtype=torch.uint8)
    return Split(x, torch.arange(count) % classes if label is None else torch.full((count,), label))


def task(train=None, valid=None, test=None, names=("a", "b", "c")):
    inputs = ImageInput(4, 4, 1, (0.5,), (0.25,))
    return Task(
        "toy", inputs, Classes(names), train or images(9), valid or images(6), images(6) if test is None else test
    )


def table(y):
    inputs, outputs = TableInput((Column("x"),)), Values(("t",), (1.0,), (2.0,))
    parts = [Split(torch.zeros(len(y), 1), y) for _ in range(3)]
    return Task("table", inputs, outputs, *parts)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: task(train=images(9, label=1)), "of one class, 'b'"),
        (lambda: task(test=images(0)), "test split: empty"),
        (lambda: task(valid=Split(images(6).x, images(5).y)), "valid split: 6 inputs and 5 targets"),
        (lambda: task(train=images(8, classes=2), valid=images(8, classes=2)), "test has labels that never.*'c'"),
        (lambda: task(names=("a", "b")), "expected torch.int64 indices of 2 classes"),
        (lambda: task(train=Split(images(9).x.float(), images(9).y)), "expected .* torch.uint8"),
        (lambda: table(torch.tensor([[1.0], [math.nan]])), "1 targets are NaN or infinite, first in row 1"),
        (lambda: table(torch.tensor([[math.inf], [1.0]])), "first in row 0"),
        (lambda: table(torch.zeros(3)), r"expected \(N, 1\)"),
    ],
)
def test_bad_data_is_refused_when_the_task_is_made(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_describes_itself(digits):
    found = digits.describe()
    assert found["sizes"] == {"train": 1078, "valid": 360, "test": 359}
    assert found["kind"] == "classification" and found["input"] == [1, 8, 8] and len(found["classes"]) == 10
    assert digits.objective == "accuracy"
    assert found["notes"] == list(digits.notes) and found["chance"]["score"] == "accuracy"
    told = digits.__class__(digits.name, digits.inputs, digits.outputs, digits.train, digits.valid, digits.test,
                            notes=("a column was left out",), recipe=Recipe(epochs=7)).describe()  # fmt: skip
    assert told["notes"] == ["a column was left out"] and told["recipe"]["epochs"] == 7


def test_fingerprint_is_of_the_content(digits):
    again = make_digits()
    assert again.fingerprint == digits.fingerprint
    again.test.x[0, 0, 0, 0] += 1
    changed = Task(again.name, again.inputs, again.outputs, again.train, again.valid, again.test)
    assert changed.fingerprint != digits.fingerprint


def test_classification_loss_is_cross_entropy_smoothed_by_its_definition():
    toy, pred, y = task(), torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    soft = F.one_hot(y, 3) * (1 - 0.1) + 0.1 / 3
    expected = -(soft * pred.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(toy.loss(pred, y, smoothing=0.1), expected)
    torch.testing.assert_close(toy.loss(pred, soft.float()), expected)


def test_scores_by_their_definitions(digits, line):
    pred, y = torch.randn(50, 10), torch.randint(0, 10, (50,))
    scores = digits.score(pred, y)
    assert scores["accuracy"] == pytest.approx((pred.argmax(1) == y).double().mean().item())
    assert scores["error"] == pytest.approx(1 - scores["accuracy"])
    assert scores["loss"] == pytest.approx(F.cross_entropy(pred, y).item(), rel=1e-6)

    z, y = torch.randn(48, 1), line.valid.y
    value = line.outputs.module()(z).double()
    scores = line.score(z, y)
    off = value - y
    assert scores["rmse"] == pytest.approx(off.square().mean().sqrt().item(), rel=1e-6)
    assert scores["mae"] == pytest.approx(off.abs().mean().item(), rel=1e-6)
    assert scores["r2"] == pytest.approx(1 - (off.square().sum() / (y - y.mean()).square().sum()).item(), rel=1e-4)
    assert scores["loss"] == pytest.approx(line.loss(z, y).item(), rel=1e-5)


def test_scores_of_batches_are_those_of_the_whole(line):
    z, y = torch.randn(48, 1), line.valid.y
    meter = line.meter()
    for rows in torch.arange(48).split(7):
        meter.update(z[rows], y[rows])
    assert meter.compute() == pytest.approx(line.score(z, y))


def test_one_example_can_be_scored(line):
    assert "r2" not in line.score(torch.zeros(1, 1), line.valid.y[:1])


def test_better_is_more_accuracy_and_less_rmse(digits, line):
    assert digits.better({"accuracy": 0.9, "loss": 2.0}, {"accuracy": 0.8, "loss": 1.0})
    assert digits.better({"accuracy": 0.9, "loss": 1.0}, {"accuracy": 0.9, "loss": 2.0})
    assert line.better({"rmse": 1.0, "loss": 1.0}, {"rmse": 2.0, "loss": 1.0})
    assert line.better({"rmse": 1.0, "loss": 1.0}, None)


@pytest.mark.parametrize("fractions", [(0.6, 0.2, 0.2), (0.8, 0.2), (1.0, 0.0)])
@pytest.mark.parametrize("split", ["random", "stratified"])
def test_splits_share_out_everything_once(split, fractions):
    y = torch.randint(0, 7, (503,), generator=torch.Generator().manual_seed(1))
    make = (
        (lambda s: random_split(503, fractions, s))
        if split == "random"
        else (lambda s: stratified_split(y, fractions, s))
    )
    parts = make(0)
    assert torch.cat(parts).sort().values.tolist() == list(range(503))
    assert all(abs(len(p) - f * 503) <= 1 for p, f in zip(parts, fractions, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(parts, make(0), strict=True))
    if split == "stratified":
        for label in range(7):
            total = int((y == label).sum())
            for part, f in zip(parts, fractions, strict=True):
                assert abs(int((y[part] == label).sum()) - f * total) <= 2


def test_a_class_of_one_example_is_trained_on():
    y = torch.tensor([0] * 20 + [1] + [2] * 2)
    train, _valid, _test = stratified_split(y, (0.5, 0.25, 0.25))
    assert set(y[train].tolist()) == {0, 1, 2}


def test_fractions_must_sum_to_one():
    with pytest.raises(DataError, match="sum to 1"):
        random_split(10, (0.5, 0.2))


def test_what_learns_from_validation_is_scored_by_the_rest_of_it():
    made = task(
        train=images(9),
        valid=Split(torch.arange(6 * 16, dtype=torch.uint8).view(6, 4, 4, 1), torch.arange(6) % 3),
    )
    more = made.learning_from_validation(2)
    assert len(more.train) == 9 + 4 and len(more.valid) == 2 and more.test is made.test
    assert torch.equal(more.train.x[:9], made.train.x)
    seen = torch.cat([more.train.x[9:], more.valid.x]).flatten(1)
    assert torch.equal(seen[seen[:, 0].argsort()], made.valid.x.flatten(1)), "every one of them once"
