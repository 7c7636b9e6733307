"""Inputs to run an ONNX file on: of the shape that the file says, or like the example that is given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.tracing.onnx_file import File, dtype_of

_MOST = 1 << 26
"""Numbers in an input that a file may ask for."""


def examples_of(file: File, shape: list[Any] | None, fixed: int | None, example: Tensor | None) -> list[Tensor]:
    """Inputs to run the file on, the likeliest first: an operator may not take all numbers."""
    name = file.input.name
    if example is None:
        if shape is None or not all(isinstance(n, int) for n in shape[1:]):
            said = "" if shape is None else f", {', '.join(str(n) or '?' for n in shape)},"
            raise TraceError(
                f"the file leaves the shape of its input {name!r}{said} open: an example is needed, such as "
                "trace(path, torch.randn(1, 3, 224, 224)), the batch first"
            )
        if not shape:
            raise TraceError(f"the input {name!r} is one number, without an axis for the batch")
        inner = shape[1:]
    else:
        if not isinstance(example, Tensor) or example.dim() < 1:
            raise TraceError(
                f"the example is {example!r:.80}; give a tensor with a batch axis first, such as torch.randn(1, 3, "
                f"224, 224)"
            )
        inner = list(example.shape[1:])
        if shape is not None and (
            len(shape) != example.dim()
            or any(isinstance(n, int) and n != m for n, m in zip(shape[1:], inner, strict=False))
        ):
            raise TraceError(f"the example has the shape {tuple(example.shape)}, and the file takes {tuple(shape)}")
    batch = 2 if fixed is None else fixed
    if math.prod(inner) * batch > _MOST:
        raise TraceError(f"the input {name!r} has the shape {tuple(shape or inner)}, more than {_MOST:,} numbers")
    kind = torch.from_numpy(np.zeros(0, dtype_of(file.input.type.tensor_type.elem_type, f"the input {name!r}"))).dtype
    given = (
        []
        if example is None
        else [example.detach().cpu().to(kind)[torch.arange(batch) % len(example)]]
        if len(example)
        else []
    )
    return [*given, *_drawn((batch, *inner), kind)]


def _drawn(shape: tuple[int, ...], kind: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    if kind.is_floating_point:
        normal, share = torch.randn(shape, generator=generator), torch.rand(shape, generator=generator)
        return [x.to(kind) for x in (normal, 0.05 + 0.9 * share, 1 + share)]
    if kind is torch.bool:
        return [torch.rand(shape, generator=generator) < 0.5]
    tops = (256, 10, 2, 1) if kind is torch.uint8 else (100, 10, 2, 1)
    return [(torch.rand(shape, generator=generator) * top).long().to(kind) for top in tops]
