"""The columns of a table: which hold numbers, which categories, which dates, and which are of no use.

Everything is decided on training rows alone.
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nasmyth.domains.sources.raw import several

ENOUGH = 20
"""Rows below which no column is taken for an identifier."""
IDENTIFIER = 0.9
"""Share of different texts among the rows, above which a text column says nothing about other rows."""
_LEFT_OUT = {
    "empty": "no value in any training row",
    "constant": "the same value in every training row",
    "counter": "it counts the rows",
    "identifier": "nearly every row has a text of its own",
    "nested": "its entries are not single numbers or texts",
    "prose": "free text: networks for text are not designed here; turn it into numbers first, such as counts of words",
    "files": "names of files, whose content is not read: for pictures, put those of each class into a folder of its own",
}
PROSE = 5
"""Words that half of the texts of a column have where it is free text."""
_FILE = re.compile(r"\S.*\.(png|jpe?g|gif|bmp|webp|tiff?|wav|mp3|flac|ogg|mp4|avi|mov|txt|pdf|npy|dcm)", re.IGNORECASE)


@dataclass(frozen=True)
class Kinds:
    """Names of the useful columns by kind, in their order, and in words what was decided."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    dates: tuple[str, ...]
    notes: tuple[str, ...]
    notations: Mapping[str, str]
    """How the texts of a column of numbers write them, where that is not Python's way; see `forms.numerals`."""


def column_kinds(frame: Any) -> Kinds:
    """Sort the columns of a DataFrame of training rows."""
    by_kind: dict[str, list[str]] = {}
    notations: dict[str, str] = {}
    for name, column in frame.items():
        kind, _, notation = _kind(column).partition(" ")
        by_kind.setdefault(kind, []).append(name)
        if notation:
            notations[name] = notation
    notes = [
        f"columns left out ({why}): {several(by_kind[kind], 8)}" for kind, why in _LEFT_OUT.items() if kind in by_kind
    ]
    numbers, categories, dates = (tuple(by_kind.get(kind, ())) for kind in ("number", "category", "date"))
    if dates:
        notes.append(f"dates became days, months, weekdays and hours: {several(dates, 8)}")
    if notations:
        notes.append(
            f"texts read as numbers: {several((_read_as(frame[n], n, how) for n, how in notations.items()), 8)}"
        )
    return Kinds(numbers, categories, dates, tuple(notes), notations)


def _read_as(column: Any, name: str, notation: str) -> str:
    """A column's name and its first text that shows the notation."""
    from nasmyth.forms.numerals import numeral

    texts = [text for text in column.dropna().astype(str).head(1000) if numeral(text, notation) is not None]
    telling = next((text for text in texts if numeral(text, "") is None), texts[0] if texts else "")
    return f"{name} ({telling.strip()} is {numeral(telling, notation):.6g})" if telling else name


def _kind(column: Any) -> str:
    """One of number, category, date, or a key of _LEFT_OUT; "number .%" where texts write the numbers so."""
    import pandas as pd

    present, dtype = column.dropna(), column.dtype
    if present.empty:
        return "empty"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        return "nested" if pd.api.types.is_complex_dtype(dtype) else _kind_of_numbers(column)
    if not isinstance(dtype, pd.CategoricalDtype) and not present.map(_is_single).all():
        return "nested"
    distinct = present.nunique()
    if distinct == 1 and len(present) == len(column):
        return "constant"
    if isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype):
        return "category"
    return _kind_of_texts(present, distinct)


def _kind_of_numbers(column: Any) -> str:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "empty"
    if finite.min() == finite.max():
        return "constant"
    # Training rows are some of all rows, in their order: row numbers keep growing there, without large gaps.
    whole = len(finite) == len(column) >= ENOUGH and bool((finite == np.round(finite)).all())
    grows = whole and bool((np.diff(finite) > 0).all())
    return "counter" if grows and np.ptp(finite) < 2 * len(finite) else "number"


def _kind_of_texts(present: Any, distinct: int) -> str:
    from nasmyth.forms.dates import is_date
    from nasmyth.forms.numerals import is_missing, notation_of

    texts = present.astype(str)
    kinds = texts.drop_duplicates()
    if kinds.map(is_missing).all():
        return "empty"
    if (notation := notation_of(kinds)) is not None:
        return f"number {notation}"
    if kinds.map(is_date).all():
        return "date"
    if kinds.map(lambda text: bool(_FILE.fullmatch(text.strip()))).all():
        return "files"
    if len(texts) < ENOUGH or distinct <= len(texts) // 2:
        return "category"
    if kinds.str.count(r"\S+").median() >= PROSE:
        return "prose"
    return "identifier" if distinct > IDENTIFIER * len(texts) else "category"


def _is_single(value: object) -> bool:
    return isinstance(value, str | bool | int | float | decimal.Decimal | np.generic | datetime.date)
