"""Examples in stored form, held in one of three ways, and what is done to all of them alike.

a tensor, N ...                        in memory
a dict from names to such              several inputs, or several answers, of the same examples
`Rows`                                 read when they are asked for: from a file, or from a PyTorch Dataset (`disk.py`)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

BLOCK = 1 << 24
"""Bytes that are read at once where a whole split is gone through."""


class Rows(ABC):
    """Examples that are somewhere else: read row by row, in any order."""

    shape: tuple[int, ...]
    """Of all of them, the number of examples first."""
    dtype: torch.dtype

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def read(self, rows: Tensor | slice) -> Tensor:
        """The examples at these places, in this order, on the CPU."""

    @abstractmethod
    def take(self, rows: Tensor) -> Rows:
        """These examples alone, which stay where they are."""


Stored = Tensor | Rows | dict[str, Tensor | Rows]


def mapped(x: Any, function: Callable[[Any], Any]) -> Any:
    """A function of a tensor, done to each of several."""
    return {name: function(one) for name, one in x.items()} if isinstance(x, dict) else function(x)


def count(x: Any) -> int:
    """How many examples there are."""
    return len(next(iter(x.values()))) if isinstance(x, dict) else len(x)


def pick(x: Any, rows: Tensor) -> Any:
    """The examples at these places as tensors, on the device of the places."""
    if isinstance(x, Tensor):
        return x.index_select(0, rows)
    if isinstance(x, dict):
        return {name: pick(one, rows) for name, one in x.items()}
    return x.read(rows.cpu()).to(rows.device)


def section(x: Any, rows: slice) -> Any:
    """Neighbouring examples as tensors."""
    return mapped(x, lambda one: one.read(rows) if isinstance(one, Rows) else one[rows])


def take(x: Any, rows: Tensor) -> Any:
    """Some examples in stored form; those on disk stay there."""
    return mapped(x, lambda one: one.take(rows) if isinstance(one, Rows) else one[rows])


def moved(x: Any, device: torch.device | str) -> Any:
    """On a device; what is read when it is asked for stays where it is."""
    return mapped(x, lambda one: one if isinstance(one, Rows) else one.to(device))


def parts(x: Any) -> Iterator[tuple[str, Any]]:
    """Each tensor, or what is read as one, with its name."""
    yield from x.items() if isinstance(x, dict) else [("", x)]


def size(x: Any) -> float:
    """Bytes in memory; infinite where some are read when they are asked for."""
    return sum(
        math.inf if isinstance(one, Rows) else one.dtype.itemsize * int(torch.Size(one.shape).numel())
        for _, one in parts(x)
    )


def blocks(x: Tensor | Rows) -> Iterator[Tensor]:
    """All examples, some at a time, so that no more of them are in memory than that."""
    each = max(1, x.dtype.itemsize * int(torch.Size(x.shape[1:]).numel()))
    size = max(1, BLOCK // each)
    for start in range(0, len(x), size):
        rows = slice(start, min(start + size, len(x)))
        yield x.read(rows) if isinstance(x, Rows) else x[rows]


def cat(parts: list[Any]) -> Any:
    """Batches as one."""
    if isinstance(parts[0], dict):
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return torch.cat(parts)
