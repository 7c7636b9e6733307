"""Operators of ONNX that move numbers or fold an axis, as calls of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.network.tracing.onnx_table import as_tensor, attribute, ints, operator


@operator("Shape")
def _shape(node: Any, x: Tensor) -> np.ndarray:
    return np.array(x.shape[attribute(node, "start", 0) : attribute(node, "end")], dtype=np.int64)


@operator("Size")
def _size(node: Any, x: Tensor) -> np.ndarray:
    return np.array(x.numel(), dtype=np.int64)


@operator("Reshape")
def _reshape(node: Any, x: Tensor, shape: Any) -> Tensor:
    sizes = ints(shape)
    if not attribute(node, "allowzero", 0):
        sizes = [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)]
    known = int(np.prod([n for n in sizes if n != -1]))
    if sizes and sizes[0] == 1 and x.shape[0] != 1 and (known * x.shape[0] == x.numel() or -1 in sizes[1:]):
        sizes[0] = x.shape[0]  # written for a batch of one
    return x.reshape(sizes)


@operator("Flatten")
def _flatten(node: Any, x: Tensor) -> Tensor:
    axis = attribute(node, "axis", 1)
    return x.flatten(1) if axis == 1 else x.reshape(int(np.prod(x.shape[:axis])), -1)


@operator("Transpose")
def _transpose(node: Any, x: Tensor) -> Tensor:
    return x.permute(attribute(node, "perm", list(range(x.dim()))[::-1]))


@operator("Squeeze")
def _squeeze(node: Any, x: Tensor, axes: Any = None) -> Tensor:
    axes = attribute(node, "axes", axes)
    return x.squeeze() if axes is None else x.squeeze(ints(axes))


@operator("Unsqueeze")
def _unsqueeze(node: Any, x: Tensor, axes: Any = None) -> Tensor:
    wanted = ints(attribute(node, "axes", axes))
    for axis in sorted(n % (x.dim() + len(wanted)) for n in wanted):
        x = x.unsqueeze(axis)
    return x


@operator("Expand")
def _expand(node: Any, x: Any, shape: Any) -> Tensor:
    x = torch.as_tensor(x)
    return x.expand(torch.broadcast_shapes(tuple(x.shape), tuple(ints(shape))))


@operator("ConstantOfShape")
def _filled(node: Any, shape: Any) -> Tensor:
    import onnx

    value = attribute(node, "value")
    number = torch.tensor(0.0) if value is None else torch.from_numpy(np.array(onnx.numpy_helper.to_array(value)))
    return torch.full(ints(shape), number.reshape(-1)[0].item(), dtype=number.dtype)


@operator("Concat")
def _concat(node: Any, *parts: Any) -> Tensor:
    return torch.cat([torch.as_tensor(x) for x in parts], attribute(node, "axis"))


@operator("Slice")
def _slice(node: Any, x: Tensor, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Tensor:
    firsts, lasts = ints(starts), ints(ends)
    dims = ints(axes) if axes is not None else list(range(len(firsts)))
    for i, (dim, a, b) in enumerate(zip(dims, firsts, lasts, strict=True)):
        step = ints(steps)[i] if steps is not None else 1
        if step < 0:
            raise TraceError(f"Slice {node.proto.name} goes backwards, which PyTorch does not")
        x = x[(slice(None),) * (dim % x.dim()) + (slice(a, min(b, 2**62), step),)]
    return x


@operator("Split")
def _split(node: Any, x: Tensor, sizes: Any = None) -> Any:
    axis = attribute(node, "axis", 0)
    if sizes is not None or attribute(node, "split"):
        return x.split(ints(attribute(node, "split", sizes)), axis)
    return x.split(-(-x.shape[axis] // len(node.outputs)), axis)


@operator("Gather")
def _gather(node: Any, x: Any, index: Any) -> Tensor:
    axis = attribute(node, "axis", 0)
    if isinstance(index, np.ndarray) and index.ndim == 0 and isinstance(x, Tensor):
        return x.select(axis, int(index))
    x, index = torch.as_tensor(x), torch.as_tensor(index)
    if axis == 0 and x.dim() == 2 and isinstance(x, torch.nn.Parameter):
        return F.embedding(index, x)
    axis %= x.dim()
    return x.index_select(axis, index.reshape(-1)).reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


@operator("Pad")
def _pad(node: Any, x: Tensor, pads: Any = None, value: Any = None, axes: Any = None) -> Tensor:
    sizes = ints(attribute(node, "pads", pads))
    dims = [n % x.dim() for n in ints(axes)] if axes is not None else list(range(x.dim()))
    both = dict(zip(dims, zip(sizes[: len(dims)], sizes[len(dims) :], strict=True), strict=True))
    flat = [n for dim in reversed(range(min(both), x.dim())) for n in both.get(dim, (0, 0))]
    while len(flat) > 2 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(attribute(node, "mode", "constant"))
    if mode is None:
        raise TraceError(f"Pad {node.proto.name}: its mode is not one of PyTorch's")
    return F.pad(x, flat, mode, float(as_tensor(value) or 0.0) if mode == "constant" else None)


@operator("Tile")
def _tile(node: Any, x: Tensor, repeats: Any) -> Tensor:
    return torch.as_tensor(x).repeat(ints(repeats))


@operator("DepthToSpace")
def _depth_to_space(node: Any, x: Tensor) -> Tensor:
    n, (b, c, h, w) = attribute(node, "blocksize"), x.shape
    if attribute(node, "mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, n)
    return x.reshape(b, n, n, c // n**2, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, c // n**2, h * n, w * n)


@operator("Resize")
def _resize(node: Any, x: Tensor, roi: Any = None, scales: Any = None, sizes: Any = None) -> Tensor:
    mode, place = attribute(node, "mode", "nearest"), attribute(node, "coordinate_transformation_mode", "half_pixel")
    size = ints(sizes)[2:] if sizes is not None and np.asarray(sizes).size else None
    factors = [float(f) for f in np.asarray(scales).reshape(-1)[2:]] if size is None else None
    if mode == "nearest" and place == "asymmetric" and attribute(node, "nearest_mode", "round_prefer_floor") == "floor":
        return F.interpolate(x, size, factors, "nearest")
    grows = (size is None and all(f == int(f) for f in factors or ())) or (
        size is not None and all(s % n == 0 for s, n in zip(size, x.shape[2:], strict=True))
    )
    if mode == "nearest" and place in ("half_pixel", "asymmetric") and grows:
        return F.interpolate(x, size, factors, "nearest")  # whole factors: all ways of rounding agree
    if mode == "linear" and x.dim() == 4 and place in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        return F.interpolate(x, size, factors, "bilinear", align_corners=place == "align_corners")
    raise TraceError(f"Resize {node.proto.name} ({mode}, {place}) is not one of PyTorch's")


@operator("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2")
def _reduce(node: Any, x: Tensor, axes: Any = None) -> Tensor:
    axes = attribute(node, "axes", axes)
    dims = ints(axes) if axes is not None and np.asarray(axes).size else list(range(x.dim()))
    keep = bool(attribute(node, "keepdims", 1))
    function: dict[str, Any] = {
        "ReduceMean": torch.mean,
        "ReduceSum": torch.sum,
        "ReduceMax": torch.amax,
        "ReduceMin": torch.amin,
    }
    return function[node.kind](x, dims, keep) if node.kind in function else torch.linalg.vector_norm(x, 2, dims, keep)


@operator("ArgMax")
def _argmax(node: Any, x: Tensor) -> Tensor:
    return x.argmax(attribute(node, "axis", 0), bool(attribute(node, "keepdims", 1)))
