"""Shorthands for cost rules. The rules themselves are the dispatched functions of `graph.op`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nasmyth.graph.op import mac_count, param_count
from nasmyth.graph.signature import Shape


def nothing(op: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The rule of what costs nothing."""
    return 0


def with_bias(weights: dict[str, str], biases: dict[str, str]) -> Callable[[Any], dict[str, str]]:
    """The axes of weights of which some are there only where the op's field `bias` is true."""
    return lambda op: {**weights, **biases} if op.bias else weights


def weightless(*classes: Any) -> None:
    """Register ops that learn nothing and multiply nothing by our convention: activations, pooling, reshapes, joins."""
    for cls in classes:
        param_count.register(cls, nothing)
        mac_count.register(cls, nothing)
