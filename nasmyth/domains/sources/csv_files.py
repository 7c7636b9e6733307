"""Text tables: separator and encoding are told from the file, what pandas needs of memory from its size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nasmyth.domains.sources.memory import allowance
from nasmyth.domains.sources.raw import several
from nasmyth.errors import DataError
from nasmyth.units import is_number

MOST_COLUMNS = 50_000
_SEPARATORS = ",;\t|"
_FIRST_LINE = 1 << 22
"""Characters of it that are looked at."""
_GROWTH = 12
"""About how many bytes each byte of text becomes in pandas, at worst."""


def read_csv(path: Path, usual: str, texts: Sequence[str] = ()) -> tuple[Any, list[str]]:
    """The DataFrame in a text file, and what had to be assumed. Raises DataError.

    usual: the separator that its suffix stands for. texts: columns that are left as texts, whatever is in them.
    """
    import pandas as pd

    allowance().check(f"{path}: a table of that size", path.stat().st_size * _GROWTH)
    encoding, notes = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline(_FIRST_LINE)
    separator = max(_SEPARATORS, key=lambda mark: (line.count(mark), mark == usual))
    if (columns := 1 + line.count(separator)) > MOST_COLUMNS:
        raise DataError(f"{path}: the first line has {columns:,} entries; up to {MOST_COLUMNS:,} columns are read")
    how: dict[str, Any] = {"dtype": dict.fromkeys(texts, "str")} if texts else {}
    try:
        frame = pd.read_csv(path, sep=separator, encoding=encoding, skipinitialspace=True, low_memory=False, **how)
    except pd.errors.EmptyDataError:
        raise DataError(
            f"{path}: the file is empty; expected a first line of column names and a line for each row"
        ) from None
    except Exception as error:  # its parsers raise their own, Python's and those of the types they try
        raise DataError(f"{path}: cannot be read as a table ({first_line(error)}); mend that line") from None
    if len(frame.columns) > 1 and all(is_number(column) for column in frame.columns):
        raise DataError(
            f"{path}: the first line holds numbers ({several(frame.columns, 3)}), not column names; add a line of names"
            " on top"
        )
    return frame, notes


def first_line(error: Exception) -> str:
    """The first line of an error's message."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def _encoding(path: Path) -> tuple[str, list[str]]:
    """What the text is written in: UTF-8, UTF-16 where it says so, otherwise Latin-1, which is told."""
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-32" if start in (b"\xff\xfe\0\0", b"\0\0\xfe\xff") else "utf-16"
        if _decodes(path, codec):
            return codec, [f"{path.name} is {codec.upper()}"]
    if _decodes(path, "utf-8-sig"):
        return "utf-8-sig", []
    return "latin-1", [f"{path.name} is not UTF-8: it was read as Latin-1"]


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding) as file:
            while file.read(1 << 20):
                pass
    except UnicodeError:
        return False
    return True
