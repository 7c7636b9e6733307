"""Series, told from pictures and from tables by how they look: networks for series of numbers are not designed here, and
that is said.

N T C       steps of a few channels, much longer than wide      refused: taken for pictures they would be misread
N T         columns that resemble their neighbours              a table, in which order is not used: noted
N T         whole numbers of one range in every column          codes, which a table takes for amounts (`domain="text"`
for tokens): noted
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasmyth.domains.sources.raw import Raw
from nasmyth.errors import DataError

NARROW, LONG = 4, 8
"""Sides in pixels that pictures do not have together: at most NARROW, and at least LONG."""
SLIM = 3
"""How many times longer than wide values are that are below zero, and so no pixels, of a series."""
MANY = 50
"""Columns from which a table may be a series."""
WIDE = 1_000
"""Columns from which that they have no order is said in any case."""
ALIKE = 0.5
"""Mean correlation of neighbouring columns in a series, and a smaller one of columns far apart."""
CODES = 100
"""The largest of the whole numbers, from which they may be codes."""
_LOOKED_AT = 1_000


def refuse_series(raw: Raw) -> None:
    """Raise DataError if images of N H W look like N steps x channels, or the other way round."""
    x = raw.train.x
    if x.ndim != 3:
        return
    short, long = sorted(x.shape[1:])
    if short <= NARROW and long >= max(LONG, SLIM * short):
        why = f"{short} is too narrow for a picture"
    elif long >= SLIM * short and short > 0 and x.dtype.kind in "if" and _below_zero(x[:_LOOKED_AT]):
        why = "much longer than wide, with values below zero"
    else:
        return
    steps, channels = x.shape[1:] if x.shape[1] == long else (x.shape[2], x.shape[1])
    raise DataError(
        f"{raw.name}: x of shape {x.shape} looks like series of {steps} steps and {channels} channels ({why}), and networks"
        " for series are not designed here; as a table, in which the order of steps is not used: x.reshape(len(x), -1);"
        " if these are gray pictures, give them a channel axis: x[..., None]"
    )


def _below_zero(x: np.ndarray) -> bool:
    return bool((x < 0).any())


def said_of_series(frame: Any, numbers: tuple[str, ...]) -> tuple[str, ...]:
    """What to say of a table of training rows whose columns of numbers look like the steps of a series."""
    if len(numbers) < MANY:
        return ()
    values = frame[list(numbers)].iloc[:_LOOKED_AT].to_numpy(np.float64, na_value=np.nan)
    order = "a table takes no notice of the order of its columns"
    if _are_codes(values):
        return (
            f"the {len(numbers):,} columns hold whole numbers of one range, like sequences of codes (words, say): a "
            f"table takes"
            f" them for amounts, and {order}; domain='text' takes them for tokens",
        )
    near, far = _resemblance(values)
    if near > ALIKE and near > far + 0.2:
        return (
            f"the {len(numbers):,} columns look like the steps of a series, or the pixels of pictures: neighbours "
            f"resemble each"
            f" other (correlation {near:.2f}), and {order}; give pictures as N H W",
        )
    return (f"{len(numbers):,} columns of numbers: {order}, if they are a series",) if len(numbers) >= WIDE else ()


def _are_codes(values: np.ndarray) -> bool:
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    most = finite.max(axis=0, initial=0)
    whole = bool((finite == np.round(finite)).all()) and bool((finite >= 0).all())
    return (
        whole
        and float(most.max()) >= CODES
        and float(np.median(most)) >= 0.8 * float(most.max())
        and _resemblance(values)[0] < ALIKE
    )


def _resemblance(values: np.ndarray) -> tuple[float, float]:
    """Mean correlation of each column with the next, and with the one half of all columns further."""
    finite = np.where(np.isfinite(values) & (np.abs(values) < 1e100), values, 0.0)
    centred = finite - finite.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    scaled = centred / np.where(spread > 0, spread, 1.0)
    far = values.shape[1] // 2
    return float((scaled[:, 1:] * scaled[:, :-1]).mean()), float((scaled[:, far:] * scaled[:, :-far]).mean())
