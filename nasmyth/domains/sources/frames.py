"""Tables: a CSV or Parquet file, or a pandas DataFrame, with the name of the column to predict.

A column named `split` that holds train and test (and perhaps valid) is the official split.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from nasmyth.domains.sources.csv_files import read_csv
from nasmyth.domains.sources.parquet_files import read_parquet
from nasmyth.domains.sources.raw import SPLIT_NAMES, Options, Part, Raw, Reader, limited, readers, several
from nasmyth.errors import DataError, nearest, require

SUFFIXES = {".csv": ",", ".tsv": "\t", ".parquet": "", ".pq": ""}
_KEPT = (str, bool, int, float, np.generic, np.ndarray, Decimal, list, tuple, set, dict)
"""Objects that stay what they are among labels; of others, the text is what tells one from another."""
_USUAL_TARGETS = ("target", "label", "class", "y")


def read_table(source: Any, options: Options) -> Raw:
    """A table file, split into inputs and target. Raises DataError where it cannot be read or has no such column."""
    frame, notes = table_file(Path(source))
    return from_frame(Path(source).stem, str(source), frame, options, notes)


def read_frame(source: Any, options: Options) -> Raw:
    """A DataFrame, split into inputs and target."""
    return from_frame("table", "the DataFrame", source, options)


def table_file(path: Path, texts: Sequence[str] = ()) -> tuple[Any, list[str]]:
    """The DataFrame in a CSV or Parquet file, and what had to be assumed to read it; `texts` are columns left as texts."""
    require("pandas", extra="data")
    separator = SUFFIXES[path.suffix.lower()]
    return read_csv(path, separator, texts) if separator else read_parquet(path)


def from_frame(name: str, where: str, frame: Any, options: Options, notes: list[str] | tuple[str, ...] = ()) -> Raw:
    """Inputs, target and official split of a DataFrame."""
    frame = frame.set_axis([str(column).strip() for column in frame.columns], axis=1).reset_index(drop=True)
    _check(where, frame)
    targets = _targets(where, frame, options)
    notes, split = list(notes), _split_column(frame, targets)
    inputs = frame.drop(columns=[*targets, *([split] if split else [])])
    if not len(inputs.columns):
        raise DataError(
            f"{where}: besides the target {several(map(repr, targets))} there is no column to predict it from"
        )
    y = (
        np.stack([label_array(frame[t]) for t in targets], axis=1)
        if len(targets) > 1
        else label_array(frame[targets[0]])
    )
    whole = Part(inputs, y)
    if not split:
        return limited(Raw(name, whole, targets=targets, notes=tuple(notes)), options)
    part_of = frame[split].astype(str).str.lower().map(SPLIT_NAMES)
    parts = {
        part: whole.take(np.flatnonzero(part_of == part))
        for part in ("train", "valid", "test")
        if (part_of == part).any()
    }
    notes.append(f"official split by column {split!r}: {', '.join(f'{part} {len(p):,}' for part, p in parts.items())}")
    return limited(Raw.of(name, parts, targets=targets, notes=tuple(notes)), options)


def label_array(column: Any) -> np.ndarray:
    """A Series as a plain array: numbers (NaN where missing), booleans, or objects (None where missing).

    Categories of any type become strings, since they say themselves that they are classes.
    """
    import pandas as pd

    missing, kind = column.isna().to_numpy(), column.dtype
    if pd.api.types.is_complex_dtype(kind):
        return column.to_numpy()
    if pd.api.types.is_bool_dtype(kind) and not missing.any():
        return column.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
        if pd.api.types.is_integer_dtype(kind) and not missing.any():
            return column.to_numpy(dtype=np.int64)
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    labels = np.empty(len(column), dtype=object)
    keep: Any = () if isinstance(kind, pd.CategoricalDtype) else _KEPT
    for row, (gone, value) in enumerate(zip(missing, column, strict=True)):
        labels[row] = None if gone else value if isinstance(value, keep) else str(value)
    return labels


def _check(where: str, frame: Any) -> None:
    if not len(frame):
        raise DataError(f"{where}: the table has no rows (columns: {several(frame.columns, 8) or 'none'}); add some")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(f"{where}: two columns are named {twice[0]!r}; rename one")


def _targets(where: str, frame: Any, options: Options) -> tuple[str, ...]:
    if options.target is None:
        likely = [column for column in frame.columns if column.lower() in _USUAL_TARGETS] or [frame.columns[-1]]
        raise DataError(
            f"{where}: which column is to be predicted? write target={likely[0]!r} (--target {likely[0]}), or another"
            f" of {several(frame.columns, 12)}"
        )
    wanted = (options.target,) if isinstance(options.target, str) else options.target
    for name in wanted:
        if name not in frame.columns:
            raise DataError(
                f"{where}: no column {name!r}{_near(name, frame.columns)} (columns: {several(frame.columns, 12)})"
            )
    return wanted


def _near(name: str, columns: Any) -> str:
    lowered = {column.lower(): column for column in columns}
    same = lowered.get(name.lower())
    return f"; did you mean {same!r}?" if same else nearest(name, columns)


def _split_column(frame: Any, targets: tuple[str, ...]) -> str | None:
    for column in frame.columns:
        if column.lower() == "split" and column not in targets:
            parts = {SPLIT_NAMES.get(str(value).lower()) for value in frame[column].unique()}
            if None not in parts and "train" in parts and len(parts) > 1:
                return str(column)
    return None


readers.add(
    "table",
    Reader(
        "a .csv, .tsv or .parquet file, with target=COLUMN",
        lambda source: (
            isinstance(source, str | os.PathLike) and Path(source).suffix.lower() in SUFFIXES and Path(source).is_file()
        ),
        read_table,
    ),
)
readers.add(
    "frame",
    Reader(
        "a pandas DataFrame, with target=COLUMN", lambda s: hasattr(s, "iloc") and hasattr(s, "columns"), read_frame
    ),
)
