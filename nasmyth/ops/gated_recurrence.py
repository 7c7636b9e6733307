"""A recurrence whose gate does not look at its state, so that all places can be computed at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.graph.op import op, state_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless


@op("b l d, b l d, mask?: b l -> b l d", ordered="l", mixes="l")
class GatedRecurrence(nn.Module):
    """A gate and values become h_t = (1 - z_t) h_{t-1} + z_t x_t, where z_t is the sigmoid of the gate and h_0 = 0 (minGRU
    between its projections: Feng 2024, arXiv:2410.01201, section 3.1).

    The values are as they come: the paper's form in logarithms keeps them positive, this one need not. Places that the
    graph's input `mask` leaves out change nothing. All places are computed in O(log l) steps.
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.register_buffer("start", torch.zeros(d), persistent=False)

    def forward(self, gate: torch.Tensor, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        z = self.share(gate, mask)
        h: torch.Tensor = self.Scan.apply((1 - z).transpose(0, 1), (z * x).transpose(0, 1), self.scan)
        return h.transpose(0, 1)

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        return (self.start.expand(batch, -1),)  # type: ignore[operator]

    def step(
        self, state: tuple[torch.Tensor], gate: torch.Tensor, x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        h = torch.lerp(state[0], x, self.share(gate, mask))
        return h, (h,)

    @staticmethod
    def share(gate: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """How much of the state each value replaces."""
        z = torch.sigmoid(gate)
        return z if mask is None else z * (mask > 0).to(z.dtype).unsqueeze(-1)

    @staticmethod
    def scan(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """h_t = a_t h_{t-1} + x_t over the first axis. Two places in a row are one place of a recurrence half as long; what
        that gives are the later places of each two, and one product more gives the earlier ones."""
        levels = []
        while len(x) > 1:
            levels.append((a, x))
            pairs = len(x) // 2 * 2
            x = torch.addcmul(x[1::2], a[1::2], x[:pairs:2])
            a = a[1::2] * a[:pairs:2]
        for a, given in reversed(levels):
            early = torch.cat((given[:1], torch.addcmul(given[2::2], a[2::2], x[: (len(given) - 1) // 2])))
            both = torch.stack((early[: len(x)], x), 1).flatten(0, 1)
            x = both if len(given) % 2 == 0 else torch.cat((both, early[-1:]))
        return x

    class Scan(torch.autograd.Function):
        """`scan`, whose gradient is one more, from the last place to the first: nothing is kept of the levels between."""

        @staticmethod
        def forward(ctx, a, x, scan):
            h, ctx.scan = scan(a, x), scan
            ctx.save_for_backward(a, h)
            return h

        @staticmethod
        def backward(ctx, grad):
            a, h = ctx.saved_tensors
            x = ctx.scan(torch.cat((a[:1], a[1:].flip(0))), grad.flip(0)).flip(0)
            return torch.cat((torch.zeros_like(h[:1]), x[1:] * h[:-1])), x, None


weightless(GatedRecurrence)


@state_count.register(GatedRecurrence)
def _(recurrence: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[-1]


EXAMPLES = [
    (GatedRecurrence(), (7, 3), (7, 3)),
    (GatedRecurrence(), (4, 2), (4, 2), (4,)),
]
