"""Quantities as people write them: "10ms", "3M", "200kB", "2h".

Inside Nasmyth a quantity is a float in its base unit: seconds, bytes, joules, or a plain count. This file is the one
grammar that turns text into that and back, for Python, the command line and files alike:

>>> quantity("8ms", "s"), quantity("3M"), quantity("200kB", "B")
(0.008, 3000000.0, 200000.0)
>>> show(0.0081, "s"), show(2_950_000), show(200_000, "B")
('8.1 ms', '2.95M', '200 kB')

Decimal prefixes are powers of 1000 and binary ones (`KiB`, `MiB`, `GiB`) of 1024. A `timedelta` is a duration, too.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import NamedTuple

from nasmyth.errors import UnitError, nearest

COUNT, SECONDS, BYTES, JOULES, FRACTION, RAW = "", "s", "B", "J", "1", "raw"
UNITS = (COUNT, SECONDS, BYTES, JOULES, FRACTION, RAW)
"""The base units."""

_PREFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
_UNITS: dict[str, dict[str, float]] = {
    COUNT: _PREFIXES,
    SECONDS: {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "m": 60.0, "min": 60.0, "h": 3600.0,
              "d": 86400.0},
    BYTES: {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
            "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
    JOULES: {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "kJ": 1e3},
    FRACTION: {"": 1.0, "%": 0.01},
}  # fmt: skip
_NUMBER = re.compile(r"\s*([-+]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*(\S*)\s*")
_SPANS = re.compile(r"\s*(?:[0-9]+(?:\.[0-9]+)?\s*(?:d|h|min|m|s)\s*){2,}")
_LONGEST_WHOLE = 4_000


def is_whole(text: str) -> bool:
    """Whether a text is nothing but digits from 0 to 9, few enough for int() to read them."""
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_WHOLE


def is_number(text: str) -> bool:
    """Whether Python reads a text as a number, NaN and infinities included."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def quantity(text: str | float | timedelta, unit: str = COUNT) -> float:
    """The number that `text` stands for, in the base unit `unit`; numbers pass through, a timedelta is seconds.

    Raises UnitError for text that is not a number with a suffix of that unit.
    """
    if isinstance(text, bool):
        raise UnitError(f"got {text!r} where a quantity is expected; write a number, such as {_example(unit)!r}")
    if isinstance(text, timedelta) and unit == SECONDS:
        return text.total_seconds()
    if not isinstance(text, str):
        return _as_float(text, unit)
    if unit == SECONDS and _SPANS.fullmatch(text):  # "1h30m"
        return sum(quantity(part, unit) for part in re.findall(r"[0-9]+(?:\.[0-9]+)?\s*[a-z]+", text))
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise UnitError(f"cannot read {text!r} as a quantity; write a number, such as {_example(unit)!r}")
    number, suffix = float(match[1].replace("_", "")), match[2]
    suffixes = _UNITS.get(unit, {unit: 1.0, "": 1.0})
    if suffix in suffixes:
        scale = suffixes[suffix]
        return number * scale if scale >= 1 else number / round(1 / scale)  # 95% is exactly 0.95
    if suffix == "":
        wanted = ", ".join(s for s in suffixes if s)
        raise UnitError(f"{text!r} has no unit: write one of {wanted}, such as {_example(unit)!r}")
    raise UnitError(
        f"unknown unit {suffix!r} in {text!r}{nearest(suffix, filter(None, suffixes))}; known here: "
        f"{', '.join(s for s in suffixes if s) or 'none'}"
    )


def _as_float(number: object, unit: str) -> float:
    """A number of any type, NumPy's among them, as a float."""
    try:
        if isinstance(number, (int, float)) or (hasattr(number, "__float__") and getattr(number, "ndim", 0) == 0):
            return float(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise UnitError(f"got {repr(number)[:60]} where a quantity is expected; write a number, such as {_example(unit)!r}")


def _example(unit: str) -> str:
    return {COUNT: "3M", SECONDS: "8ms", BYTES: "200kB", JOULES: "3J", FRACTION: "0.95"}.get(unit, f"1{unit}")


def show(value: float, unit: str = COUNT) -> str:
    """`value` as a person would write it, with three significant digits; of raw values, all before the point."""
    return unsigned(_written(value, unit))


def unsigned(text: str) -> str:
    """A number as written, without its minus if what is written is zero: "-0.00" is "0.00"."""
    return re.sub(r"^-(?=0[0.]*(?![0-9.]))", "", text)


def _written(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return f"{value} {unit}".strip()
    if unit == FRACTION:
        return f"{value:.4f}"
    if unit == SECONDS:
        return _show_seconds(value)
    if unit == COUNT:
        return _scaled(value, (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0)))
    if unit == BYTES:
        return _scaled(value, ((" GB", 1e9), (" MB", 1e6), (" kB", 1e3), (" B", 1.0)))
    if unit == JOULES:
        return _scaled(value, ((" kJ", 1e3), (" J", 1.0), (" mJ", 1e-3)))
    if unit == RAW:
        return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"
    return f"{value:.4g} {unit}".strip()


def _show_seconds(value: float) -> str:
    if abs(value) >= 3600:
        return f"{int(value / 3600)} h {int(abs(value) % 3600 / 60)} min"
    if abs(value) >= 120:
        return f"{int(value / 60)} min {int(abs(value) % 60)} s"
    return _scaled(value, ((" s", 1.0), (" ms", 1e-3), (" µs", 1e-6), (" ns", 1e-9)))


def _scaled(value: float, steps: tuple[tuple[str, float], ...]) -> str:
    if value == 0:
        return f"0{next(suffix for suffix, scale in steps if scale == 1)}"
    # what rounds to 1000 of one unit is 1 of the next
    suffix, scale = next((step for step in steps if abs(value) >= 0.9995 * step[1]), steps[-1])
    number = value / scale
    if number == int(number) and abs(number) < 1000:
        return f"{int(number)}{suffix}"
    digits = max(0, 2 - math.floor(math.log10(abs(number)))) if number else 0
    text = f"{number:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{suffix}"


class Spend(NamedTuple):
    """What a search may use: seconds of wall-clock time, a number of trials, or whichever of both ends first."""

    seconds: float | None = None
    trials: int | None = None

    def __str__(self) -> str:
        parts = [f"{self.trials} trials"] if self.trials is not None else []
        parts += [show(self.seconds, SECONDS)] if self.seconds is not None else []
        return ", ".join(parts) or "no limit"


def spend(text: str | float | timedelta | Spend) -> Spend:
    """ "2h", "90s", "300 trials" or "2h, 300 trials"; a bare number is seconds, as is a timedelta. Raises UnitError."""
    if isinstance(text, Spend):
        return text
    if not isinstance(text, str):
        return Spend(seconds=_positive(quantity(text, SECONDS), text))
    seconds: float | None = None
    trials: int | None = None
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,15})\s*trials?\s*", part)
        if not part.strip():
            raise UnitError(f"cannot spend {text!r}: a limit is missing; write it such as '2h' or '2h, 300 trials'")
        if (trials if match else seconds) is not None:
            raise UnitError(f"{text!r} sets the same limit twice; write one of each, such as '2h, 300 trials'")
        if match:
            trials = int(_positive(float(match[1]), text))
        else:
            seconds = _positive(quantity(part, SECONDS), text)
    return Spend(seconds, trials)


def _positive(value: float, text: object) -> float:
    if not value > 0 or not math.isfinite(value):
        raise UnitError(
            f"cannot spend {text!r}: write a positive time or number of trials, such as '2h' or '300 trials'"
        )
    return value
