"""Convolutions along a sequence."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape


@op(
    "b l d, mask?: b l -> b l out",
    weights={"conv.weight": "out d kernel", "conv.bias": "out"},
    ordered="l kernel",
    mixes="l d",
)
class SequenceConv(nn.Module):
    """A convolution along a sequence (Kim 2014, arXiv:1408.5882) that keeps its length.

    causal: a place sees only itself and earlier ones (van den Oord 2016, arXiv:1609.03499), and a sequence can be taken place
    by place, of which the last kernel - 1 are kept. Places that the graph's input
    `mask` leaves out are zeros.
    """

    def __init__(self, d: int, out: int, kernel: int = 3, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal
        before = kernel - 1 if causal else (kernel - 1) // 2
        self.around = (before, kernel - 1 - before)
        self.conv = nn.Conv1d(d, out, kernel)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        if mask is not None:
            x = x * (mask > 0).to(x.dtype).unsqueeze(2)
        return self.conv(F.pad(x.transpose(1, 2), self.around)).transpose(1, 2)

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        """The places in front of the first, which are zeros: b d kernel-1."""
        if not self.causal:
            raise ValueError("it sees later places; build it with causal=True")
        return (self.conv.weight.new_zeros(batch, self.conv.in_channels, self.around[0]),)

    def step(
        self, state: tuple[torch.Tensor], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        if mask is not None:
            x = x * (mask > 0).to(x.dtype).unsqueeze(1)
        seen = torch.cat((state[0], x.unsqueeze(2)), 2)
        return self.conv(seen).squeeze(2), (seen[:, :, 1:],)


@op(
    "b l d, mask?: b l -> b l d",
    weights={"conv.weight": "d 1 kernel", "conv.bias": "d"},
    ordered="l kernel",
    mixes="l",
)
class SequenceDepthwiseConv(nn.Module):
    """A convolution of each feature along a sequence by a filter of its own, which keeps its length.

    causal: a place sees only itself and earlier ones. Places that the graph's input `mask` leaves out are zeros.
    """

    def __init__(self, d: int, kernel: int = 4, causal: bool = True) -> None:
        super().__init__()
        before = kernel - 1 if causal else (kernel - 1) // 2
        self.around = (before, kernel - 1 - before)
        self.conv = nn.Conv1d(d, d, kernel, groups=d)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        if mask is not None:
            x = x * (mask > 0).to(x.dtype).unsqueeze(2)
        return self.conv(F.pad(x.transpose(1, 2), self.around)).transpose(1, 2)

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        if self.around[1]:
            raise ValueError("it sees places that come later; causal=True sees none")
        return (self.conv.weight.new_zeros(batch, self.conv.in_channels, self.around[0]),)

    def step(
        self, state: tuple[torch.Tensor], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        if mask is not None:
            x = x * (mask > 0).to(x.dtype).unsqueeze(1)
        seen = torch.cat((state[0], x.unsqueeze(2)), 2)
        return self.conv(seen).squeeze(2), (seen[..., 1:],)


@param_count.register(SequenceConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(conv.out * (inputs[0][1] * conv.kernel + 1))


@mac_count.register(SequenceConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    length, d = inputs[0]
    return int(length * conv.out * d * conv.kernel)


@param_count.register(SequenceDepthwiseConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(output[1] * (conv.kernel + 1))


@mac_count.register(SequenceDepthwiseConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    length, d = output
    return int(length * d * conv.kernel)


@state_count.register(SequenceDepthwiseConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(output[1] * (conv.kernel - 1)) if conv.causal else 0


@state_count.register(SequenceConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(inputs[0][1] * (conv.kernel - 1)) if conv.causal else 0


EXAMPLES = [
    (SequenceConv(4, kernel=3), (6, 5)),
    (SequenceConv(3, kernel=4, causal=True), (5, 2)),
    (SequenceConv(3, kernel=2), (5, 2), (5,)),
    (SequenceDepthwiseConv(), (6, 3)),
    (SequenceDepthwiseConv(kernel=3, causal=False), (5, 2), (5,)),
    (SequenceConv(3, kernel=3, causal=True), (5, 2), (5,)),
]
