"""The tasks of the comparison, and their data: split once for each seed, as `nasmyth.read` splits it, and written down.

Every method of one seed reads the same file, which says what is for training and what is the test split; of the training
part each keeps what it wants to choose by. Where the source has an official test split, the file is the source itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple


class Benchmark(NamedTuple):
    """A data set, a budget, and the seconds that every method is given."""

    name: str
    data: str
    """A name that `nasmyth.read` knows, or a file in the folder of data."""
    under: str
    spend: float
    metric: str = "accuracy"
    target: str | None = None
    tight: bool = False
    """Whether the budget is one of those under which a plain network is small indeed."""

    @property
    def images(self) -> bool:
        return self.target is None

    @property
    def params(self) -> int | None:
        """The most parameters, where these are what is bounded."""
        from nasmyth.measure import constraint

        limit = constraint(self.under)
        return int(limit.bound) if limit.measure.name == "params" else None


def _table(file: str, target: str, metric: str, spend: float) -> list[Benchmark]:
    name = file.partition(".")[0]
    return [
        Benchmark(f"{name}-{most}", file, f"params<={most}", spend, metric, target, tight=most == "5k")
        for most in ("50k", "5k")
    ]


FASHION, CIFAR = "fashion_mnist.npz", "cifar10_4k.npz"
TASKS = (
    Benchmark("digits-10k", "digits", "params<=10k", 90),
    Benchmark("digits-2k", "digits", "params<=2k", 90, tight=True),
    Benchmark("digits-macs20k", "digits", "macs<=20k", 90, tight=True),
    Benchmark("fashion_mnist-100k", FASHION, "params<=100k", 600),
    Benchmark("fashion_mnist-20k", FASHION, "params<=20k", 600),
    Benchmark("fashion_mnist-0.3ms", FASHION, "latency@cpu<=0.3ms", 600, tight=True),
    Benchmark("fashion_mnist-macs500k", FASHION, "macs<=500k", 600, tight=True),
    Benchmark("cifar10_4k-200k", CIFAR, "params<=200k", 300),
    Benchmark("cifar10_4k-20k", CIFAR, "params<=20k", 300),
    *_table("adult.parquet", "income", "accuracy", 300),
    *_table("california_housing.parquet", "median_house_value", "rmse", 180),
    *_table("beijing_pm25.parquet", "pm2.5", "rmse", 180),
)


def chosen(names: str) -> list[Benchmark]:
    """Those of a list "digits-10k,adult": by name, or all of a data set. Raises SystemExit for what is neither."""
    if names == "all":
        return list(TASKS)
    wanted = names.split(",")
    for name in wanted:
        if not any(name in (task.name, task.name.partition("-")[0]) for task in TASKS):
            raise SystemExit(f"no task {name!r}; there are {', '.join(task.name for task in TASKS)}")
    return [task for task in TASKS if {task.name, task.name.partition("-")[0]} & set(wanted)]


def source_of(task: Benchmark, folder: Path) -> str | None:
    """The name or file of its data; None where the file is not there."""
    from nasmyth.domains import data

    path = folder / task.data
    return task.data if task.data in data else str(path.resolve()) if path.is_file() else None


def prepared(task: Benchmark, seed: int, folder: Path, cache: Path) -> Path:
    """A file of the data with its test split set apart; written into `cache` unless the source has one."""
    from nasmyth.domains import Options
    from nasmyth.domains.labels import settle
    from nasmyth.domains.sources import load
    from nasmyth.domains.splits import split

    source = source_of(task, folder)
    assert source is not None
    ending = ".npz" if task.images else ".parquet"
    path = cache / "data" / f"{Path(task.data).stem}-seed{seed}{ending}"
    if path.exists():
        return path
    options = Options(task.target, seed=seed, on_bad="skip")
    raw = load(source, options)
    if raw.test is not None:
        return Path(source)
    parts = split(settle(raw, options, pictures=task.images), seed).parts
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{os.getpid()}-{path.name}")
    (_write_images if task.images else _write_table)(unfinished, source, parts)
    unfinished.rename(path)
    return path


def _write_images(path: Path, source: str, parts: dict[str, Any]) -> None:
    import numpy as np

    train, valid, test = (parts[name] for name in ("train", "valid", "test"))
    np.savez(
        path,
        x_train=np.concatenate([train.x, valid.x]), y_train=np.concatenate([train.y, valid.y]),
        x_test=test.x, y_test=test.y,
    )  # fmt: skip


def _write_table(path: Path, source: str, parts: dict[str, Any]) -> None:
    """The rows of the source as they are, without those that have no target, in their order, and a column `split`."""
    import pandas as pd

    frame = pd.read_parquet(source)
    of_row = {row: "test" if name == "test" else "train" for name, part in parts.items() for row in part.x.index}
    rows = sorted(of_row)
    frame.iloc[rows].assign(split=[of_row[row] for row in rows]).to_parquet(path, index=False)


def test_size(path: Path) -> int:
    """Examples of the test split of a prepared file."""
    if path.suffix == ".npz":
        import numpy as np

        with np.load(path) as arrays:
            return len(arrays["y_test"])
    import pandas as pd

    return int((pd.read_parquet(path, columns=["split"])["split"] == "test").sum())
