"""What of an ONNX file depends on constants alone: it is computed once, before the file is traced, and is then a weight.

Networks that normalise their weights, keep them quantised, or write them as `Constant` and `ConstantOfShape` are read so.
A weight that is only turned or reshaped stays the weight that it is, with its name, and may be shared.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from nasmyth.tracing.onnx_file import VIEWS, File


class Plan(NamedTuple):
    """Which nodes run whenever the network does, and which are computed before."""

    live: list[Any]
    before: list[int]
    """Where the nodes to compute before stand in the file."""
    wanted: list[str]
    """What of their results the others read."""


def planned(file: File) -> Plan:
    constant = set(file.tensors)
    fixed, views, live = [], [], []
    shown = {name for name, tensor in file.tensors.items() if tensor.data_type in (1, 10, 11) and _many(tensor)}
    for number, node in zip(file.numbers, file.nodes, strict=True):
        if not all(name in constant or not name for name in node.input) or node.domain not in ("", "ai.onnx"):
            live.append(node)
            continue
        constant.update(node.output)
        fixed.append((number, node))
        if node.op_type in VIEWS and node.input and node.input[0] in shown:
            shown.update(node.output)
            views.append(node)
    read = {name for node in live for name in node.input}
    kept = []
    for node in reversed(views):
        if read.intersection(node.output):
            kept.append(node)
            read.update(node.input)
    seen = {name for node in kept for name in node.output}
    given = {name for _, node in fixed for name in node.output if name}
    wanted = (read & given) - seen
    before, needed = [], set(wanted)
    for number, node in reversed(fixed):
        if needed.intersection(node.output):
            before.append(number)
            needed.update(node.input)
    return Plan([*reversed(kept), *live], before[::-1], sorted(wanted))


def _many(tensor: Any) -> bool:
    count = 1
    for n in tensor.dims:
        count *= n
    return count > 1
