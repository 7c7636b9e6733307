"""Examples that stay on disk: arrays in .npy files, mapped into memory, and map-style PyTorch Datasets.

    Split(Mapped("x_train.npy"), y)                          # what the file holds is stored form: uint8 images, int64 codes ...
    Split(FromDataset(dataset, inputs.encode), labels)       # raw inputs, encoded batch by batch

Of a mapped file the system keeps in memory what was read last, as far as there is room, so batches of what fits cost what they
cost in memory. A Dataset is read by several threads, since what it does is mostly waiting for files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms.stored import Rows

THREADS = 8
"""That read the items of a batch."""


class Mapped(Rows):
    """An array in a .npy file, or some of its rows. It is pickled as the name of the file. Raises DataError."""

    def __init__(
        self, path: str | os.PathLike[str], rows: Tensor | None = None, tail: tuple[int, ...] | None = None
    ) -> None:
        self.path, self.rows = str(Path(path).resolve()), rows
        self.tensor = _mapped(self.path)
        self.tail = tuple(self.tensor.shape[1:]) if tail is None else tuple(tail)
        self.shape = (len(self.tensor) if rows is None else len(rows), *self.tail)
        self.dtype = self.tensor.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def read(self, rows: Tensor | slice) -> Tensor:
        if self.rows is not None:
            rows = self.rows[rows]
        found = self.tensor[rows].clone() if isinstance(rows, slice) else self.tensor.index_select(0, rows)
        return found.reshape(len(found), *self.tail)

    def take(self, rows: Tensor) -> Mapped:
        rows = torch.as_tensor(rows)
        rows = rows.nonzero().flatten() if rows.dtype == torch.bool else rows.long()
        return Mapped(self.path, rows if self.rows is None else self.rows[rows], self.tail)

    def __getitem__(self, rows: Any) -> Any:
        """A few neighbours as an array; any others as rows that stay on disk."""
        return self.read(rows).numpy() if isinstance(rows, slice) else self.take(rows)

    def shaped(self, *tail: int) -> Mapped:
        """The same numbers of each example in another shape."""
        return Mapped(self.path, self.rows, tail)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.path, self.rows, self.tail, tuple(self.tensor.shape), self.dtype)

    def __repr__(self) -> str:
        return f"<{len(self):,} examples of {self.tail} in {self.path}>"


def _mapped(path: str) -> Tensor:
    """A tensor whose memory is the file. Writing to it, which nobody does, would not reach the file."""
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be mapped as .npy ({error}); write the array with np.save") from None
    if not isinstance(array, np.memmap) or array.ndim < 1 or array.dtype.kind not in "buif" or not array.dtype.isnative:
        raise DataError(f"{path}: holds no plain array of numbers; write it with np.save")
    if not array.flags.c_contiguous:
        raise DataError(f"{path}: its array is in Fortran's order; write np.ascontiguousarray(x)")
    try:
        return torch.from_numpy(np.asarray(array))
    except TypeError as error:
        raise DataError(f"{path}: numbers of type {array.dtype} ({error}); write another type") from None


def _again(path: str, rows: Tensor | None, tail: tuple[int, ...], shape: tuple[int, ...], dtype: torch.dtype) -> Mapped:
    found = Mapped(path, rows, tail)
    if tuple(found.tensor.shape) != shape or found.dtype != dtype:
        raise DataError(f"{path}: holds another array than before; read the data again")
    return found


class FromDataset(Rows):
    """The inputs of a map-style Dataset of (input, label), or of inputs, encoded batch by batch; or of a DataLoader over one.

    encode: from a stacked array of raw inputs to stored form, such as `inputs.encode`; as they are if None.
    """

    def __init__(self, dataset: Any, encode: Callable[[Any], Tensor] | None = None, rows: Tensor | None = None) -> None:
        dataset = getattr(dataset, "dataset", dataset) if hasattr(dataset, "collate_fn") else dataset
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__") or not len(dataset):
            raise DataError(f"{type(dataset).__name__} has no length, or no items; give a map-style Dataset")
        self.dataset, self.encode, self.rows = dataset, encode, rows
        first = self._encoded([dataset[0]])
        self.shape = (len(dataset) if rows is None else len(rows), *first.shape[1:])
        self.dtype = first.dtype

    def read(self, rows: Tensor | slice) -> Tensor:
        at = torch.arange(len(self.dataset)) if self.rows is None else self.rows
        places = at[rows].tolist()
        if len(places) < 2:
            return self._encoded([self.dataset[i] for i in places])
        with ThreadPoolExecutor(min(THREADS, len(places))) as pool:
            return self._encoded(list(pool.map(self.dataset.__getitem__, places)))

    def take(self, rows: Tensor) -> FromDataset:
        return FromDataset(self.dataset, self.encode, rows if self.rows is None else self.rows[rows])

    def _encoded(self, items: list[Any]) -> Tensor:
        inputs = [item[0] if isinstance(item, (tuple, list)) else item for item in items]
        if not inputs:
            return torch.empty((0, *self.shape[1:]), dtype=self.dtype)
        stacked = (
            torch.stack(inputs)
            if isinstance(inputs[0], Tensor)
            else torch.from_numpy(np.stack(list(map(np.asarray, inputs))))
        )
        return stacked if self.encode is None else self.encode(stacked)
