"""Tables in files: Parquet, CSV, and the JSON of NAS-Bench-Suite-Zero.

Parquet and CSV have a row a network. NAS-Bench-Suite-Zero (Krishnakumar et al. 2022, arXiv:2210.03230) publishes the scores
and accuracies of several benchmarks as `{data set: {network: {name: number or {"score": ..., "time": ...}}}}`; a score's
time becomes a column of its own, `synflow_seconds` beside `synflow`.

Benchmarks that are published as pickles are not read: a pickle runs whatever code its maker put into it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from nasmyth.errors import DataError, nearest, require
from nasmyth.spaces.registry import Notation

Columns = dict[str, list[Any]]


def read(
    path: str | os.PathLike[str], notation: Notation, *, dataset: str | None = None, networks: str | None = None
) -> tuple[list[str], Columns]:
    """Each row's network in the notation of its space, and the columns of numbers. Raises DataError, with the cure.

    dataset: which part of a file that holds several. networks: the column that names the networks, where it is not the
    one in which they are published.
    """
    if not os.path.exists(path):
        home = f"; it is published at {notation.home}" if notation.home else ""
        raise DataError(f"{path}: there is no such file{home}. Save it as Parquet or CSV with a row a network")
    if str(path).endswith(".json"):
        return _suite(path, dataset)
    frame = _frame(path)
    if dataset is not None:
        raise DataError(f"{path}: --dataset chooses among the data sets of a JSON file; this one has one table")
    written = (networks,) if networks else notation.columns
    absent = [column for column in written if column not in frame]
    if absent:
        raise DataError(
            f"{path}: no column {absent[0]!r} that names the networks{nearest(absent[0], list(frame))}; usual is "
            f"{', '.join(notation.columns)}; name another by --networks COLUMN"
        )
    row = str if networks else notation.row
    texts = [row(*values) for values in zip(*(frame[column] for column in written), strict=True)]
    return texts, {str(c): frame[c].tolist() for c in frame if frame[c].dtype.kind in "iufb"}


def _frame(path: str | os.PathLike[str]) -> Any:
    require("pandas", extra="data")
    import pandas as pd

    text = str(path)
    if text.endswith((".pickle", ".pkl", ".pth", ".pt", ".bench", ".p")):
        raise DataError(
            f"{path}: pickles are not read, since they can run any code; convert it to Parquet or CSV first"
        )
    try:
        return pd.read_parquet(path) if text.endswith((".parquet", ".pq")) else pd.read_csv(path)
    except Exception as error:
        raise DataError(f"{path}: cannot be read as a table ({error}); give Parquet, CSV or JSON") from None


def _suite(path: str | os.PathLike[str], dataset: str | None) -> tuple[list[str], Columns]:
    try:
        with open(path, encoding="utf-8") as file:
            held = json.load(file)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(held, dict) or not held or not all(isinstance(part, dict) for part in held.values()):
        raise DataError(f"{path}: expected {{data set: {{network: {{name: number}}}}}}, as NAS-Bench-Suite-Zero has it")
    if dataset is None and len(held) > 1:
        raise DataError(f"{path} holds {', '.join(held)}: choose one by --dataset {next(iter(held))}")
    dataset = dataset or next(iter(held))
    if dataset not in held:
        raise DataError(f"{path}: no data set {dataset!r}{nearest(dataset, held)} (it holds {', '.join(held)})")
    texts = list(held[dataset])
    columns: Columns = {}
    for row, figures in enumerate(held[dataset].values()):
        for name, value in _figures(figures).items():
            columns.setdefault(name, [float("nan")] * len(texts))[row] = value
    return texts, columns


def _figures(figures: Any) -> dict[str, float]:
    """Numbers by name; NaN for what is none."""
    found: dict[str, float] = {}
    for name, value in figures.items() if isinstance(figures, dict) else ():
        if isinstance(value, dict):
            found[name] = _number(value.get("score"))
            if "time" in value:
                found[f"{name}_seconds"] = _number(value["time"])
        elif isinstance(value, (int, float)):
            found[name] = float(value)
    return found


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")
