"""A task that trains in moments, for tests of studies that really train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

import nasmyth


def three_classes(rows: int) -> Any:
    """Rows of five numbers, of which the first two tell the class."""
    x = np.random.default_rng(0).normal(size=(rows, 5)).astype("float32")
    return nasmyth.read((x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch computes with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
