"""A graph whose nodes have features and labels: the arrays x (n f), edge_index (2 e) and y (n).

`train_mask`, `val_mask` (or `valid_mask`) and `test_mask`, where they are there, say which nodes are in which split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nasmyth.domains.sources.raw import Part, Raw
from nasmyth.errors import DataError

EDGES = ("edge_index", "edges")
_MASKS = {"train_mask": "train", "val_mask": "valid", "valid_mask": "valid", "test_mask": "test"}


@dataclass(frozen=True, eq=False)
class OneGraph:
    """Features n f, edges 2 e, and for each split that is given which nodes are in it."""

    features: np.ndarray
    edges: np.ndarray
    masks: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.features)


def is_graph(arrays: Mapping[str, Any]) -> bool:
    """Whether these arrays are a graph."""
    return "x" in arrays and any(name in arrays for name in EDGES)


def from_graph(name: str, where: str, arrays: Mapping[str, np.ndarray]) -> Raw:
    """The graph as it came. Raises DataError where its arrays do not go together."""
    x, edges = arrays["x"], arrays[next(key for key in EDGES if key in arrays)]
    if "y" not in arrays:
        raise DataError(f"{where}: a graph without y: give a label for each node")
    if x.ndim != 2 or x.dtype.kind not in "buif" or edges.ndim != 2 or edges.dtype.kind not in "ui":
        raise DataError(
            f"{where}: x of shape {x.shape} and edges of shape {edges.shape}; expected numbers n f, and whole ones 2 e"
        )
    edges = edges if edges.shape[0] == 2 else edges.T
    if edges.shape[0] != 2 or not edges.size or edges.min() < 0 or edges.max() >= len(x):
        raise DataError(f"{where}: edges of shape {edges.shape}: expected 2 e numbers of nodes, from 0 to {len(x) - 1}")
    masks = {split: arrays[key].astype(bool) for key, split in _MASKS.items() if key in arrays}
    if any(mask.shape != (len(x),) for mask in masks.values()) or len(arrays["y"]) != len(x):
        raise DataError(f"{where}: y and masks need an entry for each of {len(x)} nodes")
    return Raw(name, Part(OneGraph(x, edges.astype(np.int64), masks), arrays["y"]))
