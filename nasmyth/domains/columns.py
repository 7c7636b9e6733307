"""The columns of a table: which hold numbers, which categories, which dates, and which are of no use.

Everything is decided on training rows alone.
"""

from __future__ import annotations

import datetime
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
}


@dataclass(frozen=True)
class Kinds:
    """Names of the useful columns by kind, in their order, and in words what was decided."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    dates: tuple[str, ...]
    notes: tuple[str, ...]


def column_kinds(frame: Any) -> Kinds:
    """Sort the columns of a DataFrame of training rows."""
    by_kind: dict[str, list[str]] = {}
    for name in frame.columns:
        by_kind.setdefault(_kind(frame[name]), []).append(name)
    notes = [
        f"columns left out ({why}): {several(by_kind[kind], 8)}" for kind, why in _LEFT_OUT.items() if kind in by_kind
    ]
    numbers, categories, dates = (tuple(by_kind.get(kind, ())) for kind in ("number", "category", "date"))
    if dates:
        notes.append(f"dates became days, months, weekdays and hours: {several(dates, 8)}")
    return Kinds(numbers, categories, dates, tuple(notes))


def _kind(column: Any) -> str:
    """One of number, category, date, or a key of _LEFT_OUT."""
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
    from nasmyth.network.dates import is_date
    from nasmyth.network.raw import is_number_text

    texts = present.astype(str)
    kinds = texts.drop_duplicates()
    if kinds.map(is_number_text).all():
        return "number"
    if kinds.map(is_date).all():
        return "date"
    return "identifier" if len(texts) >= ENOUGH and distinct > IDENTIFIER * len(texts) else "category"


def _is_single(value: object) -> bool:
    return isinstance(value, str | bool | int | float | np.generic | datetime.date)
