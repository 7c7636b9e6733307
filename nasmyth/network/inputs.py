"""What raw input is, and how it becomes what a network sees.

Input has three forms. *Raw* is what a user holds: image arrays, a DataFrame. *Stored* is one compact tensor per example
(uint8 images, float32 table rows) that stays in memory whole. *Prepared* is the normalised float tensor that enters the
first layer. `encode` goes from raw to stored; `module()` goes from stored to prepared and is a plain `nn.Module`, so it
is exported together with the network. All figures in it are fitted on training data only (`fit_image_input`,
`fit_table_input`).

The module classes here use nothing but torch and their own constructor arguments: their source can be pasted into a
file that imports torch alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nasmyth.errors import DataError, nearest
from nasmyth.network.dates import date_part, split_name
from nasmyth.record import Value

MOST_CATEGORIES = 255
"""The vocabulary of a column holds at most so many categories, the most frequent ones; the rest count as unknown."""

MISSING = frozenset({"", "?", "-", "--", ".", "na", "n/a", "nan", "none", "null", "missing", "unknown"})
"""Texts that stand for a missing number."""


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
    curve through (knots, heights) is applied, which is constant outside the knots.
    """

    def __init__(self, fill, knots, heights):
        super().__init__()
        shape = (len(fill), len(knots[0]) if knots else 2)
        knots = torch.tensor(knots, dtype=torch.float64).reshape(shape)
        heights = torch.tensor(heights, dtype=torch.float64).reshape(shape)
        width = knots[:, 1:] - knots[:, :-1]
        slope = torch.where(width > 0, (heights[:, 1:] - heights[:, :-1]) / width.clamp(min=1e-300), 0.0)
        self.numbers = len(fill)
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
        return torch.cat([rise.sum(2) + self.base, codes], 1)


class ImageInput(Value):
    """Images of one size. `mean` and `std` are per channel, of pixels scaled to 0..1.

    `low` and `high` are the values of a black and a white pixel in raw input that is not uint8: 0 and 255; 0 and 1 for
    float images in 0..1; the extremes of the training images for other scales, such as standardised ones.
    """

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    high: float = 255.0
    low: float = 0.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """What the network sees: (channels, height, width)."""
        return (self.channels, self.height, self.width)

    def encode(self, raw: Any) -> Tensor:
        """Raw images, N H W or N H W C, to stored ones: uint8, N H W C. Gray and colour are converted into each other.

        Raises DataError for another size, another number of channels, or values that are not pixels.
        """
        images = as_images(raw)
        given = tuple(images.shape[1:3])
        if given != (self.height, self.width):
            raise DataError(
                f"images of {given[0]}x{given[1]} pixels for a network that takes {self.height}x{self.width}: resize them"
            )
        return _channels(_pixels(images, self.low, self.high), self.channels)

    def module(self) -> PrepareImages:
        """Stored uint8 N H W C to normalised float N C H W."""
        return PrepareImages(list(self.mean), list(self.std))


class Column(Value):
    """One column of a table, fitted: how its values become numbers.

    A number is filled with `fill` where missing, warped through `knots` -> `heights` if there are knots, otherwise
    moved and scaled by `center` and `scale`, and held within ten scales of the centre. A category is its place in
    `vocabulary` plus one; 0 means missing or unknown.
    """

    name: str
    kind: str = "number"
    center: float = 0.0
    scale: float = 1.0
    fill: float = 0.0
    vocabulary: tuple[str, ...] = ()
    knots: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()

    def check(self) -> None:
        if self.kind not in ("number", "category"):
            raise DataError(f"column {self.name!r}: kind {self.kind!r}; use 'number' or 'category'")

    @property
    def curve(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Knots and heights of the piecewise-linear curve that prepares a number."""
        if self.knots:
            return self.knots, self.heights
        return (self.center - 10 * self.scale, self.center + 10 * self.scale), (-10.0, 10.0)


class TableInput(Value):
    """Rows of a table: numbers first, then categories."""

    columns: tuple[Column, ...]

    def check(self) -> None:
        kinds = [c.kind for c in self.columns]
        if not kinds:
            raise DataError("a table needs at least one column that is not constant and not empty")
        if kinds != sorted(kinds, reverse=True):
            raise DataError(f"columns of kinds {kinds}: put the numbers first, then the categories")

    @property
    def shape(self) -> tuple[int]:
        """What the network sees: (number of columns,)."""
        return (len(self.columns),)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """For each column 0 if it is a number, else the number of codes: 1 + the length of its vocabulary."""
        return tuple(0 if c.kind == "number" else 1 + len(c.vocabulary) for c in self.columns)

    def encode(self, raw: Any) -> Tensor:
        """A DataFrame, or a dict from names to columns, to stored rows: float32, N F. Other columns are ignored.

        A missing or infinite number is stored as NaN; an unknown category as 0. Raises DataError for a column that is
        not there, columns of different lengths, and text where a number belongs.
        """
        raw = self._named(raw)
        by_name = {str(name): name for name in raw}
        encoded = []
        for column in self.columns:
            values = _find(column.name, raw, by_name)
            encoded.append(_numbers(column.name, values) if column.kind == "number" else _codes(column, values))
            if len(encoded[-1]) != len(encoded[0]):
                raise DataError(
                    f"column {column.name!r} has {len(encoded[-1])} rows, "
                    f"{self.columns[0].name!r} has {len(encoded[0])}: give all columns the same length"
                )
        return torch.from_numpy(np.stack(encoded, 1).astype(np.float32))

    def _named(self, raw: Any) -> Any:
        """An array of rows, N F, as a mapping: its columns are those of this table in order, or else x0, x1, ..."""
        if hasattr(raw, "columns") or getattr(raw, "ndim", 0) != 2:
            return raw
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
        return PrepareTable([c.fill for c in numbers], knots, heights)


# --- fitting on training data ---------------------------------------------------------------------------------------


def fit_image_input(x_train: Any, channels: int | None = None) -> ImageInput:
    """The ImageInput whose figures are those of the training images, N H W or N H W C; `channels` converts them.

    Float images in 0..1 are told from whole-number pixels by their values. Memory: one block of images at a time.
    """
    images = as_images(x_train)
    if len(images) == 0:
        raise DataError("no training images: the first axis has length 0")
    low, high = _range(images)
    channels = channels or (images.shape[3] if images.ndim == 4 else 1)
    total, squares, count = torch.zeros(channels).double(), torch.zeros(channels).double(), 0
    for block in images.split(1024):
        pixels = _channels(_pixels(block, low, high), channels).reshape(-1, channels).double().div_(255)
        total += pixels.sum(0)
        squares += pixels.square_().sum(0)
        count += len(pixels)
    mean = total / count
    std = (squares / count - mean**2).clamp(min=0).sqrt()
    std = torch.where(std > 1e-6, std, 1.0)
    height, width = images.shape[1:3]
    return ImageInput(height, width, channels, _rounded(mean), _rounded(std), high, low)


def fit_table_input(
    frame_train: Any,
    columns: Sequence[str] | None = None,
    *,
    categories: Iterable[str] = (),
    knots: int = 0,
) -> TableInput:
    """The TableInput fitted on a training DataFrame, or dict from names to columns; `columns` says which to use.

    Text, boolean and categorical columns are categories, and so are those named in `categories`; dates are numbers of
    days. Columns with nothing to learn from (constant, empty) are left out. With `knots` > 0, numbers are warped to a
    normal distribution by their training quantiles, through so many knots, which tames heavy tails.
    """
    names = [name for name in frame_train if columns is None or str(name) in set(columns)]
    absent = sorted(set(columns or ()) - {str(name) for name in names})
    if absent:
        hint = nearest(absent[0], [str(name) for name in frame_train])
        raise DataError(f"no column {absent[0]!r} among {[str(n) for n in frame_train][:20]}{hint}")
    forced = set(categories)
    fitted = []
    for name in names:
        values = _values(frame_train[name])
        if len(values) == 0:
            raise DataError("an empty table: give at least one row")
        text = str(name) in forced or not _numeric(values)
        column = _fit_category(str(name), values) if text else _fit_number(str(name), values, knots)
        if column is not None:
            fitted.append(column)
    if not fitted:
        raise DataError(f"nothing to learn from: every column of {[str(n) for n in names][:20]} is constant or empty")
    return TableInput(tuple(sorted(fitted, key=lambda c: c.kind != "number")))


def _fit_number(name: str, values: np.ndarray, knots: int) -> Column | None:
    numbers = _numbers(name, values)
    finite = numbers[np.isfinite(numbers)]
    if len(finite) == 0 or finite.min() == finite.max():
        return None
    center, scale, fill = float(finite.mean()), float(finite.std()), float(np.median(finite))
    if knots == 0:
        return Column(name, "number", center, scale, fill)
    ranks = np.linspace(0, 1, knots)
    quantiles = np.unique(np.quantile(finite, ranks).astype(np.float32).astype(float))
    return Column(name, "number", center, scale, fill, (), tuple(quantiles.tolist()), _normal_scores(finite, quantiles))


def _normal_scores(finite: np.ndarray, quantiles: np.ndarray) -> tuple[float, ...]:
    """The normal quantile of each knot's mid-rank, so that ties (many zeros, say) land in the middle of their share."""
    ordered = np.sort(finite)
    ranks = (np.searchsorted(ordered, quantiles, "left") + np.searchsorted(ordered, quantiles, "right")) / 2
    share = torch.from_numpy(ranks / len(ordered)).clamp(1e-3, 1 - 1e-3)
    return tuple((math.sqrt(2) * torch.erfinv(2 * share - 1)).tolist())


def _fit_category(name: str, values: np.ndarray) -> Column | None:
    kept, counts = np.unique([t for t in map(text_of, values) if t is not None], return_counts=True)
    order = sorted(range(len(kept)), key=lambda i: (-counts[i], kept[i]))
    if len(order) > MOST_CATEGORIES:  # what occurs once teaches nothing, but trains the code for "unknown"
        order = [i for i in order[:MOST_CATEGORIES] if counts[i] > 1]
    if not order or (len(order) == 1 and counts.sum() == len(values) == counts[order[0]]):
        return None
    return Column(name, "category", vocabulary=tuple(str(kept[i]) for i in order))


def is_number_text(text: str) -> bool:
    """Whether a text reads as a number, or says that there is none (one of MISSING)."""
    try:
        float(text)
    except ValueError:
        return text.strip().lower() in MISSING
    return True


# --- reading values -------------------------------------------------------------------------------------------------


def text_of(value: Any) -> str | None:
    """A label or category as text; None if it is missing. 1, 1.0 and np.int64(1) all read "1"."""
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, Tensor):
        return text_of(value.item())
    return str(value)


def as_images(raw: Any) -> Tensor:
    """An array or tensor of images as a tensor, N H W or N H W C. Raises DataError for anything else."""
    images = raw if isinstance(raw, Tensor) else torch.from_numpy(_for_torch(np.asarray(raw)))
    if images.ndim not in (3, 4):
        raise DataError(
            f"images of shape {tuple(images.shape)}: give N,H,W or N,H,W,C (one image: add an axis with x[None])"
        )
    if images.ndim == 4 and images.shape[3] not in (1, 2, 3, 4):
        hint = "; move the channels last with x.transpose(0, 2, 3, 1)" if images.shape[1] in (1, 3, 4) else ""
        raise DataError(f"images of shape {tuple(images.shape)}: the last axis must hold 1 to 4 channels{hint}")
    return images


def _for_torch(array: np.ndarray) -> np.ndarray:
    """A contiguous array of a type that torch computes with: native byte order, wide unsigned integers as int64."""
    kind = array.dtype
    wide = np.dtype(np.int64) if kind.kind == "u" and kind.itemsize > 1 else kind.newbyteorder("=")
    return np.ascontiguousarray(array, dtype=wide)


def _range(images: Tensor) -> tuple[float, float]:
    """The values of black and white: those of a usual scale that fits, otherwise the extremes seen."""
    if images.dtype in (torch.uint8, torch.bool) or images.numel() == 0:
        return 0.0, 255.0
    low, high = (float(v) for v in images.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 255.0  # `_pixels` refuses them and says so
    if 0 <= low and high <= 255:
        whole = not images.is_floating_point() or all(bool((b == b.round()).all()) for b in images.split(1024))
        if whole or high > 128:
            return 0.0, 255.0
        return (0.0, 1.0) if high <= 1 else (0.0, high)
    if not images.is_floating_point() and 0 <= low and high <= 65535:
        return 0.0, 65535.0
    return low, high


_USUAL_RANGES = ((0.0, 255.0), (0.0, 1.0), (0.0, 65535.0))


def _pixels(images: Tensor, low: float, high: float) -> Tensor:
    """uint8 pixels. uint8 stays as it is; other types are scaled from low..high to 0..255 and rounded.

    On a usual scale, a value outside is a mistake (DataError); on one that was fitted, it is clipped.
    """
    if images.dtype == torch.uint8:
        return images
    if images.dtype == torch.bool:
        return images.to(torch.uint8)
    scaled = (images.to(torch.float32) - low) * (255.0 / (high - low))
    inside = (scaled >= 0) & (scaled <= 255.5) if (low, high) in _USUAL_RANGES else scaled.isfinite()
    if not bool(inside.all()):
        least, most = images.min().item(), images.max().item()
        raise DataError(
            f"pixel values from {least:g} to {most:g}, where {low:g} to {high:g} was expected and all must be finite: "
            f"give uint8 images, 0 to 255"
        )
    return scaled.round_().clamp_(0, 255).to(torch.uint8)


def _channels(images: Tensor, channels: int) -> Tensor:
    """N H W or N H W C to N H W `channels`: gray is repeated, colour averaged, an alpha channel dropped."""
    images = images.unsqueeze(3) if images.ndim == 3 else images
    given = images.shape[3]
    if given == channels:
        return images
    if given in (2, 4) and given - 1 in (1, channels, 3):  # the last one is alpha
        images, given = images[..., : given - 1], given - 1
    if given == channels:
        return images.contiguous()
    if given == 1:
        return images.expand(*images.shape[:3], channels).contiguous()
    if channels == 1:
        return images.float().mean(3, keepdim=True).round_().to(torch.uint8)
    raise DataError(f"images of {given} channels for a network that takes {channels}: convert them first")


def _find(name: str, raw: Any, by_name: Mapping[str, Any]) -> np.ndarray:
    """The column of that name; or, for a name such as "when.month", that part of the dates in "when"."""
    if name in by_name:
        return _values(raw[by_name[name]])
    dated = split_name(name)
    if dated is not None and dated[0] in by_name:
        return date_part(_values(raw[by_name[dated[0]]]), dated[1])
    raise DataError(f"no column {name!r} among {list(by_name)[:20]}{nearest(name, by_name)}")


def _values(column: Any) -> np.ndarray:
    """One column (Series, list, array, tensor) as a NumPy array of its own type, or of objects."""
    if isinstance(column, Tensor):
        return column.detach().cpu().numpy()
    if hasattr(column, "to_numpy"):
        kind = str(getattr(column, "dtype", ""))
        if kind in ("category", "string", "str", "object") or kind.startswith(("string", "large_string")):
            return column.to_numpy(dtype=object)
        if kind[:1] in "IUFb" and kind[:4] != "bool":  # pandas' nullable numbers
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return column.to_numpy()
    array = np.asarray(column) if not isinstance(column, (list, tuple)) else None
    if array is None:
        plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in column)
        array = np.asarray(column, dtype=np.float64 if plain else object)
    if array.ndim != 1:
        raise DataError(f"a column of shape {array.shape}: give one value for each row")
    return array


def _numeric(values: np.ndarray) -> bool:
    """Whether a column holds numbers or dates: by its type, or for objects by its values (None is a missing one)."""
    if values.dtype.kind in "iufM":
        return True
    if values.dtype.kind != "O":
        return False
    kept = [v for v in values if text_of(v) is not None]
    kinds = (int, float, np.integer, np.floating)
    return bool(kept) and all(isinstance(v, kinds) and not isinstance(v, bool) for v in kept)


def _numbers(name: str, values: np.ndarray) -> np.ndarray:
    """A column as float64, with NaN where it is missing or infinite. Raises DataError at text that is no number."""
    if values.dtype.kind == "M":
        days = values.astype("datetime64[s]").astype(np.int64) / 86400.0
        return np.where(np.isnat(values), np.nan, days)
    if values.dtype.kind in "iufb":
        numbers = values.astype(np.float64)
    else:
        numbers = np.array([_number(name, row, v) for row, v in enumerate(values)], dtype=np.float64)
    return np.where(np.abs(numbers) <= 3.0e38, numbers, np.nan)  # also what float32 cannot hold


def _number(name: str, row: int, value: Any) -> float:
    text = text_of(value)
    if text is None or text.strip().lower() in MISSING:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DataError(
            f"column {name!r}, row {row}: {text!r} is not a number; correct it, or name the column as a category"
        ) from None


def _codes(column: Column, values: np.ndarray) -> np.ndarray:
    """The code of each value, as float64: 1 + its place in the vocabulary, 0 if missing or unknown."""
    places: Mapping[str | None, int] = {text: i + 1 for i, text in enumerate(column.vocabulary)}
    return np.array([places.get(text_of(v), 0) for v in values], dtype=np.float64)


def _rounded(values: Tensor) -> tuple[float, ...]:
    """As float32 holds them: seven digits, the same on every machine."""
    return tuple(float(f"{v:.7g}") for v in values.tolist())
