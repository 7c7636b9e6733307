"""What an exported .py file needs beside its layers: reading weights, reading raw input.

These functions are pasted into that file, so they use torch and the standard library only, and agree with `encode` of
`ImageInput` and `TableInput`.
"""

from __future__ import annotations

import datetime
import json
import math
import struct
from pathlib import Path

import torch

from nasmyth.forms.dates import moment, part_of
from nasmyth.forms.numerals import MISSING, numeral


def read_safetensors(path):
    """Tensors by name. The file: 8 bytes that say how long the header is, the header in JSON, then the numbers."""
    data = Path(path).read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    types = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
             "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
             "BOOL": torch.bool}  # fmt: skip
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            tensor = torch.empty(entry["shape"], dtype=types[entry["dtype"]])
            if end > first:
                numbers = bytearray(data[start + first : start + end])
                tensor = torch.frombuffer(numbers, dtype=tensor.dtype).reshape(tensor.shape)
            tensors[name] = tensor
    return tensors


def read_images(raw, height, width, channels, low, high, seen=()):
    """Images, N H W or N H W C (nested lists, an array, a tensor), as uint8 N H W C.

    Anything but uint8 and bool is scaled from low..high to 0..255. `seen`: the least and the greatest pixel of training,
    0 to 255. Images of another scale are refused.
    """
    images = numbers = torch.as_tensor(raw)
    images = images.unsqueeze(3) if images.ndim == 3 else images
    if images.ndim != 4 or tuple(images.shape[1:3]) != (height, width):
        raise ValueError(f"images of shape {tuple(images.shape)}: give N,{height},{width} or N,{height},{width},C")
    if images.dtype not in (torch.uint8, torch.bool):
        scaled = (images.float() - low) * (255.0 / (high - low))
        usual = (low, high) in ((0.0, 255.0), (0.0, 1.0), (0.0, 65535.0))
        if not bool(((scaled >= 0) & (scaled <= 255.5) if usual else scaled.isfinite()).all()):
            raise ValueError(f"pixel values beyond {low:g} to {high:g}, or not finite")
        images = scaled.round().clamp(0, 255)
    images = images.to(torch.uint8)
    if seen and images.numel() and seen[1] >= 16 and bool((images <= 1).all()) and bool((numbers.float() != low).any()):
        if numbers.is_floating_point() or numbers.dtype == torch.bool:
            raise ValueError(f"pixels of 0 to 1, where the network was trained on up to {seen[1]}: give uint8 images")
    if (
        seen
        and images.numel()
        and int(images.max()) >= 8 * max(seen[1], 1)
        and float((images > 2 * seen[1]).float().mean()) > 0.05
    ):
        raise ValueError(f"pixels of up to {int(images.max())}, where the network was trained on up to {seen[1]}")
    given = images.shape[3]
    if given != channels and given in (2, 4) and given - 1 in (1, channels, 3):  # the last one is alpha
        images, given = images[..., : given - 1], given - 1
    if given == channels:
        return images
    if given == 1:
        return images.expand(-1, -1, -1, channels)
    if channels != 1:
        raise ValueError(f"images of {given} channels: give {channels}")
    return images.float().mean(3, keepdim=True).round().to(torch.uint8)


def read_rows(raw, columns, find, number_of):
    """A dict of columns, or a DataFrame, as float32 N F: numbers with NaN where missing, then codes of categories."""
    read = []
    for column in columns:
        values = find(raw, column["name"])
        if "vocabulary" in column:
            codes = {text: i for i, text in enumerate(column["vocabulary"], 1)}
            read.append([codes.get(text_of(value), 0) for value in values])
        else:
            read.append([number_of(value, column.get("notation", "")) for value in values])
        if len(read[-1]) != len(read[0]):
            raise ValueError(f"column {column['name']!r} has {len(read[-1])} rows, the first has {len(read[0])}")
    return torch.tensor(read, dtype=torch.float64).T.float()


def find_column(raw, name):
    """The values of a column as a list."""
    if name not in raw:
        raise ValueError(f"no column {name!r} among {[str(n) for n in raw][:20]}")
    values = raw[name]
    if getattr(getattr(values, "dtype", None), "kind", "") == "M":
        values = values.astype("datetime64[us]")
    return values.tolist() if hasattr(values, "tolist") else list(values)


def find_dated_column(raw, name):
    """The values of a column; of "when.month", the months of the dates in "when"."""
    column, _, part = name.rpartition(".")
    if name in raw or column not in raw:
        return find_column(raw, name)
    return [part_of(moment(value), part) for value in find_column(raw, column)]


def text_of(value):
    """A category as text, None if it is missing. 1 and 1.0 both read "1"."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def written_number(value, notation):
    """A number as float, where texts write it in a notation (see `numeral`)."""
    if not isinstance(value, str) or value.strip().lower() in MISSING:
        return plain_number(value, "")
    number = numeral(value, notation)
    if number is None:
        raise ValueError(f"{value!r} is not a number as training wrote them")
    return number


def plain_number(value, notation):
    """A number as float, NaN if it is missing; a date as days since 1970."""
    text = text_of(value)
    if text is None or text.strip().lower() in MISSING:
        return math.nan
    if isinstance(value, datetime.datetime):
        return (value - datetime.datetime(1970, 1, 1)).total_seconds() / 86400
    number = float(value)
    return number if abs(number) <= 3.0e38 else math.nan
