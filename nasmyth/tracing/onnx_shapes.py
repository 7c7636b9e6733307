"""Operators of ONNX that move numbers and make shapes, as calls of PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.tracing.onnx_table import as_tensor, attribute, beyond, ints, number, operator, single, tensor


@operator("Shape")
def _shape(node: Any, x: Tensor) -> np.ndarray:
    return np.array(x.shape[attribute(node, "start", 0) : attribute(node, "end")], dtype=np.int64)


@operator("Size")
def _size(node: Any, x: Tensor) -> np.ndarray:
    return np.array(x.numel(), dtype=np.int64)


@operator("Reshape")
def _reshape(node: Any, x: Tensor, shape: Any = None) -> Tensor:
    sizes = ints(attribute(node, "shape", shape))
    x = tensor(x)
    if not attribute(node, "allowzero", 0):
        sizes = [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)]
    known = int(np.prod([n for n in sizes if n != -1]))
    learned = isinstance(x, torch.nn.Parameter) or not x.dim()
    if (
        not learned
        and sizes
        and sizes[0] == (node.fixed or 1)
        and x.shape[0] != sizes[0]
        and (known * x.shape[0] == x.numel() or -1 in sizes[1:])
    ):
        sizes[0] = x.shape[0]  # written for a batch of one
    return x.reshape(sizes)


@operator("Flatten")
def _flatten(node: Any, x: Tensor) -> Tensor:
    axis = attribute(node, "axis", 1)
    return x.flatten(1) if axis == 1 else x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


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
    x = tensor(x)
    return x.expand(torch.broadcast_shapes(tuple(x.shape), tuple(ints(shape))))


@operator("ConstantOfShape")
def _filled(node: Any, shape: Any) -> Tensor:
    import onnx

    value = attribute(node, "value")
    number = torch.tensor(0.0) if value is None else torch.from_numpy(np.array(onnx.numpy_helper.to_array(value)))
    return torch.full(ints(shape), number.reshape(-1)[0].item(), dtype=number.dtype)


@operator("Concat")
def _concat(node: Any, *parts: Any) -> Tensor:
    return torch.cat([tensor(x) for x in parts], attribute(node, "axis"))


@operator("Slice")
def _slice(node: Any, x: Tensor, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Tensor:
    firsts, lasts = ints(attribute(node, "starts", starts)), ints(attribute(node, "ends", ends))
    axes = attribute(node, "axes", axes)
    dims = ints(axes) if axes is not None else list(range(len(firsts)))
    strides = ints(steps) if steps is not None else [1] * len(firsts)
    for dim, a, b, step in zip(dims, firsts, lasts, strides, strict=True):
        if step < 0:
            n = x.shape[dim]
            places = torch.tensor(range(*slice(a, None if b < -n else b, step).indices(n)), dtype=torch.int64)
            x = x.index_select(dim, places)
        else:
            x = x[(slice(None),) * (dim % x.dim()) + (slice(a, min(b, 2**62), step),)]
    return x


@operator("Split")
def _split(node: Any, x: Tensor, sizes: Any = None) -> Any:
    axis = attribute(node, "axis", 0)
    if sizes is not None or attribute(node, "split"):
        return x.split(ints(attribute(node, "split", sizes)), axis)
    return x.split(-(-x.shape[axis] // len(node.proto.output)), axis)


@operator("Gather")
def _gather(node: Any, x: Any, index: Any) -> Tensor:
    axis = attribute(node, "axis", 0)
    if isinstance(index, np.ndarray) and index.ndim == 0 and isinstance(x, Tensor):
        return x.select(axis, int(index))
    x = tensor(x)
    if isinstance(index, np.ndarray):  # from the end, too, which PyTorch does not count
        index = torch.from_numpy(np.where(index < 0, index + x.shape[axis], index))
    if axis == 0 and x.dim() == 2 and isinstance(x, torch.nn.Parameter):
        return F.embedding(index, x)
    axis %= x.dim()
    return x.index_select(axis, index.reshape(-1)).reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


@operator("Pad")
def _pad(node: Any, x: Tensor, pads: Any = None, value: Any = None, axes: Any = None) -> Tensor:
    """Before version 11 how much, and before version 2 how it is called, are settings."""
    sizes = ints(attribute(node, "pads", attribute(node, "paddings", pads)))
    value = number(value, single(attribute(node, "value", 0.0)))
    dims = [n % x.dim() for n in ints(axes)] if axes is not None else list(range(x.dim()))
    both = dict(zip(dims, zip(sizes[: len(dims)], sizes[len(dims) :], strict=True), strict=True))
    mode = attribute(node, "mode", "constant")
    cut = [n for dim in reversed(range(x.dim())) for n in (min(0, p) for p in both.get(dim, (0, 0)))]
    x = F.pad(x, cut) if any(cut) else x
    flat = [max(0, n) for dim in reversed(range(min(both, default=0), x.dim())) for n in both.get(dim, (0, 0))]
    while flat and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    if not flat:
        return x
    if mode == "constant":
        return F.pad(x, flat, mode, value if x.is_floating_point() else int(value))
    count = max(len(flat) // 2, x.dim() - 2)  # PyTorch wants one or two axes before those that it pads
    if mode not in ("reflect", "edge", "wrap") or count > min(3, x.dim() - 1):
        raise beyond(node, "mode")
    kind = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}[mode]
    return F.pad(x, flat + [0, 0] * (count - len(flat) // 2), kind)


@operator("Tile")
def _tile(node: Any, x: Any, repeats: Any, axis: Any = None) -> Tensor:
    x = tensor(x)
    if axis is not None:  # before version 6: how often, and along which axis
        times = [1] * x.dim()
        times[int(number(axis))] = int(number(repeats))
        return x.repeat(times)
    return x.repeat(ints(repeats))


@operator("DepthToSpace")
def _depth_to_space(node: Any, x: Tensor) -> Tensor:
    n, (b, c, h, w) = attribute(node, "blocksize"), x.shape
    if attribute(node, "mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, n)
    return x.reshape(b, n, n, c // n**2, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, c // n**2, h * n, w * n)


@operator("SpaceToDepth")
def _space_to_depth(node: Any, x: Tensor) -> Tensor:
    n, (b, c, h, w) = attribute(node, "blocksize"), x.shape
    if attribute(node, "mode", "DCR") == "CRD":
        return F.pixel_unshuffle(x, n)
    return x.reshape(b, c, h // n, n, w // n, n).permute(0, 3, 5, 1, 2, 4).reshape(b, c * n**2, h // n, w // n)


@operator("Resize", "Upsample")
def _resize(node: Any, x: Tensor, *rest: Any) -> Tensor:
    old = node.version < 11 or node.kind == "Upsample"  # the only further input is the scales, and axes have no offset
    _, scales, sizes = (None, rest[0] if rest else None, None) if old else (*rest, None, None, None)[:3]
    scales = attribute(node, "scales", scales) if old else scales
    if old and scales is None:  # the first form of all
        scales = [1.0, 1.0, attribute(node, "height_scale", 1.0), attribute(node, "width_scale", 1.0)]
    mode = attribute(node, "mode", "nearest")
    place = "asymmetric" if old else attribute(node, "coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if old else attribute(node, "nearest_mode", "round_prefer_floor")
    odd = {"antialias": 0, "exclude_outside": 0, "keep_aspect_ratio_policy": "stretch"}
    axes = [n % x.dim() for n in attribute(node, "axes", range(x.dim()))]
    if any(attribute(node, name, plain) != plain for name, plain in odd.items()) or x.dim() < 3:
        raise beyond(node, "mode", *odd)
    size = [*x.shape]
    if sizes is not None and np.asarray(sizes).size:
        for axis, n in zip(axes, ints(sizes), strict=True):
            size[axis] = n
        factors = None
    else:
        factors = [1.0] * x.dim()
        for axis, f in zip(axes, np.asarray(scales).reshape(-1), strict=True):
            factors[axis] = float(f)
            size[axis] = math.floor(x.shape[axis] * float(f))
    if size[0] not in (x.shape[0], node.fixed) or size[1] != x.shape[1]:
        raise beyond(node, "mode", "coordinate_transformation_mode")
    mode = "linear" if mode == "bilinear" else mode
    given = (size[2:], None) if factors is None else (None, factors[2:])
    whole = all(s % n == 0 for s, n in zip(size[2:], x.shape[2:], strict=True))  # all ways of rounding agree
    if mode == "nearest" and (
        (place == "asymmetric" and rounding == "floor") or (whole and _grows_alike(place, rounding))
    ):
        return F.interpolate(x, *given, mode="nearest")
    kinds = {("linear", 3): "linear", ("linear", 4): "bilinear", ("linear", 5): "trilinear", ("cubic", 4): "bicubic"}
    kind = kinds.get((mode, x.dim()))
    if kind == "bicubic" and single(attribute(node, "cubic_coeff_a", -0.75)) != -0.75:
        kind = None
    if kind is not None and (
        place in ("half_pixel", "align_corners") or (place == "pytorch_half_pixel" and min(size[2:]) > 1)
    ):
        corners = place == "align_corners"
        return F.interpolate(x, *((size[2:], None) if corners else given), mode=kind, align_corners=corners)
    raise beyond(node, "mode", "coordinate_transformation_mode", "nearest_mode")


def _grows_alike(place: str, rounding: str) -> bool:
    return (place == "half_pixel" and rounding.startswith("round")) or (place == "asymmetric" and rounding == "floor")


@operator("ScatterND")
def _scatter_nd(node: Any, x: Any, index: Any, updates: Any) -> Tensor:
    x, updates, kind = tensor(x), tensor(updates), attribute(node, "reduction", "none")
    if kind not in ("none", "add") or not isinstance(index, np.ndarray):
        raise beyond(node, "reduction")
    places = tuple(torch.from_numpy(np.array(index[..., i])) for i in range(index.shape[-1]))
    return x.index_put(places, updates, kind == "add")


@operator("GatherElements")
def _gather_elements(node: Any, x: Any, index: Any) -> Tensor:
    x, index, axis = tensor(x), tensor(index), attribute(node, "axis", 0)
    return x.gather(axis, torch.where(index < 0, index + x.shape[axis], index))


@operator("Trilu")
def _triangle(node: Any, x: Any, k: Any = None) -> Tensor:
    function = torch.triu if attribute(node, "upper", 1) else torch.tril
    return function(tensor(x), int(number(k)))


@operator("Range")
def _range(node: Any, start: Any, stop: Any, step: Any) -> Tensor:
    kind = tensor(start).dtype
    return torch.arange(*(as_tensor(value) for value in (start, stop, step)), dtype=kind)
