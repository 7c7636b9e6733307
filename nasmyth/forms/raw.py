"""Reading raw values: pixels of any type, columns of any kind, labels as text. Decides nothing, refuses what cannot be
read."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nasmyth.errors import DataError, nearest
from nasmyth.forms.dates import date_part, split_name
from nasmyth.forms.numerals import is_missing, numeral
from nasmyth.record import utf8_text


def text_of(value: Any) -> str | None:
    """A label or category as text; None if it is missing. 1, 1.0 and np.int64(1) all read "1"."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (float, np.floating)):
        return None if value != value else str(int(value)) if float(value).is_integer() else str(value)
    if isinstance(value, (np.datetime64, np.timedelta64)) and np.isnat(value):
        return None
    if isinstance(value, Tensor):
        return text_of(value.item())
    return utf8_text(str(value))


def tensor_of(raw: Any) -> Tensor:
    """An array, a tensor or nested lists of numbers as a tensor. Raises DataError for anything else."""
    if isinstance(raw, Tensor):
        return raw.detach()
    try:
        array = np.asarray(raw)
    except Exception as error:  # nested lists of different lengths, and whatever a foreign array raises
        raise DataError(f"{reprlib.repr(raw)} is no array of numbers: {error}") from None
    if array.dtype.kind not in "biufc":
        file = ": give what is in the file, not its name" if isinstance(raw, (str, bytes)) else ""
        raise DataError(f"{reprlib.repr(raw)} is no array of numbers{file}")
    return torch.from_numpy(_for_torch(array))


def as_images(raw: Any) -> Tensor:
    """An array or tensor of images as a tensor, N H W or N H W C. Raises DataError for anything else."""
    images = tensor_of(raw)
    if images.is_complex():
        raise DataError("images of complex numbers: give real ones, or their sizes with abs(x)")
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
    if kind.kind in "fc" and kind.itemsize > {"f": 8, "c": 16}[kind.kind]:
        wide = np.dtype({"f": np.float64, "c": np.complex128}[kind.kind])
    return np.ascontiguousarray(array, dtype=wide)


def pixel_range(images: Tensor) -> tuple[float, float]:
    """The values of black and white: those of a usual scale that fits, otherwise the extremes seen."""
    if images.dtype in (torch.uint8, torch.bool) or images.numel() == 0:
        return 0.0, 255.0
    low, high = (float(v) for v in images.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 255.0  # `pixels_of` refuses them and says so
    if 0 <= low and high <= 255:
        whole = not images.is_floating_point() or all(bool((b == b.round()).all()) for b in images.split(1024))
        if whole or high > 128:
            return 0.0, 255.0
        return (0.0, 1.0) if high <= 1 else (0.0, high)
    if not images.is_floating_point() and 0 <= low and high <= 65535:
        return 0.0, 65535.0
    return low, high


_USUAL_RANGES = ((0.0, 255.0), (0.0, 1.0), (0.0, 65535.0))


def pixels_of(images: Tensor, low: float, high: float) -> Tensor:
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
            + ("divide them by 255, or give uint8 images, 0 to 255" if high == 1 else "give uint8 images, 0 to 255")
        )
    return scaled.round_().clamp_(0, 255).to(torch.uint8)


def with_channels(images: Tensor, channels: int) -> Tensor:
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


def column_of(name: str, raw: Any, by_name: Mapping[str, Any]) -> np.ndarray:
    """The column of that name; or, for a name such as "when.month", that part of the dates in "when"."""
    if name in by_name:
        return values_of(raw[by_name[name]])
    dated = split_name(name)
    if dated is not None and dated[0] in by_name:
        return date_part(values_of(raw[by_name[dated[0]]]), dated[1])
    raise DataError(f"no column {name!r} among {list(by_name)[:20]}{nearest(name, by_name)}")


def values_of(column: Any) -> np.ndarray:
    """One column (Series, list, array, tensor) as a NumPy array of its own type, or of objects."""
    array = _column_array(column)
    if array.ndim != 1:
        raise DataError(f"a column of shape {array.shape}: give one value for each row")
    return array


def _column_array(column: Any) -> np.ndarray:
    if isinstance(column, Tensor):
        return column.detach().cpu().numpy()
    if hasattr(column, "to_numpy"):
        kind = str(getattr(column, "dtype", ""))
        if kind in ("category", "string", "str", "object") or kind.startswith(("string", "large_string")):
            return column.to_numpy(dtype=object)
        if kind and kind[0] in "IUFb" and kind[:4] != "bool":  # pandas' nullable numbers
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return column.to_numpy()
    if not isinstance(column, (list, tuple)):
        return np.asarray(column)
    plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in column)
    try:
        return np.asarray(column, dtype=np.float64 if plain else object)
    except (ValueError, OverflowError) as error:
        raise DataError(f"a column that is no list of single values ({error}): give one value for each row") from None


def is_numeric(values: np.ndarray) -> bool:
    """Whether a column holds numbers or dates: by its type, or for objects by its values (None is a missing one)."""
    if values.dtype.kind in "iufM":
        return True
    if values.dtype.kind != "O":
        return False
    kept = [v for v in values if text_of(v) is not None]
    kinds = (int, float, np.integer, np.floating)
    return bool(kept) and all(isinstance(v, kinds) and not isinstance(v, bool) for v in kept)


def numbers_of(name: str, values: np.ndarray, notation: str = "") -> np.ndarray:
    """A column as float64, with NaN where it is missing or infinite; see `numerals` for the notation of texts.

    Raises DataError at text that is no number.
    """
    if values.dtype.kind == "M":
        days = values.astype("datetime64[s]").astype(np.int64) / 86400.0
        return np.where(np.isnat(values), np.nan, days)
    if values.dtype.kind in "iufb":
        numbers = values.astype(np.float64)
    else:
        numbers = np.array([_number(name, row, v, notation) for row, v in enumerate(values)], dtype=np.float64)
    return np.where(np.abs(numbers) <= 3.0e38, numbers, np.nan)  # also what float32 cannot hold


def _number(name: str, row: int, value: Any, notation: str) -> float:
    text = text_of(value)
    if text is None or is_missing(text):
        return math.nan
    try:
        number = numeral(value, notation) if isinstance(value, str) else float(value)
    except OverflowError:
        return math.nan  # as what float32 cannot hold
    except (TypeError, ValueError):
        number = None
    if number is None:
        how = f" as training wrote them, such as {_EXAMPLES[notation]!r}" if notation else ""
        raise DataError(
            f"column {name!r}, row {row}: {text[:60]!r} is not a number{how}; correct it, or name the column as a category"
        )
    return number


_EXAMPLES = {".": "1,234.5", ",": "1.234,5", ".%": "12.5%", ",%": "12,5%"}
