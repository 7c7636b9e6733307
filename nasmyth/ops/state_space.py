"""State spaces: layers that keep a few numbers for each feature, which move by themselves and are moved by what comes."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape


def _some_state(space: Any) -> None:
    for name in ("state", "rank"):
        value = getattr(space, name, 1)
        if type(value) is int and value < 1:
            raise SpaceError(f"{space!r}: {name} must be at least 1")


@op(
    "b l d -> b l d",
    check=_some_state,
    weights={
        "log_step": "d",
        "log_rate": "d state",
        "frequency": "d state",
        "output": "2 d state",
        "skip": "d",
    },
    ordered="l",
    mixes="l",
)
class DiagonalStateSpace(nn.Module):
    """S4D: each feature drives `state` damped oscillators, and is their weighted sum (Gu 2022, arXiv:2206.11893).

    h_t = exp(s A) h_{t-1} + (exp(s A) - 1) / A u_t, y_t = 2 Re(C h_t) + D u_t for each feature, with complex diagonal A and its
    step s, from S4D-Lin: A = -1/2 + pi n i. The first place has h_0 = 0 before it. All is in real numbers. Within a chunk of 64
    places the sum over earlier ones is a product with a matrix, and from chunk to chunk the state is handed on in O(log l)
    steps, so that the cost is linear in l. Features do not mix: put a linear layer after it.
    """

    def __init__(self, d: int, state: int = 8) -> None:
        super().__init__()
        self.log_step = nn.Parameter(torch.empty(d).uniform_(math.log(1e-3), math.log(1e-1)))
        self.log_rate = nn.Parameter(torch.full((d, state), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(float(state)).repeat(d, 1))
        self.output = nn.Parameter(torch.randn(2, d, state) * math.sqrt(0.5))
        self.skip = nn.Parameter(torch.ones(d))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = min(64, x.shape[1])
        u = (
            F.pad(x, (0, 0, 0, -x.shape[1] % length)).unflatten(1, (-1, length)).permute(3, 0, 1, 2)
        )  # d b chunks places
        real, imaginary = self.powers(torch.arange(length + 1, device=x.device))
        c_real, c_imaginary = self.weights()
        # what the state before a chunk adds at each of its places, and what each of its places adds to the state after it
        read = torch.cat(
            (
                c_real * real - c_imaginary * imaginary,
                -c_real * imaginary - c_imaginary * real,
            ),
            1,
        )
        write = torch.cat((real, imaginary), 1)[..., :length].flip(2)
        kernel = read[:, : c_real.shape[1], :length].sum(1)
        ago = torch.arange(length, device=x.device)[:, None] - torch.arange(length, device=x.device)
        within = u.flatten(1, 2) @ (kernel[:, ago.clamp(min=0)] * (ago >= 0)).transpose(1, 2)
        states = self.handed_on((u.flatten(1, 2) @ write.transpose(1, 2)).unflatten(1, u.shape[1:3]), length)
        y = (within + states.flatten(1, 2) @ read[..., 1:]).unflatten(1, u.shape[1:3])
        return y.permute(1, 2, 3, 0).flatten(1, 2)[:, : x.shape[1]] + self.skip * x

    def powers(self, exponent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """exp(s A) to each of these: d state exponents, real and imaginary."""
        step = self.log_step.exp()[:, None, None] * exponent
        size, angle = torch.exp(-self.log_rate.exp()[..., None] * step), self.frequency[..., None] * step
        return size * angle.cos(), size * angle.sin()

    def weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """2 C (exp(s A) - 1) / A, so that what enters the state needs no factor: d state 1, real and imaginary."""
        real, imaginary = self.powers(torch.ones(1, device=self.skip.device))
        a_real, a_imaginary = -self.log_rate.exp()[..., None], self.frequency[..., None]
        scale = 2 / (a_real * a_real + a_imaginary * a_imaginary)
        b_real = ((real - 1) * a_real + imaginary * a_imaginary) * scale
        b_imaginary = (imaginary * a_real - (real - 1) * a_imaginary) * scale
        c_real, c_imaginary = self.output[..., None].unbind(0)
        return c_real * b_real - c_imaginary * b_imaginary, c_real * b_imaginary + c_imaginary * b_real

    def handed_on(self, states: torch.Tensor, length: int) -> torch.Tensor:
        """The state before each chunk, of what each chunk alone leaves behind: d b chunks (2 state)."""
        chunks = states.shape[2]
        real, imaginary = F.pad(states, (0, 0, 1, -1)).chunk(2, 3)
        reach = 1
        while reach < chunks:
            turn_real, turn_imaginary = (
                p[:, None, None, :, 0] for p in self.powers(self.log_step.new_full((1,), reach * length))
            )
            early_real, early_imaginary = (F.pad(part, (0, 0, reach, -reach)) for part in (real, imaginary))
            real = real + turn_real * early_real - turn_imaginary * early_imaginary
            imaginary = imaginary + turn_real * early_imaginary + turn_imaginary * early_real
            reach *= 2
        return torch.cat((real, imaginary), 3)

    def initial_state(self, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        zeros = self.log_rate.new_zeros(batch, *self.log_rate.shape)
        return zeros, zeros

    def step(
        self, state: tuple[torch.Tensor, torch.Tensor], x: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        turn_real, turn_imaginary = (p[..., 0] for p in self.powers(torch.ones(1, device=x.device)))
        c_real, c_imaginary = (part[..., 0] for part in self.weights())
        real = turn_real * state[0] - turn_imaginary * state[1] + x[..., None]
        imaginary = turn_real * state[1] + turn_imaginary * state[0]
        y = (c_real * real - c_imaginary * imaginary).sum(2) + self.skip * x
        return y, (real, imaginary)


@op(
    "b l d, mask?: b l -> b l d",
    check=_some_state,
    weights={
        "log_rate": "state d",
        "narrow.weight": "rank d",
        "widen.weight": "d rank",
        "widen.bias": "d",
        "enter.weight": "state d",
        "leave.weight": "state d",
        "skip": "d",
    },
    ordered="l",
    mixes="l d",
)
class SelectiveStateSpace(nn.Module):
    """S6, the selective state space of Mamba: the input decides how fast a state moves, what enters it and what is read
    (Gu & Dao 2023, arXiv:2312.00752, algorithm 2).

    For each feature h_t = exp(s_t A) h_{t-1} + s_t B_t u_t, y_t = C_t h_t + D u_t, with `state` real numbers in h, steps s_t =
    softplus(W_2 W_1 u_t + b) through `rank` features, B_t and C_t linear in u_t and shared by all features. hold: the
    input is held for the time of the step (eq. 4: (exp(s_t A) - 1) / A for s_t), as in the paper's text; without it
    as in its code. Places that the graph's input `mask` leaves out change nothing. All of 128 places are computed at once, in
    O(log l) steps; more would be slower, as their states need more memory than is at hand.
    """

    def __init__(self, d: int, state: int = 16, rank: int = 1, hold: bool = False) -> None:
        super().__init__()
        self.hold = hold
        self.log_rate = nn.Parameter(torch.arange(1.0, state + 1).log()[:, None].repeat(1, d))
        self.narrow = nn.Linear(d, rank, bias=False)
        self.widen = nn.Linear(rank, d)
        self.enter = nn.Linear(d, state, bias=False)
        self.leave = nn.Linear(d, state, bias=False)
        self.skip = nn.Parameter(torch.ones(d))
        with torch.no_grad():  # steps begin between 0.001 and 0.1
            steps = torch.empty(d).uniform_(math.log(1e-3), math.log(1e-1)).exp()
            self.widen.bias.copy_(steps + torch.log(-torch.expm1(-steps)))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        parts = x.transpose(0, 1).split(128)
        masks = [None] * len(parts) if mask is None else mask.transpose(0, 1).split(128)
        (h,), outputs = self.initial_state(x.shape[0]), []
        for part, seen in zip(parts, masks, strict=True):
            a, b, c = self.system(part, seen)
            states, h = self.Scan.apply(a, b * part.unsqueeze(2), h, self.scan)
            outputs.append((c.unsqueeze(2) @ states).squeeze(2))
        return torch.cat(outputs).transpose(0, 1) + self.skip * x

    def system(
        self, x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What multiplies the state (... state d), what multiplies the input (... state d), and what reads (... state)."""
        steps = F.softplus(self.widen(self.narrow(x)))
        if mask is not None:
            steps = steps * (mask > 0).to(x.dtype).unsqueeze(-1)
        rate = -self.log_rate.exp()
        moved = steps.unsqueeze(-2) * rate
        taken = torch.expm1(moved) / rate if self.hold else steps.unsqueeze(-2)
        return moved.exp(), taken * self.enter(x).unsqueeze(-1), self.leave(x)

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        return (self.log_rate.new_zeros(batch, *self.log_rate.shape),)

    def step(
        self, state: tuple[torch.Tensor], x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        a, b, c = self.system(x, mask)
        h = a * state[0] + b * x.unsqueeze(1)
        return (c.unsqueeze(1) @ h).squeeze(1) + self.skip * x, (h,)

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
        """`scan` from h_0 on, and the last state beside all. Its gradient is one more, from the last place to the first:
        nothing is kept of the levels between."""

        @staticmethod
        def forward(ctx, a, x, start, scan):
            h, ctx.scan = scan(a, torch.cat((torch.addcmul(x[:1], a[:1], start), x[1:]))), scan
            ctx.save_for_backward(a, h, start)
            return h, h[-1].clone()

        @staticmethod
        def backward(ctx, grad, last):
            a, h, start = ctx.saved_tensors
            grad = torch.cat(((grad[-1:] + last), grad[:-1].flip(0)))
            x = ctx.scan(torch.cat((a[:1], a[1:].flip(0))), grad).flip(0)
            return x * torch.cat((start[None], h[:-1])), x, a[0] * x[0], None


@param_count.register(DiagonalStateSpace)
def _(space: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(output[1] * (2 + 4 * space.state))


@mac_count.register(DiagonalStateSpace)
def _(space: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Each place of a chunk meets all of it, writes into the state and is read from it."""
    length, d = output
    chunk = min(64, length)
    return int(-(-length // chunk) * chunk * d * (chunk + 4 * space.state))


@state_count.register(DiagonalStateSpace)
def _(space: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(2 * space.state * output[1])


@fan_ins.register(DiagonalStateSpace)
def _(space: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    return (float(space.state),)


@param_count.register(SelectiveStateSpace)
def _(space: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(output[1] * (2 + 3 * space.state + 2 * space.rank))


@mac_count.register(SelectiveStateSpace)
def _(space: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The projections, and the sum over the state of each feature; what moves the state are no sums of products."""
    length, d = output
    return int(length * d * (3 * space.state + 2 * space.rank))


@state_count.register(SelectiveStateSpace)
def _(space: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(space.state * output[1])


@fan_ins.register(SelectiveStateSpace)
def _(space: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    return (float(space.state),)


EXAMPLES = [
    (DiagonalStateSpace(state=3), (5, 2)),
    (DiagonalStateSpace(state=2), (150, 2)),
    (SelectiveStateSpace(state=3), (6, 4)),
    (SelectiveStateSpace(state=2, rank=2, hold=True), (130, 3), (130,)),
]
