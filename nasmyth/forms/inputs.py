"""What raw input is, and how it becomes what a network sees.

Input has three forms. *Raw* is what a user holds: image arrays, a DataFrame. *Stored* is one compact tensor per example
(uint8 images, float32 table rows) that stays in memory whole. *Prepared* is the normalised float tensor that enters the
first layer. `encode` goes from raw to stored; `module()` goes from stored to prepared and is a plain `nn.Module`, so it
is exported together with the network. All figures in it are fitted on training data only (`fitting.py`).

The module classes here use nothing but torch and their own constructor arguments: their source can be pasted into a
file that imports torch alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.form import InputForm, stored_as
from nasmyth.forms.numerals import NOTATIONS
from nasmyth.forms.pictures import data_uris
from nasmyth.forms.raw import as_images, column_of, numbers_of, pixels_of, tensor_of, text_of, with_channels
from nasmyth.forms.scale import hold_images, hold_table
from nasmyth.forms.stored import Rows
from nasmyth.record import Value

MOST_COLUMNS = 12
"""Of a table that a report shows."""
MOST_TEXT = 80
"""Letters of a cell."""


class PrepareImages(nn.Module):
    """uint8 images, N H W C, to normalised floats, N C H W: (x / 255 - mean) / std."""

    def __init__(self, mean, std):
        super().__init__()
        mean, std = torch.tensor(mean), torch.tensor(std)
        self.register_buffer("gain", (1.0 / (255.0 * std)).view(1, -1, 1, 1))
        self.register_buffer("offset", (-mean / std).view(1, -1, 1, 1))

    def forward(self, x):
        return x.permute(0, 3, 1, 2).to(self.gain.dtype) * self.gain + self.offset


class PrepareTable(nn.Module):
    """Stored rows, N F, to prepared rows, N F: numbers imputed, warped and standardised; category codes as they are.

    The first len(fill) columns are numbers. A number that is not finite is replaced by `fill`; then a piecewise-linear
    curve through (knots, heights) is applied, which is constant outside the knots. Behind the numbers stands, for those at the
    places `missing`, 1 where the number was missing and 0 elsewhere.
    """

    def __init__(self, fill, knots, heights, missing=()):
        super().__init__()
        shape = (len(fill), len(knots[0]) if knots else 2)
        knots = torch.tensor(knots, dtype=torch.float64).reshape(shape)
        heights = torch.tensor(heights, dtype=torch.float64).reshape(shape)
        width = knots[:, 1:] - knots[:, :-1]
        slope = torch.where(width > 0, (heights[:, 1:] - heights[:, :-1]) / width.clamp(min=1e-300), 0.0)
        self.numbers = len(fill)
        self.tells = len(missing) > 0
        self.register_buffer("missing", torch.tensor(missing, dtype=torch.int64))
        self.register_buffer("fill", torch.tensor(fill))
        self.register_buffer("left", knots[:, :-1].float())
        self.register_buffer("width", width.float())
        self.register_buffer("slope", slope.float())
        self.register_buffer("base", heights[:, 0].float())

    def forward(self, x):
        numbers, codes = x[:, : self.numbers], x[:, self.numbers :]
        known = numbers.abs() <= 3.0e38  # false for NaN and for infinities
        numbers = torch.where(known, numbers, self.fill)
        rise = torch.minimum((numbers.unsqueeze(2) - self.left).clamp(min=0.0), self.width) * self.slope
        prepared = [rise.sum(2) + self.base, codes]
        if self.tells:
            prepared.insert(1, (~known).index_select(1, self.missing).to(x.dtype))
        return torch.cat(prepared, 1)


class ImageInput(InputForm):
    """Images of one size. `mean` and `std` are per channel, of pixels scaled to 0..1.

    `low` and `high` are the values of a black and a white pixel in raw input that is not uint8: 0 and 255; 0 and 1 for
    float images in 0..1; the extremes of the training images for other scales, such as standardised ones. `seen` is the
    least and the greatest stored pixel of the training images, 0 to 255 (`scale.py`); empty where nobody knows.
    """

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    high: float = 255.0
    low: float = 0.0
    seen: tuple[int, ...] = ()

    def check(self) -> None:
        if min(self.height, self.width, self.channels) < 1:
            raise DataError(
                f"images of {self.height}x{self.width} pixels and {self.channels} channels: all are at least 1"
            )
        if not len(self.mean) == len(self.std) == self.channels:
            raise DataError(
                f"{len(self.mean)} means and {len(self.std)} deviations for {self.channels} channels: give one of each"
            )

    @property
    def unseen(self) -> ImageInput:
        """How images are prepared, without what training has merely seen."""
        return self.replace(seen=())

    @property
    def shape(self) -> tuple[int, int, int]:
        """What the network sees: (channels, height, width)."""
        return (self.channels, self.height, self.width)

    def encode(self, raw: Any) -> Any:
        """Raw images, N H W or N H W C, to stored ones: uint8, N H W C. Gray and colour are converted into each other.

        Raises DataError for another size, another number of channels, or values that are not pixels.
        """
        if isinstance(raw, Rows):  # stays where it is: uint8 already
            self.validate(raw, "images on disk")
            return raw
        images = as_images(raw)
        given = tuple(images.shape[1:3])
        if given != (self.height, self.width):
            raise DataError(
                f"images of {given[0]}x{given[1]} pixels for a network that takes {self.height}x{self.width}: resize them"
            )
        return with_channels(pixels_of(images, self.low, self.high), self.channels)

    def held(self, raw: Any) -> Tensor:
        images = as_images(raw)
        stored = self.encode(images)
        hold_images(self, images, stored)
        return stored

    def module(self) -> PrepareImages:
        """Stored uint8 N H W C to normalised float N C H W."""
        return PrepareImages(list(self.mean), list(self.std))

    def validate(self, stored: Any, what: str) -> None:
        stored_as(stored, what, (self.height, self.width, self.channels), torch.uint8)

    def show(self, stored: Tensor, places: list[tuple[int, ...]]) -> list[dict[str, Any]]:
        """A picture of each."""
        return [{"image": uri} for uri in data_uris(stored)]


class Column(Value):
    """One column of a table, fitted: how its values become numbers.

    A number is filled with `fill` where missing, warped through `knots` -> `heights` if there are knots, otherwise
    moved and scaled by `center` and `scale`, and held within ten scales of the centre. A category is its place in
    `vocabulary` plus one; 0 means missing or unknown. `notation` says how texts write a number (see `numerals`); `seen` is
    the least and the greatest number of the training rows. `missing`: whether the network is told where it is missing.
    """

    name: str
    kind: str = "number"
    center: float = 0.0
    scale: float = 1.0
    fill: float = 0.0
    vocabulary: tuple[str, ...] = ()
    knots: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()
    notation: str = ""
    seen: tuple[float, ...] = ()
    missing: bool = False

    def check(self) -> None:
        if self.kind not in ("number", "category"):
            raise DataError(f"column {self.name!r}: kind {self.kind!r}; use 'number' or 'category'")
        if self.notation not in NOTATIONS:
            raise DataError(f"column {self.name!r}: notation {self.notation!r}; use one of {', '.join(NOTATIONS)}")

    @property
    def curve(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Knots and heights of the piecewise-linear curve that prepares a number."""
        if self.knots:
            return self.knots, self.heights
        return (self.center - 10 * self.scale, self.center + 10 * self.scale), (-10.0, 10.0)


class TableInput(InputForm):
    """Rows of a table: numbers first, then categories."""

    columns: tuple[Column, ...]

    def check(self) -> None:
        kinds = [c.kind for c in self.columns]
        if not kinds:
            raise DataError("a table needs at least one column that is not constant and not empty")
        if kinds != sorted(kinds, reverse=True):
            raise DataError(f"columns of kinds {kinds}: put the numbers first, then the categories")

    @property
    def unseen(self) -> TableInput:
        """How rows are prepared, without what training has merely seen."""
        return TableInput(tuple(column.replace(seen=()) for column in self.columns))

    @property
    def shape(self) -> tuple[int]:
        """What the network sees: numbers, for some of them whether they are missing, and categories."""
        return (len(self.cardinalities),)

    @property
    def codes(self) -> bool:
        return all(column.kind == "category" for column in self.columns)

    @property
    def mixes(self) -> bool:
        return not any(self.cardinalities)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """For each that the network sees 0 if it is a number, else the number of codes: 1 + the length of its vocabulary."""
        numbers = sum(1 + c.missing for c in self.columns if c.kind == "number")
        return (0,) * numbers + tuple(1 + len(c.vocabulary) for c in self.columns if c.kind == "category")

    @property
    def told_missing(self) -> list[int]:
        """The places of the columns of which the network is told where they are missing."""
        return [place for place, column in enumerate(self.columns) if column.missing]

    def encode(self, raw: Any) -> Tensor:
        """A DataFrame, or a dict from names to columns, to stored rows: float32, N F. Other columns are ignored.

        A missing or infinite number is stored as NaN; an unknown category as 0. Raises DataError for a column that is
        not there, columns of different lengths, and text where a number belongs.
        """
        raw = self._named(raw)
        by_name = {str(name): name for name in raw}
        encoded = []
        for column in self.columns:
            values = column_of(column.name, raw, by_name)
            number = column.kind == "number"
            encoded.append(numbers_of(column.name, values, column.notation) if number else _codes(column, values))
            if len(encoded[-1]) != len(encoded[0]):
                raise DataError(
                    f"column {column.name!r} has {len(encoded[-1])} rows, "
                    f"{self.columns[0].name!r} has {len(encoded[0])}: give all columns the same length"
                )
        return torch.from_numpy(np.stack(encoded, 1).astype(np.float32))

    def _named(self, raw: Any) -> Any:
        """An array of rows, N F, as a mapping: its columns are those of this table in order, or else x0, x1, ..."""
        if hasattr(raw, "columns") or isinstance(raw, Mapping):
            return raw
        if getattr(raw, "ndim", 0) != 2:
            raw = tensor_of(raw)
            if raw.ndim != 2:
                raise DataError(
                    f"input of shape {tuple(raw.shape)}, where a table is expected: give a DataFrame, a dict from names to "
                    f"columns, or an array of rows, N x {len(self.columns)}"
                )
        names = [column.name for column in self.columns]
        if raw.shape[1] != len(names) or set(names) <= {f"x{i}" for i in range(raw.shape[1])}:
            names = [f"x{i}" for i in range(raw.shape[1])]
        return {name: raw[:, i] for i, name in enumerate(names)}

    def module(self) -> PrepareTable:
        """Stored rows to prepared rows, both float N F."""
        numbers = [c for c in self.columns if c.kind == "number"]
        longest = max([len(c.curve[0]) for c in numbers], default=2)
        knots, heights = (
            [[*c.curve[i], *[c.curve[i][-1]] * (longest - len(c.curve[i]))] for c in numbers] for i in (0, 1)
        )
        return PrepareTable([c.fill for c in numbers], knots, heights, self.told_missing)

    def held(self, raw: Any) -> Tensor:
        stored = self.encode(raw)
        hold_table(self, stored)
        return stored

    def validate(self, stored: Any, what: str) -> None:
        stored_as(stored, what, (len(self.columns),), torch.float32)

    def show(self, stored: Tensor, places: list[tuple[int, ...]]) -> list[dict[str, Any]]:
        """The first columns of each."""
        return [
            {"cells": [_cell(c, float(x)) for c, x in zip(self.columns[:MOST_COLUMNS], row, strict=False)]}
            for row in stored
        ]

    @property
    def shown_columns(self) -> list[str]:
        return [column.name for column in self.columns[:MOST_COLUMNS]]


def _cell(column: Column, stored: float) -> str:
    """What stands in a table: a number with five digits, a category by name; a dash for what is missing."""
    if column.kind == "number":
        return "-" if stored != stored else f"{stored:.5g}"
    code = int(stored)
    text = str(column.vocabulary[code - 1]) if 0 < code <= len(column.vocabulary) else "-"
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _codes(column: Column, values: np.ndarray) -> np.ndarray:
    """The code of each value, as float64: 1 + its place in the vocabulary, 0 if missing or unknown."""
    places: Mapping[str | None, int] = {text: i + 1 for i, text in enumerate(column.vocabulary)}
    return np.array([places.get(text_of(v), 0) for v in values], dtype=np.float64)
