"""Known names, torch data, the Hugging Face form, names that are not there, and inputs to predict."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, SubsetRandomSampler, TensorDataset

from nasmyth.domains import data, domain_for, domains, read, read_inputs, readers
from nasmyth.errors import DataError

from .images import arrays, folder, picture, write
from .test_folder import said
from .test_tables import table


@pytest.mark.parametrize(
    ("name", "kind", "width", "classes"),
    [
        ("digits", "classification", (1, 8, 8), 10),
        ("iris", "classification", (4,), 3),
        ("wine", "classification", (13,), 3),
        ("breast_cancer", "classification", (30,), 2),
        ("diabetes", "regression", (10,), 0),
    ],
)
def test_known_names(name, kind, width, classes):
    task = read(name)
    assert (task.kind, task.input, len(task.classes), task.name) == (kind, width, classes, name)
    assert data.get(name).about


def test_known_names_keep_the_names_of_classes_and_raw_units():
    assert read("iris").classes == ("setosa", "versicolor", "virginica")
    age = next(c for c in read("diabetes").inputs.columns if c.name == "age")
    assert 40 < age.center < 60


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from nasmyth.domains import data, readers, domains;"
        "print(data.names(), readers.names(), domains.names());"
        "assert not {'torch', 'pandas', 'PIL', 'sklearn', 'datasets', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert domains.names() == ["graphs", "tabular", "text", "vision"]
    assert all(reader.about for _, reader in readers)


def test_every_task_has_its_domain():
    assert domain_for(read("iris")).name == "tabular" and domain_for(read("digits")).name == "vision"


def test_a_task_is_given_back():
    task = read("iris")
    assert read(task) is task


def test_names_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().to_csv("flowers.csv", index=False)
    with pytest.raises(
        DataError, match="no data set, file or folder 'digit'; did you mean 'digits'.*known names: breast_cancer"
    ):
        read("digit")
    with pytest.raises(DataError, match="flower.csv: no such file; did you mean 'flowers.csv'"):
        read("flower.csv", "kind")
    with pytest.raises(DataError, match="there is no folder 'data/deep'"):
        read("data/deep/a.csv", "kind")
    (tmp_path / "a.xyz").write_text("")
    with pytest.raises(DataError, match="files ending in '.xyz' are not understood"):
        read("a.xyz")
    with pytest.raises(DataError, match="data of type int is not understood"):
        read(3)


def test_a_known_name_beats_a_folder_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder(tmp_path / "iris")
    said(read("iris"), "'./iris'")
    assert read("./iris").classes == ("cat", "dog")


@pytest.mark.parametrize("bad", [{"on_bad": "ignore"}, {"limit": 0}, {"size": 0}, {"size": (4, 0)}])
def test_options_that_are_not_understood(bad):
    with pytest.raises(DataError, match="write"):
        read("digits", **bad)


# --- torch ------------------------------------------------------------------------------------------------------------


class Items(Dataset):
    classes = ("zero", "one", "two")

    def __init__(self, make, count=60):
        self.make, self.count = make, count

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        return self.make(i), i % 3


def as_tensor(i):
    return torch.from_numpy(picture(i % 3, i)).permute(2, 0, 1) / 255


def as_image(i):
    return Image.fromarray(picture(i % 3, i, (12 + (i % 10 == 0), 12)))


def test_datasets_of_tensors_and_pictures():
    tensors, images = read(Items(as_tensor)), read(Items(as_image))
    assert tensors.classes == images.classes == ("zero", "one", "two")
    assert tensors.input == images.input == (3, 12, 12)
    said(tensors, "N C H W")
    said(images, "6 of 60 pictures")
    rows = read(Items(lambda i: torch.tensor([i % 3 + 0.1 * i, 1.0 * i * i])))
    assert rows.input == (2,)


def test_loaders_are_read_in_the_order_of_their_dataset():
    dataset = Items(as_tensor)
    whole = read(dataset).fingerprint
    assert read(DataLoader(dataset, batch_size=7, shuffle=True, drop_last=True)).fingerprint == whole
    x, y = (torch.stack([dataset[i][0] for i in range(60)]), torch.arange(60) % 3)
    assert torch.equal(read(TensorDataset(x, y)).train.x, read(dataset).train.x)
    assert torch.equal(read((x, y)).train.x, read(dataset).train.x)
    some = DataLoader(dataset, sampler=SubsetRandomSampler(range(30)))
    assert read(some).fingerprint == read(Subset(dataset, range(30)), seed=0).fingerprint or len(read(some).test) == 6
    batches = DataLoader(dataset, batch_size=6, collate_fn=torch.utils.data.default_collate)
    assert torch.equal(read(batches).train.x, read(dataset).train.x)


def test_values_of_a_dataset_with_class_names_are_values():
    class Values(Items):
        def __getitem__(self, i):
            return self.make(i), i / 7

    assert read(Values(as_tensor)).kind == "regression"


def test_pairs_and_limits():
    task = read((Items(as_tensor), Items(as_tensor, 21)))
    assert len(task.test) == 21
    loaders = (DataLoader(Items(as_tensor), batch_size=9), DataLoader(Items(as_tensor, 21), batch_size=9))
    assert read(loaders).fingerprint == task.fingerprint
    task = read(DataLoader(Items(as_tensor)), limit=30)
    assert len(task.train) + len(task.valid) + len(task.test) == 30
    said(task, "30 of 60")


def test_datasets_of_no_use():
    class Endless(IterableDataset):
        def __iter__(self):
            yield 1, 2

    for source in (Endless(), DataLoader(Endless())):
        with pytest.raises(DataError, match="map-style"):
            read(source)
    with pytest.raises(DataError, match=r"expected \(input, label\)"):
        read(TensorDataset(torch.zeros(9, 2)))
    with pytest.raises(DataError, match="is empty"):
        read(Items(as_tensor, 0))
    with pytest.raises(DataError, match="different shapes"):
        read(Items(lambda i: torch.zeros(3, 8 + i % 2, 8)))


# --- inputs to predict ------------------------------------------------------------------------------------------------


def test_inputs_of_pictures(tmp_path):
    task = read(folder(tmp_path / "train"))
    write(tmp_path / "new" / "deep" / "a.png", picture(1, 5))
    write(tmp_path / "new" / "b.png", picture(0, 3, (24, 24), 1))
    raw, names = read_inputs(tmp_path / "new", task.inputs)
    assert names == ["b.png", "deep/a.png"]
    assert np.array_equal(task.inputs.encode(raw)[1], picture(1, 5))
    raw, names = read_inputs(str(tmp_path / "new" / "b.png"), task.inputs)
    assert raw.shape == (1, 12, 12, 3)
    (tmp_path / "new" / "c.png").write_text("no")
    with pytest.raises(DataError, match="c.png .not a picture"):
        read_inputs(tmp_path / "new", task.inputs)


def test_inputs_of_arrays(tmp_path):
    x, y = arrays()
    task = read((x, y))
    np.savez(tmp_path / "a.npz", x=np.repeat(x, 2, axis=1))
    raw, names = read_inputs(tmp_path / "a.npz", task.inputs)
    assert task.inputs.encode(raw).shape == (60, 8, 8, 1) and names[:2] == ["0", "1"]
    np.save(tmp_path / "a.npy", x)
    assert np.array_equal(read_inputs(tmp_path / "a.npy", task.inputs)[0], x)
    assert read_inputs(x[0], task.inputs)[0].shape == (1, 8, 8)
    np.savez(tmp_path / "b.npz", a=x, b=x)
    for bad, words in (
        ("b.npz", "expected an array named x"),
        ("c.npz", "no such file"),
        ("t.csv", "not inputs of this"),
    ):
        table().to_csv(tmp_path / "t.csv")
        with pytest.raises(DataError, match=words):
            read_inputs(tmp_path / bad, task.inputs)


def test_inputs_of_tables(tmp_path):
    frame = table()
    task = read(frame, "kind")
    frame.drop(columns="kind").to_csv(tmp_path / "t.csv", index=False)
    raw, names = read_inputs(tmp_path / "t.csv", task.inputs)
    assert len(names) == 120 and torch.allclose(task.inputs.encode(raw), task.inputs.encode(frame), rtol=1e-6)
    for source in (frame, {name: frame[name].tolist() for name in frame}):
        raw, names = read_inputs(source, task.inputs)
        assert len(names) == 120 and torch.equal(task.inputs.encode(raw), task.inputs.encode(frame))
    assert isinstance(raw, dict) and isinstance(frame, pd.DataFrame)
