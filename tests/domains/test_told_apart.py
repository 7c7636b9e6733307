"""Data that looks like what nobody designs networks for here is named, with what to do; other data is left in peace."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nasmyth.domains import domain_for, read
from nasmyth.errors import DataError

from .test_folder import said
from .test_tables import kinds, table

RNG = np.random.default_rng(0)
Y = np.arange(60) % 3


def waves(steps: int, count: int = 60) -> np.ndarray:
    """Sine waves of random phase: N T."""
    return np.sin(np.arange(steps) / 9 + RNG.uniform(0, 6, (count, 1))) + 0.05 * RNG.normal(size=(count, steps))


def notes(task) -> str:
    return "\n".join(task.notes)


# --- series -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(128, 3), (3, 128), (128, 9), (9, 128), (24, 7), (1, 300), (300, 1)])
def test_steps_of_channels_are_no_pictures(shape):
    x = RNG.normal(size=(60, *shape))
    with pytest.raises(
        DataError, match=r"looks like series of .* steps and .*x.reshape\(len\(x\), -1\).*x\[..., None\]"
    ):
        read((x, Y))
    assert read((x.reshape(60, -1), Y)).input == (np.prod(shape),)
    assert read((x[..., None], Y)).input == (1, *shape)


@pytest.mark.parametrize(
    "shape", [(8, 8), (28, 28), (8, 8, 3), (32, 32, 1), (3, 8, 8), (2, 2), (3, 3), (4, 6), (16, 8), (1, 1, 3)]
)
@pytest.mark.parametrize("kind", ["uint8", "float32", "normal"])
def test_pictures_are_left_in_peace(shape, kind):
    x = RNG.normal(size=(60, *shape)) if kind == "normal" else RNG.integers(0, 255, (60, *shape)).astype(kind)
    assert len(read((x, Y)).train) == 41


def test_lines_of_text_as_pictures_are_left_in_peace():
    assert read((RNG.integers(0, 255, (60, 32, 256)).astype(np.uint8), Y)).input == (1, 32, 256)
    assert read((RNG.random((60, 32, 256)), Y)).input == (1, 32, 256)


def test_long_rows_are_a_table_and_said_to_have_no_order():
    assert "look like the steps of a series" in said(read((waves(400), Y)), "neighbours resemble each other")
    assert "400" in said(read((waves(400), Y)), "order of its columns")
    said(read((RNG.normal(size=(60, 8000)), Y)), "8,000 columns of numbers", "order")
    rows, columns = RNG.uniform(4, 12, (2, 60, 1, 1))
    blobs = np.exp(-((np.arange(16)[:, None] - rows) ** 2 + (np.arange(16) - columns) ** 2) / 9)
    said(read((blobs.reshape(60, -1), Y)), "pixels of pictures", "give pictures as N H W")


def test_codes_are_said_to_be_taken_for_amounts():
    said(read((RNG.integers(0, 5000, (300, 60)), np.arange(300) % 2)), "sequences of codes", "amounts")


@pytest.mark.parametrize(
    "x",
    [
        RNG.normal(size=(60, 200)),
        RNG.normal(size=(60, 1)) + 0.1 * RNG.normal(size=(60, 200)),
        RNG.poisson(3, (60, 200)),
        waves(30),
    ],
)
def test_tables_are_left_in_peace(x):
    assert "series" not in notes(read((x, Y))) and "codes" not in notes(read((x, Y)))


# --- targets ----------------------------------------------------------------------------------------------------------

X = RNG.normal(size=(60, 3))


@pytest.mark.parametrize("kind", [int, float, bool])
def test_several_labels_an_example_are_refused(kind):
    y = (RNG.random((60, 4)) < 0.5).astype(kind)
    with pytest.raises(
        DataError,
        match=r"y of 4 columns of zeros and ones looks like several labels .*multi-label.*y\[:, 0\].*kind='regression'",
    ):
        read((X, y))
    assert read((X, y), kind="regression").kind == "regression"
    assert read((X, y[:, 0])).kind == "classification"


def test_several_target_columns_of_zeros_and_ones():
    frame = table().assign(wet=lambda f: f["count"] > 4, warm=lambda f: f["width"] > 3)
    with pytest.raises(DataError, match="multi-label"):
        read(frame, ("wet", "warm"))


def test_labels_that_are_lists():
    with pytest.raises(DataError, match="y: a list could not be made an array .* or number of labels"):
        read((X, [["a", "b"], ["a"]] * 30))
    y = np.empty(60, dtype=object)
    y[:] = [["a"], ["b", "c"]] * 30
    with pytest.raises(DataError, match=r"are collections, such as \['a'\]: this looks like several labels"):
        read((X, y))
    with pytest.raises(DataError, match="are collections"):
        read(pd.DataFrame({"x": X[:, 0], "y": [("a",), ("b", "c")] * 30}), "y")


def test_minus_one_beside_classes_is_said():
    said(read((X, Y - 1)), "label -1", "leave those rows out")
    for y in (Y, (Y - 1) * 2, np.where(Y > 0, 1, -1)):
        assert "label -1" not in notes(read((X, y)))


# --- graphs -----------------------------------------------------------------------------------------------------------


def test_graphs_without_their_edges_are_refused(tmp_path):
    mask = np.arange(60) < 40
    cora = {"edge_type": np.zeros((2, 100), int), "x": X, "y": np.where(mask, Y, -1), "train_mask": mask}
    np.savez(tmp_path / "a.npz", **cora)
    for source in (cora, tmp_path / "a.npz"):
        with pytest.raises(
            DataError, match=r"'edge_type', 'train_mask' beside x and y say that this is a graph.*x\[train_mask\]"
        ):
            read(source)
    assert read({"x": X, "y": Y, "names": np.arange(3)}).kind == "classification"


# --- texts ------------------------------------------------------------------------------------------------------------


def test_free_text_is_left_out_and_named():
    words = ["the", "film", "was", "good", "bad", "long", "and", "I", "slept", "well"]
    review = [" ".join(RNG.choice(words, RNG.integers(6, 30))) for _ in range(120)]
    task = read(table().assign(review=review), "kind")
    assert "review" in said(task, "free text", "counts of words") and "review" not in kinds(task)
    alone = read((np.array(review), np.arange(120) % 2))  # where there is nothing else, it is what is learned from
    assert domain_for(alone).name == "text"


def test_names_of_files_are_left_out_and_named():
    task = read(table().assign(photo=[f"photos/{i % 50}.JPG" for i in range(120)]), "kind")
    assert "photo" in said(task, "names of files", "folder") and "photo" not in kinds(task)


def test_phrases_that_recur_are_categories():
    phrases = ["a very long name of a colour", "another quite long name of a colour", "red"]
    assert kinds(read(table().assign(phrase=phrases * 40), "kind"))["phrase"] == "category"
