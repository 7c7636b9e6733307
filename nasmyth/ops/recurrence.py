"""Attention, state spaces and gated recurrences as one thing: a linear recurrence whose matrices depend on the input.

    h_t = A_t h_{t-1} + B_t u_t        y_t = C_t h_t + D u_t

(Sieber 2024, arXiv:2405.15731, section 3.) `recurrence(module, *inputs)` gives these matrices for a built module on inputs:

    form = recurrence(LinearAttention(heads=2).build((10, 8)), x)
    form.output()                     # what module(x) gives, a place at a time
    form.mixing()                     # b groups l l: how much of u_s is in y_t
    equivalent(form, other)           # whether both give the same for any u; and if not, what is in the way

A head of attention keeps a matrix, and each of its columns is a recurrence of its own with the same A, B and C. So a form has
*groups* (columns of all heads, or features) of n numbers, each driven by one number u and read as one number y. A is diagonal,
and stands for its diagonal, unless it has one axis more.

What a module needs for it is a rule, dispatched on its class: `@recurrence.register(MyMixer.module)`. A recurrence whose gates
look at its state (LSTM, GRU) is not linear in it and has no such form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.errors import TraceError
from nasmyth.graph.op import Op
from nasmyth.ops.attention import Attention
from nasmyth.ops.gated_recurrence import GatedRecurrence
from nasmyth.ops.linear_attention import GatedLinearAttention, LinearAttention
from nasmyth.ops.state_space import DiagonalStateSpace, SelectiveStateSpace


@dataclass(frozen=True, eq=False)
class Recurrence:
    """The matrices of one module on one input. Complex ones are those of pairs; y is the real part."""

    a: Tensor
    """b l groups n, or b l groups n n."""
    b: Tensor
    """b l groups n."""
    c: Tensor
    """b l groups n."""
    u: Tensor
    """b l groups: what drives it."""
    d: Tensor
    """groups: what goes past the state."""
    read: Callable[[Tensor], Tensor]
    """y, b l groups, to what the module gives."""
    kept: tuple[int, ...]
    """Numbers that are kept for one example after each place: groups of a head may share theirs."""

    @property
    def grows(self) -> bool:
        """Whether it keeps more and more, as softmax attention does: there is no n that is enough for all lengths."""
        return len(set(self.kept)) > 1

    def states(self) -> Tensor:
        """h_t for all places, one after another: b l groups n."""
        h, states = torch.zeros_like(self.b[:, 0]), []
        for a, b, u in zip(self.a.unbind(1), self.b.unbind(1), self.u.unbind(1), strict=True):
            h = _moved(a, h) + b * u[..., None]
            states.append(h)
        return torch.stack(states, 1)

    def output(self) -> Tensor:
        """What the module gives, by h_t one after another."""
        return self.read((self.c * self.states()).sum(-1).real + self.d * self.u)

    def mixing(self) -> Tensor:
        """y_t = sum over s of M_ts u_s: b groups l l with M_ts = C_t A_t ... A_{s+1} B_s, and D on the diagonal."""
        length = self.u.shape[1]
        left = torch.zeros(*self.b.shape[:1], length, *self.b.shape[2:], dtype=self.b.dtype, device=self.b.device)
        rows = []
        for t in range(length):  # left[s]: what is left at t of a 1 that came at s
            left = _moved(self.a[:, t, None], left)
            left = torch.cat((left[:, :t], self.b[:, t, None], left[:, t + 1 :]), 1)
            rows.append((self.c[:, t, None] * left).sum(-1).real)
        return torch.stack(rows, 1).permute(0, 3, 1, 2) + torch.diag_embed(self.d[:, None].expand(-1, length))


def _moved(a: Tensor, h: Tensor) -> Tensor:
    return a * h if a.dim() == h.dim() else (a @ h[..., None])[..., 0]


@dataclass(frozen=True)
class Equivalence:
    """Whether two recurrences are one; true and false like its answer."""

    holds: bool
    gap: float
    """The largest difference of their mixing matrices, relative to the largest entry where that is above 1."""
    remarks: tuple[str, ...]
    """What differs, in words."""

    def __bool__(self) -> bool:
        return self.holds


def equivalent(one: Recurrence, other: Recurrence, tolerance: float = 1e-5) -> Equivalence:
    """Whether two recurrences give the same for whatever drives them: their mixing matrices are equal (Sieber 2024, section 4,
    compares A, B and C; equal mixing is what that is for, as states may be told in other coordinates).

    It is a statement about the matrices on the inputs that they were made for; those of selective layers change with the input.
    """
    if one.u.shape != other.u.shape:
        shapes = f"{tuple(one.u.shape)} and {tuple(other.u.shape)}"
        return Equivalence(False, float("inf"), (f"other batches, lengths or groups: {shapes}",))
    mine, theirs = one.mixing().detach(), other.mixing().detach()
    apart = (mine - theirs).abs() / theirs.abs().max().clamp(min=1.0)
    gap = float(apart.max())
    differing = tuple(_differing(one, other))
    if gap <= tolerance:
        return Equivalence(True, gap, (f"with other states: {', '.join(differing)}",) if differing else ())
    batch, group, t, s = (int(i) for i in torch.unravel_index(apart.argmax(), apart.shape))
    weights = f"{mine[batch, group, t, s]:.3g} and {theirs[batch, group, t, s]:.3g}"
    return Equivalence(False, gap, (f"of place {s}, {weights} are in place {t} of group {group}", *differing))


def _differing(one: Recurrence, other: Recurrence) -> Iterator[str]:
    """Which of the matrices are others."""
    for name in "abcd":
        mine, theirs = getattr(one, name).detach(), getattr(other, name).detach()
        if mine.shape != theirs.shape:
            yield f"{name.upper()} has {mine.shape[-1]} and {theirs.shape[-1]} numbers"
        elif bool(((mine - theirs).abs() > 1e-6 + 1e-4 * theirs.abs()).any()):
            yield f"{name.upper()} differs"


# --- the forms of mixers ------------------------------------------------------------------------------------------


def _class(op: type[Op]) -> Any:
    return op.module


@singledispatch
def recurrence(module: nn.Module, *inputs: Tensor) -> Recurrence:
    """The matrices of a built module on these inputs, those of its `forward`. Raises TraceError where there are none."""
    raise TraceError(
        f"{type(module).__name__} has no rule that writes it as a linear recurrence; if it is linear in its state, add "
        f"one: @recurrence.register({type(module).__name__})"
    )


@recurrence.register(_class(LinearAttention))
def _(module: Any, x: Tensor, mask: Tensor | None = None) -> Recurrence:
    """A is 1. Where y is divided, the state is, too, by this place's divisor: A is the one before over this (Sieber 2024,
    section 3)."""
    q, k, v = module.heads_of(x, mask)
    a = torch.ones_like(k)
    if module.normalise:
        v = v[..., :-1]
        divisor = (q * k.cumsum(1)).sum(-1, keepdim=True).clamp(min=1e-6)
        a = torch.cat((divisor[:, :1], divisor[:, :-1]), 1) / divisor * a
        k = k / divisor
    return _of_heads(module, a, k, q, v, _constant(module, x))


@recurrence.register(_class(GatedLinearAttention))
def _(module: Any, x: Tensor, mask: Tensor | None = None) -> Recurrence:
    q, k, v, log = module.heads_of(x, mask)
    return _of_heads(module, log.exp(), k, q, v, _constant(module, x))


def _of_heads(module: Any, a: Tensor, b: Tensor, c: Tensor, v: Tensor, kept: tuple[int, ...]) -> Recurrence:
    """The columns of each head are groups: all of b l heads k."""
    a, b, c = (part.repeat_interleave(v.shape[-1], 2) for part in (a, b, c))
    return Recurrence(a, b, c, v.flatten(2), v.new_zeros(a.shape[2]), module.out, kept)


@recurrence.register(_class(GatedRecurrence))
def _(module: Any, gate: Tensor, x: Tensor, mask: Tensor | None = None) -> Recurrence:
    z = module.share(gate, mask)[..., None]
    return Recurrence(1 - z, z, torch.ones_like(z), x, x.new_zeros(x.shape[2]), nn.Identity(), _constant(module, x))


@recurrence.register(_class(SelectiveStateSpace))
def _(module: Any, x: Tensor, mask: Tensor | None = None) -> Recurrence:
    a, b, c = module.system(x, mask)
    c = c[:, :, None].expand_as(a.transpose(2, 3))
    return Recurrence(a.transpose(2, 3), b.transpose(2, 3), c, x, module.skip, nn.Identity(), _constant(module, x))


@recurrence.register(_class(DiagonalStateSpace))
def _(module: Any, x: Tensor) -> Recurrence:
    one = torch.ones(1, device=x.device)
    a, c = (torch.complex(*pair)[..., 0].expand(*x.shape, -1) for pair in (module.powers(one), module.weights()))
    return Recurrence(a, torch.ones_like(a), c, x, module.skip, nn.Identity(), _constant(module, x))


@recurrence.register(_class(Attention))
def _(module: Any, x: Tensor, mask: Tensor | None = None) -> Recurrence:
    """Softmax attention keeps what it has seen: A is 1, B puts a value into a place of its own, C are the weights of all."""
    if not module.causal:
        raise TraceError("attention that sees later places is no recurrence; Attention(causal=True) is one")
    q, k, v = module.qkv(x).unflatten(2, (3, module.heads, -1)).unbind(2)
    length = x.shape[1]
    seen = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
    if mask is not None:
        seen = (seen & (mask > 0)[:, None]) | torch.eye(length, dtype=torch.bool, device=x.device)
        nothing = ~(mask > 0).any(1)
        seen = torch.where(nothing[:, None, None], torch.ones_like(seen).tril(), seen)[:, None]
    scores = torch.einsum("blhk,bmhk->bhlm", q, k) / math.sqrt(q.shape[-1])
    c = scores.masked_fill(~seen, -torch.inf).softmax(-1).transpose(1, 2)
    b = torch.eye(length, dtype=x.dtype, device=x.device)[None, :, None].expand_as(c)
    kept = tuple(2 * (t + 1) * module.out.in_features for t in range(length))
    return _of_heads(module, torch.ones_like(c), b, c, v, kept)


def _constant(module: Any, x: Tensor) -> tuple[int, ...]:
    return (sum(part.numel() for part in module.initial_state(1)),) * x.shape[1]
