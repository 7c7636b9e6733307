"""Files of the size and form of well-known data sets, made here, and the data sets themselves where they are there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from published import file

from nasmyth.domains import read


@pytest.fixture(params=["made", "file"])
def fashion_mnist(request, tmp_path):
    if request.param == "file":
        return file("fashion_mnist.npz")
    rng, made = np.random.default_rng(0), {}
    for split, n in (("train", 60_000), ("test", 10_000)):
        made[f"x_{split}"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        made[f"y_{split}"] = (np.arange(n) % 10).astype(np.uint8)
    np.savez(tmp_path / "made.npz", **made)
    return tmp_path / "made.npz"


def test_fashion_mnist_stays_small_in_memory(fashion_mnist):
    code = (
        "import torch; torch.set_num_threads(1); from nasmyth.domains import read;"
        f"task = read({str(fashion_mnist)!r});"
        "assert task.train.x.dtype == torch.uint8 and task.input == (1, 28, 28) and len(task.classes) == 10;"
        "assert [len(s) for s in (task.train, task.valid, task.test)] == [54000, 6000, 10000];"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"  # of it alone
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(out) * 1024 < 1 << 30


NUMBERS = ("age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week")
CATEGORIES = {
    "workclass": 8, "education": 16, "marital_status": 7, "occupation": 14, "relationship": 6, "race": 5, "sex": 2,
    "native_country": 41,
}  # fmt: skip


@pytest.fixture(params=["made", "file"])
def adult(request, tmp_path):
    """The path, and how many of its rows are for testing."""
    if request.param == "file":
        return file("adult.parquet"), 16281
    rng, n = np.random.default_rng(0), 3_000
    made = {name: rng.integers(0, 20_000, n) for name in NUMBERS}
    made |= {name: [f"{name} {i}" for i in rng.integers(0, many, n)] for name, many in CATEGORIES.items()}
    made |= {"income": np.where(made["age"] > 12_000, ">50K", "<=50K"), "split": ["train"] * 2_000 + ["test"] * 1_000}
    pd.DataFrame(made).to_parquet(tmp_path / "adult.parquet")
    return tmp_path / "adult.parquet", 1_000


def test_adult_has_its_official_split(adult):
    path, tested = adult
    task = read(path, "income")
    assert task.classes == ("<=50K", ">50K") and len(task.test) == tested
    assert {c.name for c in task.inputs.columns if c.kind == "category"} == set(CATEGORIES)


@pytest.fixture(params=["made", "file"])
def california_housing(request, tmp_path):
    """The path, and how many rows it has."""
    if request.param == "file":
        return file("california_housing.parquet"), 20_640
    rng, n = np.random.default_rng(0), 2_000
    made = {f"number {i}": rng.normal(size=n) for i in range(8)}
    made["number 3"][::100] = np.nan
    made["median_house_value"] = 1e5 * np.abs(made["number 0"]) + rng.normal(size=n)
    made["ocean_proximity"] = rng.choice(["INLAND", "ISLAND", "NEAR BAY"], n)
    pd.DataFrame(made).to_parquet(tmp_path / "housing.parquet")
    return tmp_path / "housing.parquet", n


def test_california_is_a_regression(california_housing):
    path, rows = california_housing
    task = read(path, "median_house_value")
    assert (
        task.kind == "regression" and task.input == (10,) and len(task.test) == rows // 5
    )  # and which rooms lack a number
