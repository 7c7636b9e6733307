"""Parquet: what a file would take is known from its metadata and its dictionaries before columns are made of it.

Texts are read as codes into a dictionary, so that one long text which a few bytes repeat a million times stays one; their
size as plain texts is known then, and checked. Columns of lists or structs hold no single values and are not read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nasmyth.domains.sources.csv_files import MOST_COLUMNS, first_line
from nasmyth.domains.sources.memory import allowance
from nasmyth.domains.sources.raw import several
from nasmyth.errors import DataError, require

_CELL = 8
"""Bytes of a number in a DataFrame, and of a reference to a text."""


def read_parquet(path: Path) -> tuple[Any, list[str]]:
    """The DataFrame in a Parquet file, and what was left out. Raises DataError."""
    parquet = require("pyarrow.parquet", extra="data")
    try:
        with parquet.ParquetFile(path) as file:
            flat, notes = _flat(path, file)
            texts = _texts(file.schema_arrow, flat)
        table = parquet.ParquetFile(path, read_dictionary=texts).read(columns=flat, use_threads=False)
        _check_texts(path, table, texts)
        return _frame(table, texts), notes
    except DataError:
        raise
    except Exception as error:  # pyarrow raises its own, and Python's errors of any kind on a damaged file
        raise DataError(
            f"{path}: cannot be read as Parquet ({first_line(error)}); is it whole? write it again"
        ) from None


def _flat(path: Path, file: Any) -> tuple[list[str], list[str]]:
    """The columns of single values, after a check of what they take, and a note of the others."""
    schema, metadata = file.schema_arrow, file.metadata
    index = _index_columns(schema.metadata)
    names = [name for name in schema.names if name not in index]
    flat = [name for name in names if schema.names.count(name) == 1 and schema.field(name).type.num_fields == 0]
    if len(names) > MOST_COLUMNS:
        raise DataError(f"{path}: it has {len(names):,} columns; up to {MOST_COLUMNS:,} are read")
    allowed = allowance(path.stat().st_size)
    unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    declared = f"{path}: what it declares, {metadata.num_rows:,} rows of {len(names):,} columns,"
    allowed.check(declared, max(unpacked, metadata.num_rows * max(1, len(flat)) * _CELL))
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise DataError(f"{path}: two columns are named {twice!r}; rename one")
    nested = [name for name in names if name not in set(flat)]
    return flat, [
        f"columns left out (their entries are not single numbers or texts): {several(nested, 8)}"
    ] if nested else []


def _texts(schema: Any, names: list[str]) -> list[str]:
    """The columns of texts and bytes."""
    from pyarrow import types

    kinds = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return [name for name in names if any(is_kind(schema.field(name).type) for is_kind in kinds)]


def _check_texts(path: Path, table: Any, texts: list[str]) -> None:
    """The size that the texts of dictionaries have when each stands in its row."""
    from pyarrow import compute, types

    allowed, need = allowance(path.stat().st_size), 0
    for column in (table[name] for name in texts):
        for chunk in column.chunks:
            if types.is_dictionary(chunk.type):
                lengths = compute.binary_length(chunk.dictionary)
                need += compute.sum(compute.take(lengths, chunk.indices)).as_py() or 0
    allowed.check(f"{path}: its texts, written out,", need)


def _frame(table: Any, texts: list[str]) -> Any:
    """The table as a DataFrame, whatever another program's notes in it say; texts as texts."""
    for name in texts:
        column = table[name]
        if hasattr(column.type, "value_type"):
            table = table.set_column(table.schema.get_field_index(name), name, column.cast(column.type.value_type))
    return table.to_pandas(ignore_metadata=True)


def _index_columns(metadata: dict[bytes, bytes] | None) -> set[str]:
    """The columns that are an index of pandas, which says nothing about other rows."""
    try:
        named = json.loads((metadata or {})[b"pandas"])["index_columns"]
        return {name for name in named if isinstance(name, str)}
    except (KeyError, TypeError, ValueError, RecursionError):
        return set()
