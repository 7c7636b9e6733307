"""Networks: graphs with weights. Names are imported on first use, because most of them need torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasmyth.network.fitting import fit_image_input, fit_table_input
    from nasmyth.network.inputs import Column, ImageInput, TableInput
    from nasmyth.network.network import Network, build
    from nasmyth.network.outputs import Classes, Values, fit_classes, fit_values
    from nasmyth.network.pipeline import Pipeline, Prediction
    from nasmyth.network.tracing import Unsaid, opaque, trace

_HOME = {
    "Classes": "outputs",
    "Column": "inputs",
    "ImageInput": "inputs",
    "Network": "network",
    "Pipeline": "pipeline",
    "Prediction": "pipeline",
    "TableInput": "inputs",
    "Unsaid": "tracing",
    "Values": "outputs",
    "build": "network",
    "fit_classes": "outputs",
    "fit_image_input": "fitting",
    "fit_table_input": "fitting",
    "fit_values": "outputs",
    "opaque": "tracing",
    "trace": "tracing",
}

__all__ = [
    "Classes",
    "Column",
    "ImageInput",
    "Network",
    "Pipeline",
    "Prediction",
    "TableInput",
    "Unsaid",
    "Values",
    "build",
    "fit_classes",
    "fit_image_input",
    "fit_table_input",
    "fit_values",
    "opaque",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
