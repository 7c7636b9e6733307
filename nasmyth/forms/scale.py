"""Whether raw input is on the scale of the data that a network was trained on.

A network that learned from pixels of 0 to 255 answers just as firmly when it is given 0 to 1, and is wrong. What training
saw is kept in `inputs.seen`; here new input is held to it. Another scale is refused; what is merely far off is a warning.
A black image, a constant row, one example alone are no evidence, and neither are some pixels or rows beyond what was seen.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import DataError, warn

FACTOR = 16
"""Images whose scales differ by this are not alike."""
SHARE = 0.05
"""Pixels that may lie far out before the images are refused."""
WIDTHS = 3.0
"""How many widths of its training range a column may be off."""
ROWS = 8
"""A category column of fewer rows may well be unknown altogether."""


# --- images -------------------------------------------------------------------------------------------------------------


def hold_images(inputs: Any, raw: Tensor, stored: Tensor) -> None:
    """Compare raw images and their stored form with what training saw. Raises DataError, or warns."""
    if not len(stored) or not inputs.seen:
        return
    seen, top = max(inputs.seen[1], 1), int(stored.max())
    whole = not raw.is_floating_point() and raw.dtype != torch.bool
    black = 0.0 if raw.dtype in (torch.uint8, torch.bool) else inputs.low
    if top <= 1 and seen >= FACTOR and bool((raw != black).any()):
        _tell(inputs, raw, refuse=not whole)
    elif top >= FACTOR // 2 * seen:
        _tell(inputs, raw, refuse=float((stored > 2 * seen).float().mean()) > SHARE)
    elif not whole and raw.dtype != torch.bool:
        width = inputs.high - inputs.low
        off = torch.maximum(raw - inputs.high, inputs.low - raw)  # on usual scales, `encode` has refused these
        if float((off > width / 4).float().mean()) > SHARE:
            _tell(inputs, raw, refuse=float((off > width).float().mean()) > SHARE)


def _tell(inputs: Any, raw: Tensor, refuse: bool) -> None:
    least, most = (float(value) for value in (raw.min(), raw.max()))
    given = "True and False" if raw.dtype == torch.bool else f"{least:g} to {most:g}"
    message = f"pixels of {given}, where the network was trained on {pixels_seen(inputs)}: {_cure(inputs, most)}"
    if refuse:
        raise DataError(message)
    warn(message)


def _cure(inputs: Any, most: float) -> str:
    _, high = raw_range(inputs)
    if most <= 1 < high:
        return f"multiply by {255 if high > 128 else high:g}, or give uint8 images as in training"
    if most > high > 0:
        return f"divide by {most / high:.3g}, or give images as in training"
    return "give images on that scale"


def raw_range(inputs: Any) -> tuple[float, float]:
    """The least and the greatest raw pixel of the training images; those of the scale, where nobody knows."""
    step = (inputs.high - inputs.low) / 255
    least, most = inputs.seen or (0, 255)
    return inputs.low + least * step, inputs.low + most * step


def pixels_seen(inputs: Any) -> str:
    """ "0 to 255", the raw pixels that training saw."""
    least, most = raw_range(inputs)
    return f"{least:g} to {most:g}"


# --- tables -------------------------------------------------------------------------------------------------------------


def hold_table(inputs: Any, stored: Tensor) -> None:
    """Compare stored rows with what training saw. Raises DataError, or warns."""
    if not len(stored):
        return
    numbers = [(column, _middle(rows)) for column, rows in zip(inputs.columns, stored.T, strict=True) if column.seen]
    far = [(column, value) for column, value in numbers if value is not None and _is_far(column, value)]
    if len(stored) > 1 and len(far) > 1 and 2 * len(far) >= len(numbers):
        raise DataError(
            f"{len(far)} of {len(numbers)} number columns are on another scale than in training: {_listed(far)}; give "
            f"them in "
            "the units of the training data, and not standardised"
        )
    if far:
        warn(f"{_listed(far)}; is it in the units of the training data? Answers to such rows are guesses")
    for column, rows in zip(inputs.columns, stored.T, strict=True):
        if column.kind == "category" and len(rows) >= ROWS and not bool(rows.any()):
            known = ", ".join(map(repr, column.vocabulary[:5])) + (", ..." if len(column.vocabulary) > 5 else "")
            warn(f"column {column.name!r}: all values are missing or were never seen in training, which knew {known}")


def _middle(rows: Tensor) -> float | None:
    """The median of the numbers that are known."""
    known = rows[rows.isfinite()]
    return float(known.median()) if len(known) else None


def _is_far(column: Any, value: float) -> bool:
    """Whether a number is some widths beyond the training range, or a fraction of the least in a range far from zero."""
    least, most = column.seen
    if max(least - value, value - most) > WIDTHS * (most - least):
        return True
    sign, (small, large) = (1 if least > 0 else -1), sorted((abs(least), abs(most)))
    narrow = least * most > 0 and 4 * FACTOR * small >= large
    return narrow and value != 0 and sign * value < small * 2 / FACTOR  # a zero often stands for nothing


def _listed(far: list[tuple[Any, float]]) -> str:
    told = [f"column {c.name!r} is around {v:.4g} and was {c.seen[0]:.4g} to {c.seen[1]:.4g}" for c, v in far[:3]]
    return "; ".join(told) + (f"; and {len(far) - 3} more" if len(far) > 3 else "")
