"""What a network gets most wrong, example by example, as plain data that a journal can keep: pictures, or rows.

Of classes, the wrong answers that were given with most confidence; of values, the largest errors. Bounded, whatever the
data: at most MOST examples, pictures no larger than SIDE pixels, rows of at most MOST_COLUMNS columns.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.forms.inputs import ImageInput, TableInput

if TYPE_CHECKING:
    from nasmyth.train.task import Task

MOST, MOST_COLUMNS, SIDE = 24, 12, 48
MOST_TEXT = 80
"""Letters of a cell."""
MOST_BYTES = 90_000
"""Of all pictures together: noise does not compress."""


def mistakes(raw: Tensor, task: Task, split: str = "test") -> dict[str, Any]:
    """{"examples": [...], "wrong": how many, "of": how many, "columns": names, of rows, "target"}; `raw` is what the
    last layer gave.

    An example has "true" and "answer" (texts of classes, numbers of values), "sure" (the probability of a wrong class), and
    "image" (a PNG as data URI) or "cells" (texts).
    """
    held, values = getattr(task, split), _answers(raw, task)
    order, wrong = _worst(raw, values, held.y, task)
    told: list[dict[str, Any]] = []
    size, seen = 0, _bright(held.x[order[:MOST]])
    for i, stored in zip(order[:MOST].tolist(), seen, strict=True):
        looks = _looks(stored, task)
        size += len(looks.get("image", ""))
        if size > MOST_BYTES:
            break
        told.append({**_said(i, raw, values, held.y, task), **looks})
    columns = [column.name for column in _shown(task.inputs)] if isinstance(task.inputs, TableInput) else []
    target = "" if task.classes else str(task.outputs.names[0])
    return {"examples": told, "wrong": wrong, "of": len(held.y), "columns": columns, "target": target}


def _answers(raw: Tensor, task: Task) -> Tensor:
    """Class indices, N, or values in their own units, N k."""
    if task.classes:
        return raw.argmax(1)
    values: Any = task.outputs.module()(raw)
    return values[0] if isinstance(values, tuple) else values


def _worst(raw: Tensor, values: Tensor, y: Tensor, task: Task) -> tuple[Tensor, int]:
    """Indices, worst first, and how many are wrong at all; of values none is, so the count is that of all."""
    if task.classes:
        sure = raw.softmax(1).amax(1)
        wrong = torch.nonzero(values != y).flatten()
        return wrong[sure[wrong].argsort(descending=True, stable=True)], len(wrong)
    errors = (values - y).div(y.std(0, correction=0).clamp(min=1e-30)).square().sum(1)
    return errors.argsort(descending=True, stable=True), len(y)


def _said(i: int, raw: Tensor, values: Tensor, y: Tensor, task: Task) -> dict[str, Any]:
    if task.classes:
        return {"true": task.classes[int(y[i])], "answer": task.classes[int(values[i])],
                "sure": round(float(raw[i].softmax(0).max()), 4)}  # fmt: skip
    return {"true": float(y[i, 0]), "answer": float(values[i, 0])}


def _looks(stored: Tensor, task: Task) -> dict[str, Any]:
    if isinstance(task.inputs, ImageInput):
        return {"image": "data:image/png;base64," + base64.b64encode(png(_small(stored))).decode()}
    if isinstance(task.inputs, TableInput):
        where = {column.name: i for i, column in enumerate(task.inputs.columns)}
        return {"cells": [_cell(column, float(stored[where[column.name]])) for column in _shown(task.inputs)]}
    return {}


def _shown(inputs: TableInput) -> tuple[Any, ...]:
    return inputs.columns[:MOST_COLUMNS]


def _cell(column: Any, stored: float) -> str:
    """What stands in a table: a number with five digits, a category by name; a dash for what is missing."""
    if column.kind == "number":
        return "-" if stored != stored else f"{stored:.5g}"
    code = int(stored)
    text = str(column.vocabulary[code - 1]) if 0 < code <= len(column.vocabulary) else "-"
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _bright(images: Tensor) -> Tensor:
    """Pictures that are dark or pale as a whole, from black to white, all alike; rows of a table as they are."""
    if images.dtype != torch.uint8 or not len(images):
        return images
    low, high = int(images.min()), int(images.max())
    return images if high == low else ((images.float() - low) * (255 / (high - low))).round().to(torch.uint8)


def _small(image: Tensor) -> Tensor:
    """uint8, H W C, with 1, 3 or 4 channels and no side longer than SIDE."""
    height, width, channels = image.shape
    image = image if channels in (1, 3, 4) else image[:, :, :1]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    shrunk = F.interpolate(image.permute(2, 0, 1)[None].float(), size=size, mode="area")
    return shrunk[0].permute(1, 2, 0).round().to(torch.uint8)


def png(image: Tensor) -> bytes:
    """A uint8 image, H W C with 1, 3 or 4 channels, as a PNG file (ISO/IEC 15948), without filters."""
    height, width, channels = image.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.numpy().tobytes() for row in image.contiguous().reshape(height, -1))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
