"""Saying why a module cannot be a graph, and where in its source that is."""

from __future__ import annotations

import contextlib
import re
import traceback
from pathlib import Path

import torch
from torch import nn

from nasmyth.errors import TraceError

_BRANCH = ("data-dependent", "DataDependent", "unbacked", "Could not guard", ".item()", "_local_scalar_dense")


def refusal_of(error: Exception, module: nn.Module) -> TraceError:
    name, where = type(module).__name__, _where(error)
    text = f"{type(error).__name__}: {error}"
    if any(word in text for word in _BRANCH):
        return TraceError(
            f"{name} looks at the values that flow through it and goes different ways, or makes tensors of different "
            f"sizes; "
            f"a graph has one way{where}. Compute both ways and choose with torch.where(condition, a, b), or decide before "
            "tracing, by a setting of the module"
        )
    if isinstance(error, TypeError) and "argument" in text:
        return TraceError(
            f"{name} cannot be called with the example alone: {first_line(error)}{where}. A graph has one input: wrap the "
            "module in one whose forward(x) gives the rest"
        )
    return TraceError(f"{name} cannot be traced: {first_line(error)}{where}")


_ELSEWHERE = (str(Path(torch.__file__).parent), str(Path(__file__).parent), str(Path(contextlib.__file__)), "<")
"""Where source is that the user did not write."""


def _where(error: BaseException | None) -> str:
    """ " (model.py, line 12: if x.sum() > 0)": the last line of the user's own in what led to an error."""
    seen: list[traceback.FrameSummary] = []
    while error is not None and not seen:
        frames = traceback.extract_tb(error.__traceback__)
        seen = [f for f in frames if not f.filename.startswith(_ELSEWHERE)]
        error = error.__cause__ or error.__context__
    if not seen:
        return ""
    last = seen[-1]
    return f" ({Path(last.filename).name}, line {last.lineno}: {last.line})"


def first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else repr(error)


def line_of(node: torch.fx.Node) -> str:
    """ " (model.py, line 12: y = x[x > 0])": the line of the module that made a node."""
    found = re.findall(r'File "([^"]+)", line (\d+), in [^\n]*\n([^\n]*)', node.meta.get("stack_trace") or "")
    found = [frame for frame in found if not frame[0].startswith(_ELSEWHERE)]
    if not found:
        return ""
    file, line, text = found[-1]
    return f" ({Path(file).name}, line {line}: {text.strip()})"
