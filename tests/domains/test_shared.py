"""Real data, where it is there: sizes, splits, memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nasmyth.domains import read

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared/data is not there")


@needs_data
def test_fashion_mnist_stays_small_in_memory():
    code = (
        "import torch; torch.set_num_threads(1); from nasmyth.domains import read;"
        f"task = read({str(SHARED / 'fashion_mnist.npz')!r});"
        "assert task.train.x.dtype == torch.uint8 and task.input == (1, 28, 28) and len(task.classes) == 10;"
        "assert [len(s) for s in (task.train, task.valid, task.test)] == [54000, 6000, 10000];"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"  # of this program alone
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(out) * 1024 < 1 << 30


@needs_data
def test_adult_has_its_official_split():
    task = read(SHARED / "adult.parquet", "income")
    assert task.classes == ("<=50K", ">50K") and len(task.test) == 16281
    assert sum(c.kind == "category" for c in task.inputs.columns) == 8


@needs_data
def test_california_is_a_regression():
    task = read(SHARED / "california_housing.parquet", "median_house_value")
    assert task.kind == "regression" and task.input == (9,) and len(task.test) == 4128
