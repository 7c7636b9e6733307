"""What rules ask of the values that a call is given."""

from __future__ import annotations

from typing import Any

from nasmyth.tracing.call import Call
from nasmyth.tracing.values import Flow, Held, Layout


def flow_of(value: Any, plain: bool = False) -> Flow | None:
    """The value if it flows (and is laid out as in the graph)."""
    return value if isinstance(value, Flow) and (value.layout.plain or not plain) else None


def weights_of(call: Call, *names: str) -> dict[str, Held] | None:
    """The parameters of these names that are given; None if one of them is not held by the module."""
    given = {name: call[name] for name in names if call[name] is not None}
    return given if all(isinstance(v, Held) for v in given.values()) else None


def last_is_own(layout: Layout) -> bool:
    """Whether the last axis is the last one in the graph, too."""
    return bool(layout.shape) and layout.axis != len(layout.actual) - 1 and len(layout.actual) > (layout.axis >= 0)
