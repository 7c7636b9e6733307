"""What is inferred from labels, and labels that nothing can learn from."""

from __future__ import annotations

import numpy as np
import pytest

from nasmyth.domains import read
from nasmyth.domains.labels import inferred_kind
from nasmyth.errors import DataError

from .images import arrays
from .test_folder import said

X = np.random.default_rng(0).normal(size=(60, 3))


@pytest.mark.parametrize(
    ("y", "pictures", "kind"),
    [
        (np.array(["a", "b"] * 30), False, "classification"),
        (np.array([True, False] * 30), False, "classification"),
        (np.arange(60) % 3, False, "classification"),
        (np.arange(60) % 3 * 1.0, False, "classification"),
        (np.arange(60) % 3 + 0.5, False, "regression"),
        (np.arange(60), False, "regression"),
        (np.arange(60) % 25, False, "regression"),
        (np.arange(60) % 25, True, "classification"),
        (np.arange(60), True, "regression"),
        (np.arange(1000) % 20, False, "classification"),
        (np.arange(1000) % 21, False, "regression"),
        (np.ones((60, 2)), False, "regression"),
    ],
)
def test_inferred_kind(y, pictures, kind):
    assert inferred_kind(y, pictures=pictures)[0] == kind


def test_kind_overrides_the_inference():
    y = np.arange(60) % 3
    assert read((X, y), kind="regression").kind == "regression"
    assert read((X, np.arange(60) % 24 // 2), kind="classification").kind == "classification"
    with pytest.raises(DataError, match="kind='clustering'"):
        read((X, y), kind="clustering")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ((-1, 1), ("-1", "1")),
        ((10, 9, 2), ("2", "9", "10")),
        ((2.0, -3.0), ("-3", "2")),
        (("b", "a"), ("a", "b")),
        ((True, False), ("False", "True")),
        (("10", "9"), ("9", "10")),
        ((b"x", b"y"), ("x", "y")),
    ],
)
def test_names_of_classes(labels, names):
    y = np.array(labels)[np.arange(60) % len(labels)]
    task = read((X, y))
    assert task.classes == names
    everything = np.concatenate([split.y for split in (task.train, task.valid, task.test)])
    assert np.bincount(everything).tolist() == [60 // len(names)] * len(names)


def test_lists_tensors_and_objects_are_labels_too():
    import torch

    for y in (["a", "b"] * 30, torch.arange(60) % 2, np.array([1, 0] * 30, dtype=object), (np.arange(60) % 2)[:, None]):
        assert read((X, y)).kind == "classification"


def test_one_hot_labels_are_classes():
    task = read((X, np.eye(3)[np.arange(60) % 3]))
    assert task.classes == ("0", "1", "2")
    said(task, "one-hot")


def test_several_values():
    task = read((X, X[:, :2] * 3 + 1))
    assert task.outputs.names == ("y0", "y1") and task.train.y.shape[1] == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_missing_and_infinite_values_are_refused_or_left_out(bad):
    y = X[:, 0].copy()
    y[[4, 9]] = bad
    with pytest.raises(DataError, match=r"2 of 60 labels .*rows 4, 9.*on_bad='skip'"):
        read((X, y))
    task = read((X, y), on_bad="skip")
    assert "2 of 60 labels" in said(task, "left out")
    assert len(task.train) + len(task.valid) + len(task.test) == 58


def test_missing_classes_are_refused_or_left_out():
    y = np.array(["a", "b", None] * 20, dtype=object)
    with pytest.raises(DataError, match="20 of 60 labels"):
        read((X, y))
    assert read((X, y), on_bad="skip").classes == ("a", "b")
    with pytest.raises(DataError, match="60 of 60 labels"):
        read((X, np.full(60, np.nan)), on_bad="skip")


def test_nothing_to_tell_apart():
    with pytest.raises(DataError, match="of one class, '7'"):
        read((X, np.full(60, 7)))
    with pytest.raises(DataError, match="is 7 in every training example"):
        read((X, np.full(60, 7.0)), kind="regression")


def test_a_long_label_does_not_fill_the_message():
    with pytest.raises(DataError) as told:
        read((X, np.full(60, "x" * 5000)))
    assert len(str(told.value)) < 300


def test_classes_too_small_to_split():
    y = np.array(["a"] * 30 + ["b"] * 28 + ["c"] * 2)
    with pytest.raises(DataError, match="1 of 3 classes have fewer than 3 examples: 'c'.*on_bad='skip'"):
        read((X, y))
    task = read((X, y), on_bad="skip")
    assert task.classes == ("a", "b")
    said(task, "'c'", "left out")
    with pytest.raises(DataError, match="is this the target"):
        read((X, np.array([f"row {i}" for i in range(60)])))


def test_labels_of_the_test_part_must_occur_in_training():
    x, y = arrays()
    with pytest.raises(DataError, match="test part has labels that never occur in training: '9'"):
        read((x, y, x[:3], np.array([0, 9, 1])))


def test_labels_of_no_use():
    with pytest.raises(DataError, match="type complex128"):
        read((X, np.zeros(60, dtype=complex)))
    with pytest.raises(DataError, match="not numbers"):
        read((X, np.array(["a", "b"] * 30)), kind="regression")
    with pytest.raises(DataError, match="single precision"):
        read((X, np.linspace(0, 1e300, 60)), kind="regression")
    with pytest.raises(DataError, match="cannot be classes"):
        read((X, X), kind="classification")


def test_too_few_examples_to_split():
    with pytest.raises(DataError, match="cannot be split"):
        read((X[:2], X[:2, 0]))


def test_one_example_each_is_enough_for_three_parts():
    with pytest.raises(DataError, match="same value|every training example"):
        read((X[:3], X[:3, 0]), kind="regression")
    task = read((X[:4], X[:4, 0]), kind="regression")
    assert [len(task.train), len(task.valid), len(task.test)] == [2, 1, 1]
