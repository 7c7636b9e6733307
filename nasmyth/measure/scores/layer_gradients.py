"""The gradient by the weight of a layer, of single examples and of parts of a batch.

It follows from what the layer took and from what was differentiated by what it gave, so that one backward pass of the batch
serves all examples: a convolution or linear layer multiplies the one with the other, place by place.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.measure.scores.passes import Call, Forward


def told(forward: Forward) -> list[Call]:
    """The layers whose weights can be told by example: not those that are used in turn by what has other rows."""
    rows = len(forward.inputs[0])
    return [
        call for call in forward.layers
        if len(call.x) == rows and f"{call.name}.weight" in forward.weights
        and not isinstance(call.module, nn.modules.conv._ConvTransposeNd)
    ]  # fmt: skip


def by_example(call: Call, gradient: Tensor) -> Tensor:
    """The gradient of each example by the weight of a layer: N, weights. gradient: by what the layer gave."""
    module: Any = call.module
    x = call.x.detach()
    if isinstance(module, nn.Linear):
        a, b = (one.reshape(len(x), -1, one.shape[-1]) for one in (x, gradient))
        return (b.mT @ a).flatten(1)
    if _odd(module):
        return (gradient.reshape(len(x), module.groups, -1, gradient[0, 0].numel()) @ _seen(x, module)).flatten(1)
    return by_part(call, gradient, len(x))


def _seen(x: Tensor, module: Any) -> Tensor:
    """What each place of the output sees: N, groups, places, channels of a group x kernel."""
    patches = F.unfold(x, module.kernel_size, module.dilation, module.padding, module.stride)
    return patches.reshape(len(x), module.groups, -1, patches.shape[2]).mT


def _odd(module: Any) -> bool:
    """Whether it is a convolution of images that pads as it says: those with even kernels pad by themselves."""
    return isinstance(module, nn.Conv2d) and getattr(module, "reach", 0) % 2 == 0 and module.padding_mode == "zeros"


def by_part(call: Call, gradient: Tensor, parts: int) -> Tensor:
    """The gradients of parts of the examples, one after the other, by the weight of a layer: parts, weights."""
    x, module, found = call.x.detach(), call.module, []
    for a, b in zip(x.tensor_split(parts), gradient.tensor_split(parts), strict=True):
        if isinstance(module, nn.Linear):
            found.append((b.flatten(0, -2).mT @ a.flatten(0, -2)).flatten())
            continue
        weight = module.weight.detach().requires_grad_()  # type: ignore[operator]
        with torch.enable_grad():
            again = torch.func.functional_call(module, {"weight": weight}, (a,))
        found.append(torch.autograd.grad(again, weight, b)[0].flatten())
    return torch.stack(found)


def by_one_weight(call: Call, gradient: Tensor, place: int) -> Tensor:
    """The gradient of each example by the weight at this place of the flattened matrix: N."""
    module: Any = call.module
    x, shape = call.x.detach(), module.weight.shape
    out, into, *at = _at(place, shape)
    if isinstance(module, nn.Linear):
        return (x[..., into] * gradient[..., out]).reshape(len(x), -1).sum(1)
    if not _odd(module):
        return by_example(call, gradient)[:, place]
    channel = x[:, out // (module.out_channels // module.groups) * shape[1] + into]
    (down, across), (tall, wide) = module.padding, gradient.shape[2:]
    padded = F.pad(channel, (across, across, down, down))
    top, left = (step * one for step, one in zip(module.dilation, at, strict=True))
    seen = padded[:, top :: module.stride[0], left :: module.stride[1]][:, :tall, :wide]
    return (seen * gradient[:, out]).flatten(1).sum(1)


def _at(place: int, shape: Any) -> list[int]:
    """The indices of a place of a flattened array."""
    steps = [*accumulate(reversed(shape[1:]), lambda a, b: a * b, initial=1)][::-1]
    return [place // step % size for step, size in zip(steps, shape, strict=True)]
