"""The table of ONNX operators, and how an operator reads its attributes and what it is given.

An operator is called with its node, whose attributes it reads, and its inputs: tensors, or arrays where the numbers are
known (shapes, axes). A missing input is None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Beyond(Exception):
    """PyTorch has no function for the way that an operator is used here: "is not known here with dilations=[2, 2]"."""


class Varying(Exception):
    """A setting that has to be known depends on the values that flow through the file."""


OPERATORS: dict[str, Callable[..., Any]] = {}

WEIGHTS: dict[str, dict[int, str]] = {
    "Conv": {1: "weight", 2: "bias"}, "ConvTranspose": {1: "weight", 2: "bias"}, "Gemm": {1: "weight", 2: "bias"},
    "MatMul": {0: "left", 1: "weight"}, "BatchNormalization": {1: "weight", 2: "bias"},
    "LayerNormalization": {1: "weight", 2: "bias"}, "GroupNormalization": {1: "weight", 2: "bias"},
    "InstanceNormalization": {1: "weight", 2: "bias"}, "RMSNormalization": {1: "weight"}, "PRelu": {1: "weight"},
}  # fmt: skip
"""The inputs of an operator that are learned, and what they are called."""
MAY_LEARN = {
    "Add",
    "Mul",
    "Sub",
    "Div",
    "Concat",
    "Gather",
    "Expand",
    "Transpose",
    "Reshape",
    "Unsqueeze",
    "Slice",
    "Identity",
}
"""Operators any of whose inputs may be learned: an embedding, a class token, positions, a scale for each channel."""
BUFFERS: dict[str, dict[int, str]] = {"BatchNormalization": {3: "running_mean", 4: "running_var"}}
"""Those that are saved and not learned."""


RECURRENT = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Operators that go along a sequence, and where in ONNX's order the gates stand that PyTorch has first, second ..."""


def operator(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function for operators of these names."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return add


def attribute(node: Any, name: str, default: Any = None) -> Any:
    value = node.attributes.get(name, default)
    return value.decode() if isinstance(value, bytes) else value


def beyond(node: Any, *names: str) -> Beyond:
    """What to raise for settings that PyTorch has no function for."""
    told = ", ".join(f"{name}={attribute(node, name)}" for name in names if attribute(node, name) is not None)
    return Beyond(f"is not known here{' with ' if told else ''}{told}")


def ints(value: Any) -> list[int]:
    """Whole numbers that have to be known: axes, sizes, pads."""
    if isinstance(value, Tensor):
        raise Varying
    return [int(n) for n in np.asarray(value).reshape(-1)]


def as_tensor(value: Any, like: Tensor | None = None) -> Any:
    """An array as a tensor; one number as itself, so that it is part of the call, unless it has more axes than `like`."""
    if isinstance(value, np.ndarray):
        if value.size == 1 and (like is None or value.ndim <= like.dim()):
            return value.reshape(-1)[0].item()
        return torch.from_numpy(np.array(value))
    return value


def tensor(value: Any) -> Tensor:
    """A tensor, whatever is given."""
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))


def number(value: Any, default: float = 0.0) -> float:
    """One number that has to be known."""
    if value is None:
        return default
    if isinstance(value, Tensor):
        raise Varying
    return float(np.asarray(value).reshape(-1)[0])


def single(value: float) -> float:
    """A float of 32 bits as the decimal number that was meant: 9.999999747378752e-06 is 1e-05."""
    return float(str(np.float32(value)))
