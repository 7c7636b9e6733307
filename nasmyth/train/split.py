"""A split of a task: examples in stored form, and ways to divide data into splits.

The loop asks a split for batches and never looks inside: `split.batch(rows)`. So it makes no difference to it whether there
are several inputs, several answers, or whether examples are in memory (see `nasmyth/forms/stored.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms import stored


@dataclass(frozen=True, eq=False)
class Split:
    """Examples in stored form: x, N ..., and their targets y; each a tensor, `Rows` on disk, or a dict of such by name.

    Targets are class indices (int64) or values in their own units (float32).
    """

    x: Any
    y: Any

    def __len__(self) -> int:
        return stored.count(self.x)

    def __repr__(self) -> str:
        return f"Split({len(self)} examples)"

    def batch(self, rows: Tensor) -> tuple[Any, Any]:
        """The stored inputs and targets of a batch, on the device of `rows`: tensors, or dicts of them."""
        return stored.pick(self.x, rows), stored.pick(self.y, rows)

    def section(self, rows: slice) -> tuple[Any, Any]:
        """The same of neighbouring examples, on the device of the split."""
        return stored.section(self.x, rows), stored.section(self.y, rows)

    def to(self, device: torch.device) -> Split:
        """The same examples on a device; those on disk stay there, and their batches come to it."""
        return Split(stored.moved(self.x, device), stored.moved(self.y, device))

    def take(self, indices: Tensor) -> Split:
        """The examples at these indices."""
        return Split(stored.take(self.x, indices), stored.take(self.y, indices))


def random_split(count: int, fractions: Sequence[float], seed: int = 0) -> tuple[Tensor, ...]:
    """Indices of `count` examples in as many parts as there are fractions, which sum to 1. Each part is sorted."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    bounds = _bounds(count, fractions)
    return tuple(order[a:b].sort().values for a, b in itertools.pairwise(bounds))


def stratified_split(y: Tensor, fractions: Sequence[float], seed: int = 0) -> tuple[Tensor, ...]:
    """Like `random_split`, with each class (int64, N) shared out alone. The first part has every class there is.

    Sizes are exact to one example for the whole, since what rounding leaves over is carried from class to class.
    """
    generator = torch.Generator().manual_seed(seed)
    parts: list[list[Tensor]] = [[] for _ in fractions]
    owed = [0.0] * len(fractions)
    for label in y.unique().tolist():
        rows = torch.nonzero(y == label).flatten()
        rows = rows[torch.randperm(len(rows), generator=generator)]
        owed = [o + f * len(rows) for o, f in zip(owed, fractions, strict=True)]
        sizes = _whole(owed, len(rows))
        owed = [o - s for o, s in zip(owed, sizes, strict=True)]
        for part, rows_of_part in zip(parts, rows.split(sizes), strict=True):
            part.append(rows_of_part)
    return tuple(torch.cat(part).sort().values for part in parts)


def _whole(owed: list[float], total: int) -> list[int]:
    """Whole numbers near `owed` that sum to `total`; the first is at least 1."""
    sizes = [max(0, int(o)) for o in owed]
    sizes[0] = max(1, sizes[0])
    while sum(sizes) > total:
        donors = [i for i in range(len(sizes)) if sizes[i] > (1 if i == 0 else 0)]
        sizes[max(donors, key=lambda i: sizes[i] - owed[i])] -= 1
    while sum(sizes) < total:
        sizes[max(range(len(sizes)), key=lambda i: owed[i] - sizes[i])] += 1
    return sizes


def _bounds(count: int, fractions: Sequence[float]) -> list[int]:
    if any(f < 0 for f in fractions) or abs(sum(fractions) - 1.0) > 1e-6:
        raise DataError(f"split fractions {list(fractions)}: give shares from 0 to 1 that sum to 1")
    ends = [round(count * sum(fractions[:i])) for i in range(len(fractions))]
    return [*ends, count]
