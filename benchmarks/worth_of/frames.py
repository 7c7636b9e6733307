"""A prepared table as other libraries take it: training and test rows, texts as categories. Imports no Nasmyth."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_CATEGORIES = 254
"""What HistGradientBoosting takes; the rarer ones of a longer list are one."""


def parts(path: str, target: str) -> tuple[Any, Any]:
    """The training and the test rows, target included, with the same categories in both."""
    import pandas as pd

    frame = pd.read_parquet(path)
    split = frame.pop("split")
    for name in frame.columns.drop(target):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            usual = frame.loc[split == "train", name].value_counts().index[:MOST_CATEGORIES]
            frame[name] = pd.Categorical(frame[name], categories=sorted(usual))
    return frame[split == "train"].reset_index(drop=True), frame[split == "test"].reset_index(drop=True)


def scored(metric: str, y: Any, predicted: Any) -> float:
    """Accuracy, or the root of the mean squared error."""
    y, predicted = np.asarray(y), np.asarray(predicted)
    if metric == "accuracy":
        return float((y.astype(str) == predicted.astype(str)).mean())
    return float(np.sqrt(((y.astype(float) - predicted.astype(float)) ** 2).mean()))
