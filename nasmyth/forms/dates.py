"""Dates as numbers: a date column `when` becomes `when.days`, `when.month`, `when.weekday` and `when.hour`.

A date is what ISO 8601 writes with dashes, such as 2024-02-29 or 2024-02-29 17:30, a Python date, or a datetime64. The
time on the clock is taken; an offset from UTC is ignored.
"""

from __future__ import annotations

import datetime
import re

import numpy as np

PARTS = ("days", "month", "weekday", "hour")
"""Days since 1970 (with a fraction), month 1 to 12, weekday 0 (Monday) to 6, hour 0 to 24 (with a fraction)."""

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
_EPOCH = datetime.datetime(1970, 1, 1)


def is_date(value: object) -> bool:
    """Whether a value is a date, or text that reads as one."""
    return moment(value) is not None


def date_part(values: np.ndarray, part: str) -> np.ndarray:
    """One of PARTS of each date, float64; NaN for what is missing or no date."""
    if values.dtype.kind == "M":
        values = values.astype("datetime64[us]").astype(object)
    dates = [value if isinstance(value, str | datetime.date) else None for value in values]
    known = {value: part_of(moment(value), part) for value in set(dates)}
    return np.array([known[value] for value in dates], dtype=np.float64)


def split_name(name: str) -> tuple[str, str] | None:
    """("when", "month") of "when.month"; None for a name that is not of this form."""
    column, _, part = name.rpartition(".")
    return (column, part) if column and part in PARTS else None


def moment(value: object) -> datetime.datetime | None:
    """What a date is as a datetime without an offset; None for anything else."""
    if isinstance(value, str) and _ISO.fullmatch(value.strip()):
        try:
            value = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime.datetime):
        return None if value != value else value.replace(tzinfo=None)  # NaT is not equal to itself
    return datetime.datetime.combine(value, datetime.time()) if isinstance(value, datetime.date) else None


def part_of(when: datetime.datetime | None, part: str) -> float:
    """One of PARTS of a date; NaN for none."""
    if when is None:
        return float("nan")
    if part == "days":
        return (when - _EPOCH).total_seconds() / 86400
    hour = when.hour + when.minute / 60
    return float({"month": when.month, "weekday": when.weekday(), "hour": hour}[part])
