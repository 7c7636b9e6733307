"""Fitting what raw input is on training data: pixel statistics, scales, quantiles, vocabularies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nasmyth.errors import DataError, nearest
from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.forms.raw import (
    as_images,
    is_numeric,
    numbers_of,
    pixel_range,
    pixels_of,
    text_of,
    values_of,
    with_channels,
)
from nasmyth.forms.stored import Rows, blocks

MOST_CATEGORIES = 255
"""The vocabulary of a column holds at most so many categories, the most frequent ones; the rest count as unknown."""

ENOUGH_MISSING = 10
"""Training rows that lack a number, and that have it, from which the network is told which do."""


def fit_image_input(x_train: Any, channels: int | None = None) -> ImageInput:
    """The ImageInput whose figures are those of the training images, N H W or N H W C; `channels` converts them.

    Float images in 0..1 are told from whole-number pixels by their values. Memory: one block of images at a time.
    """
    images = x_train if isinstance(x_train, Rows) else as_images(x_train)
    if len(images) == 0:
        raise DataError("no training images: the first axis has length 0")
    low, high = (0.0, 255.0) if isinstance(images, Rows) else pixel_range(images)
    channels = channels or (images.shape[3] if len(images.shape) == 4 else 1)
    total, squares, count = torch.zeros(channels).double(), torch.zeros(channels).double(), 0
    least, most = 255, 0
    for block in blocks(images) if isinstance(images, Rows) else images.split(1024):
        stored = with_channels(pixels_of(block, low, high), channels)
        least, most = min(least, int(stored.min())), max(most, int(stored.max()))
        pixels = stored.reshape(-1, channels).double().div_(255)
        total += pixels.sum(0)
        squares += pixels.square_().sum(0)
        count += len(pixels)
    mean = total / count
    std = (squares / count - mean**2).clamp(min=0).sqrt()
    std = torch.where(std > 1e-6, std, 1.0)
    height, width = images.shape[1:3]
    return ImageInput(height, width, channels, _rounded(mean), _rounded(std), high, low, (least, most))


def fit_table_input(
    frame_train: Any,
    columns: Sequence[str] | None = None,
    *,
    categories: Iterable[str] = (),
    knots: int = 0,
) -> TableInput:
    """The TableInput fitted on a training DataFrame, or dict from names to columns; `columns` says which to use.

    Text, boolean and categorical columns are categories, and so are those named in `categories`; dates are numbers of
    days; of those that rows often lack the network is told which do. Columns with nothing to learn from (constant, empty) are
    left out. With `knots` > 0, numbers are warped to a normal distribution by their training quantiles, through so many knots,
    which tames heavy tails.
    """
    names = [name for name in frame_train if columns is None or str(name) in set(columns)]
    absent = sorted(set(columns or ()) - {str(name) for name in names})
    if absent:
        hint = nearest(absent[0], [str(name) for name in frame_train])
        raise DataError(f"no column {absent[0]!r} among {[str(n) for n in frame_train][:20]}{hint}")
    forced = set(categories)
    fitted = []
    for name in names:
        values = values_of(frame_train[name])
        if len(values) == 0:
            raise DataError("an empty table: give at least one row")
        text = str(name) in forced or not is_numeric(values)
        column = _fit_category(str(name), values) if text else _fit_number(str(name), values, knots)
        if column is not None:
            fitted.append(column)
    if not fitted:
        raise DataError(f"nothing to learn from: every column of {[str(n) for n in names][:20]} is constant or empty")
    return TableInput(tuple(sorted(fitted, key=lambda c: c.kind != "number")))


def _fit_number(name: str, values: np.ndarray, knots: int) -> Column | None:
    numbers = numbers_of(name, values)
    finite = numbers[np.isfinite(numbers)]
    if len(finite) == 0 or finite.min() == finite.max():
        return None
    center, scale, fill = float(finite.mean()), float(finite.std()), float(np.median(finite))
    seen = (float(finite.min()), float(finite.max()))
    missing = min(len(finite), len(numbers) - len(finite)) >= ENOUGH_MISSING
    if knots == 0:
        return Column(name, "number", center, scale, fill, seen=seen, missing=missing)
    quantiles = _quantiles(finite, knots)
    curve = (tuple(quantiles.tolist()), _normal_scores(len(quantiles)))
    return Column(name, "number", center, scale, fill, (), *curve, seen=seen, missing=missing)


def _quantiles(finite: np.ndarray, knots: int) -> np.ndarray:
    """At most so many values, ascending, that share the rows evenly; many equal ones, zeros say, take one knot for all."""
    values, counts = np.unique(finite, return_counts=True)
    common = values[counts > len(finite) / knots]  # fewer than `knots`
    rest = finite[~np.isin(finite, common)]
    others = np.quantile(rest, np.linspace(0, 1, knots - len(common))) if len(rest) else []
    return np.unique(np.concatenate([common, others]).astype(np.float32).astype(float))


def _normal_scores(count: int) -> tuple[float, ...]:
    """The heights of so many knots: the normal quantiles of equal shares, one for each.

    Where no value is common, knots share the rows evenly and what comes out is normal. A common value, zeros say, takes one share
    like any other knot, so that it does not squeeze all other values together.
    """
    share = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return tuple((math.sqrt(2) * torch.erfinv(2 * share - 1)).tolist())


def _fit_category(name: str, values: np.ndarray) -> Column | None:
    texts = np.array([t for t in map(text_of, values) if t is not None], dtype=object)  # they keep every character
    kept, counts = np.unique(texts, return_counts=True)
    order = sorted(range(len(kept)), key=lambda i: (-counts[i], kept[i]))
    if len(order) > MOST_CATEGORIES:  # what occurs once teaches nothing, but trains the code for "unknown"
        order = [i for i in order[:MOST_CATEGORIES] if counts[i] > 1]
    if not order or (len(order) == 1 and counts.sum() == len(values) == counts[order[0]]):
        return None
    return Column(name, "category", vocabulary=tuple(str(kept[i]) for i in order))


def _rounded(values: Tensor) -> tuple[float, ...]:
    """As float32 holds them: seven digits, the same on every machine."""
    return tuple(float(f"{v:.7g}") for v in values.tolist())
