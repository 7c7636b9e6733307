"""Data that stays on disk is the data that is in memory: same batches, same fingerprint, same training."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from nasmyth import build, read
from nasmyth.errors import DataError
from nasmyth.forms import Classes, FromDataset, ImageInput, Mapped, TokenInput, Values
from nasmyth.graph import Graph, chain
from nasmyth.ops import Conv, Embedding, Linear, Mean
from nasmyth.train import Crop, Recipe, Split, Task, evaluate, fit

N = 90


@pytest.fixture
def images(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (N, 6, 6), dtype=np.uint8)
    np.save(tmp_path / "x.npy", x)
    return x, np.arange(N) % 3, tmp_path / "x.npy"


def trained(task):
    graph = Graph.of(chain(Conv(4), Mean("h w"), Linear(3)), task.input)
    network = build(graph, 0, task.inputs, task.outputs)
    scores = fit(network, task, Recipe(epochs=3, batch=8, augment=(Crop(1),))).scores
    return scores, evaluate(network, task, "test"), [p.tolist() for p in network.parameters()]


def test_a_file_of_images_trains_as_the_array_does(images):
    x, y, path = images
    tasks = [
        read(source) for source in ((x, y), (str(path), y), (np.load(path, mmap_mode="r"), y), {"x": path, "y": y})
    ]
    assert all(isinstance(task.train.x, Mapped) for task in tasks[1:])
    assert len({task.fingerprint for task in tasks}) == 1
    whole = trained(tasks[0])
    assert all(trained(task) == whole for task in tasks[1:3])
    assert any("from disk" in note for note in tasks[1].notes)


def test_it_is_shipped_as_the_name_of_its_file(images):
    x, y, path = images
    split = Split(Mapped(path).shaped(6, 6, 1), torch.from_numpy(y))
    some = split.take(torch.tensor([5, 3, 80]))
    data = pickle.dumps(some)
    assert len(data) < 2000
    again = pickle.loads(data)
    assert torch.equal(again.section(slice(None))[0], torch.from_numpy(x[[5, 3, 80], ..., None]))
    assert torch.equal(again.batch(torch.tensor([2, 0]))[0], torch.from_numpy(x[[80, 5], ..., None]))
    np.save(path, x[:10])
    with pytest.raises(DataError, match="another array than before"):
        pickle.loads(data)


def test_targets_and_codes_may_be_on_disk_too(tmp_path):
    rng = np.random.default_rng(1)
    codes, y = rng.integers(0, 7, (40, 5)), rng.normal(size=(40, 5, 1)).astype(np.float32)
    for name, array in (("codes", codes), ("y", y)):
        np.save(tmp_path / f"{name}.npy", array)
    inputs, outputs = TokenInput(5, 7), Values(("v",), (0.0,), (1.0,), (5,))
    memory = Split(torch.from_numpy(codes), torch.from_numpy(y))
    disk = Split(Mapped(tmp_path / "codes.npy"), Mapped(tmp_path / "y.npy"))
    tasks = [Task("codes", inputs, outputs, split, split, split) for split in (memory, disk)]
    assert tasks[0].fingerprint == tasks[1].fingerprint
    results = []
    for task in tasks:
        network = build(Graph.of(chain(Embedding(7, 4), Linear(1)), task.input), 0, inputs, outputs)
        results.append(fit(network, task, Recipe(epochs=2, batch=8)).scores)
    assert results[0] == results[1]


class Pictures(Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i] / np.float32(255), int(self.y[i])


def test_a_dataset_is_read_batch_by_batch(images):
    x, y, _ = images
    inputs = ImageInput(6, 6, 1, (0.5,), (0.3,), high=1.0)
    memory = Split(torch.from_numpy(x[..., None]), torch.from_numpy(y))
    lazy = Split(FromDataset(DataLoader(Pictures(x, y)), inputs.encode), torch.from_numpy(y))
    tasks = [Task("pictures", inputs, Classes(("a", "b", "c")), split, split, split) for split in (memory, lazy)]
    assert tasks[0].fingerprint == tasks[1].fingerprint
    assert trained(tasks[0])[0] == pytest.approx(trained(tasks[1])[0], rel=1e-4)
    part = lazy.take(torch.tensor([4, 1]))
    assert len(part) == 2 and torch.equal(part.batch(torch.tensor([1]))[0], memory.x[[1]])


def test_a_file_larger_than_the_memory_that_is_allowed(tmp_path):
    """512 MiB of images are read, fingerprinted and trained on within 200 MiB more than the process has."""
    import subprocess
    import sys

    count = 2**29 // 1024
    header = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.uint8, shape=(count, 32, 32))
    header[::1000] = np.arange(32, dtype=np.uint8)
    header[::7, 0] = 200
    header.flush()
    del header
    code = f"""
import numpy as np, resource, torch
from nasmyth import build, read
from nasmyth.graph import Graph, chain
from nasmyth.ops import Conv, Linear, Mean
from nasmyth.train import Recipe, fit
import torchmetrics
def private():
    fields = dict(line.split(":") for line in open("/proc/self/status") if ":" in line)
    return int(fields["RssAnon"].split()[0]) // 1024
before = private()
task = read((r"{tmp_path / "x.npy"}", np.arange({count}) % 2))
task.fingerprint
network = build(Graph.of(chain(Conv(2, stride=4), Mean("h w"), Linear(2)), task.input), 0, task.inputs, task.outputs)
fit(network, task, Recipe(batch=256), seconds=2.0)
print(private() - before)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout.split()[-1]) < 200


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_bytes(b"no array"), "cannot be mapped"),
        (lambda path: np.save(path, np.array(["a"])), "no plain array"),
        (lambda path: np.save(path, np.asfortranarray(np.zeros((3, 4)))), "Fortran"),
        (lambda path: None, "cannot be mapped"),
    ],
)
def test_files_that_cannot_be_mapped_are_refused(write, said, tmp_path):
    write(tmp_path / "x.npy")
    with pytest.raises(DataError, match=said):
        Mapped(tmp_path / "x.npy")


def test_what_is_no_images_is_not_left_on_disk(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 3)))
    with pytest.raises(DataError, match="uint8 N H W"):
        read((tmp_path / "x.npy", np.arange(4)))
    with pytest.raises(DataError, match="no such file"):
        read((tmp_path / "y.npy", np.arange(4)))
