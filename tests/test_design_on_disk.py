"""A design on data that stays on disk, from a file or a Dataset to the network and its figures on the test split."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

import nasmyth
from nasmyth.forms import Classes, FromDataset, Mapped
from nasmyth.forms.fitting import fit_image_input
from nasmyth.study import Study
from nasmyth.train import Flip, Recipe, Split, Task

N = 240


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    """Noise of 8 x 8, with as many bright rows as the number of the class says."""
    torch.set_num_threads(1)
    rng, y = np.random.default_rng(0), np.arange(N) % 3
    x = rng.integers(0, 90, (N, 8, 8, 1), dtype=np.uint8)
    for row in (2, 5):
        x[y >= row // 2, row] += 140
    return x, y


def designed(data: Any, out: Path | None = None) -> Any:
    found = nasmyth.design(
        data,
        under=["params<=4k"],
        spend="2 trials",
        on="here",
        seed=1,
        out=out,
        recipe=Recipe(augment=(Flip(),), epochs=12, batch=16),
    )
    trained = [trial for trial in found.study.trials if trial.full]
    assert trained and all(trial.finished for trial in trained)
    return found


def figures(study: Any) -> list[Any]:
    return [(trial.key, trial.stage, trial.measures) for trial in study.trials]


def test_a_mapped_file_is_designed_for_as_the_array_is(images: Any, tmp_path: Path) -> None:
    x, y = images
    np.save(tmp_path / "x.npy", x)
    found = designed((str(tmp_path / "x.npy"), y), tmp_path / "a.db")
    assert isinstance(found.task.train.x, Mapped), "it is left where it is"
    told = found.summary
    assert told["result"]["test"]["accuracy"] > 0.9 and any("from disk" in note for note in told["task"]["notes"])
    assert [label == y[i] for i, label in enumerate(found.best.predict(x[:30]).labels)].count(True) > 25
    memory = designed((x, y))
    assert figures(found.study) == figures(memory.study)
    found.study.close()
    with Study.open(tmp_path / "a.db") as study:
        assert figures(study) == figures(memory.study) and (tmp_path / "a.db").stat().st_size < 10 * x.nbytes + 2**20


class Pictures(Dataset):  # type: ignore[type-arg]
    """Items that are read one by one, and counted."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y, self.read = x, y, 0

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> Any:
        self.read += 1
        return self.x[i], int(self.y[i])


def test_a_dataset_is_designed_for_item_by_item(images: Any) -> None:
    x, y = images
    dataset, inputs = Pictures(x, y), fit_image_input(x)
    whole = Split(FromDataset(dataset, inputs.encode), torch.from_numpy(y))
    parts = [whole.take(torch.arange(a, b)) for a, b in ((0, 150), (150, 195), (195, N))]
    task = Task("pictures", inputs, Classes(("0", "1", "2"), "int"), *parts)
    found = designed(task)
    assert isinstance(found.task.train.x, FromDataset) and dataset.read > 5 * N
    assert found.summary["result"]["test"]["accuracy"] > 0.9
    memory = Split(torch.from_numpy(x), torch.from_numpy(y))
    same = [memory.take(torch.arange(a, b)) for a, b in ((0, 150), (150, 195), (195, N))]
    assert task.fingerprint == Task("pictures", inputs, Classes(("0", "1", "2"), "int"), *same).fingerprint
    assert figures(found.study) == figures(designed(Task("pictures", inputs, task.outputs, *same)).study)
    assert len(pickle.loads(pickle.dumps(task)).train) == 150
