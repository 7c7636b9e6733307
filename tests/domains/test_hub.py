"""The form of the Hugging Face hub, saved to disk: pictures, tables, and what cannot be read. Nothing is downloaded."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from nasmyth.domains import read
from nasmyth.errors import DataError

from .images import picture
from .test_folder import said
from .test_tables import table

datasets = pytest.importorskip("datasets")


def hub_images(labels):
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["b", "a"])})
    return datasets.Dataset.from_dict(
        {"image": [Image.fromarray(picture(max(0, y), i)) for i, y in enumerate(labels)], "label": labels},
        features=features,
    )


def test_hub_pictures_saved_to_disk(tmp_path):
    labels = [i % 2 for i in range(40)]
    parts = {"train": hub_images(labels), "validation": hub_images(labels[:6]), "test": hub_images(labels[:10])}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "pets")
    task = read(f"hf:{tmp_path / 'pets'}")
    assert task.name == "pets" and task.classes == ("b", "a") and task.input == (3, 12, 12)
    assert (len(task.train), len(task.valid), len(task.test)) == (40, 6, 10)
    assert np.array_equal(task.train.x[1].numpy(), picture(1, 1)) and task.train.y.tolist() == labels
    limited = read(f"hf:{tmp_path / 'pets'}", limit=20)
    assert (len(limited.train), len(limited.test)) == (20, 10)


def test_hub_test_without_labels_is_left_out(tmp_path):
    parts = {"train": hub_images([0, 1] * 20), "test": hub_images([-1] * 4)}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "pets")
    task = read(f"hf:{tmp_path / 'pets'}")
    said(task, "test split has no labels")
    assert len(task.test) == 8


def test_hub_tables_and_errors(tmp_path):
    datasets.Dataset.from_pandas(table()).save_to_disk(tmp_path / "t")
    assert read(f"hf:{tmp_path / 't'}", "price").kind == "regression"
    with pytest.raises(DataError, match="which column"):
        read(f"hf:{tmp_path / 't'}")
    with pytest.raises(DataError, match="no column 'prise'; did you mean 'price'"):
        read(f"hf:{tmp_path / 't'}", "prise")
    with pytest.raises(DataError, match="no such folder"):
        read(f"hf:{tmp_path / 'nothing'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="could not be loaded"):
        read(f"hf:{tmp_path / 'empty'}")
