"""One training on several processes, each of which keeps a share: of what the optimizer remembers, or of the experts.

    optimizer = ShardedOptimizer(network.parameters(), lambda share: torch.optim.AdamW(share, lr=1e-3))
    experts = ShardedExperts(every_expert)                  # of 8 experts each of 4 processes keeps 2
    found = experts(x, chosen)                              # each row of x by the expert that it chose, wherever that is

Both speak through `torch.distributed`, which is to be begun before (gloo for CPUs), and with one process are what they are
without. Each process trains on a share of the batch, of equal size, with the mean loss of its own; the weights that come of it
are those of one process with the whole batch, but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nasmyth.errors import SpaceError

AnyOptimizer = torch.optim.Optimizer


class ShardedOptimizer:
    """An optimizer of which each process keeps what belongs to an equal share of the weights (ZeRO, Rajbhandari 2020,
    arXiv:1910.02054, stage 1).

    make: an optimizer of a list with one long vector. It has to treat all numbers alike, each by itself, as SGD, Adam and AdamW
        do; one that looks at matrices (Muon) would see none.
    own: parameters that this process alone has, such as those of `ShardedExperts`: all that moves them has come here, as a sum
        over the processes' losses.

    A step takes the mean of all processes' gradients, moves this process's share of the weights, and hands it to the others.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        make: Callable[[list[Tensor]], AnyOptimizer],
        own: Iterable[nn.Parameter] = (),
    ) -> None:
        kept = list(own)
        alone = set(map(id, kept))
        self.parameters = [p for p in parameters if id(p) not in alone]
        if not self.parameters:
            raise SpaceError("no parameters to share out among the processes: every one is this process's own")
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self.count = sum(p.numel() for p in self.parameters)
        self.length = -(-self.count // self.world)
        start = self.rank * self.length
        self.share = nn.Parameter(
            self._flat([p.detach() for p in self.parameters])[start : start + self.length].clone()
        )
        self.inner = make([self.share])
        self.others = make(list(kept)) if kept else None
        self.kept = kept

    @torch.no_grad()
    def step(self) -> None:
        """Gradients of every process to the weights of every process."""
        gradient = self._flat([torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters])
        dist.all_reduce(gradient)
        start = self.rank * self.length
        self.share.grad = gradient[start : start + self.length] / self.world
        self.inner.step()
        if self.others is not None:
            for parameter in self.kept:
                if parameter.grad is not None:
                    parameter.grad /= self.world
            self.others.step()
        gathered = [torch.empty_like(self.share) for _ in range(self.world)]
        dist.all_gather(gathered, self.share.detach())
        for parameter, new in zip(self.parameters, self._parts(torch.cat(gathered)), strict=True):
            parameter.copy_(new)

    def zero_grad(self) -> None:
        for parameter in (*self.parameters, *self.kept):
            parameter.grad = None

    def numbers(self) -> int:
        """How many numbers this process remembers of the weights that are shared out."""
        kept = [value for state in self.inner.state.values() for value in state.values() if isinstance(value, Tensor)]
        return sum(value.numel() for value in kept if value.shape == self.share.shape)

    def _flat(self, tensors: Sequence[Tensor]) -> Tensor:
        """All of them as one vector, with zeros up to a multiple of the processes."""
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        return torch.nn.functional.pad(flat, (0, self.length * self.world - self.count))

    def _parts(self, flat: Tensor) -> list[Tensor]:
        parts = flat[: self.count].split([p.numel() for p in self.parameters])
        return [part.view_as(p) for part, p in zip(parts, self.parameters, strict=True)]


class ShardedExperts(nn.Module):
    """Experts of which each process keeps an equal share: rows travel to the expert that they chose, and back (GShard,
    Lepikhin 2021, arXiv:2006.16668). No row is dropped, however many choose one expert.

    experts: all of them, the same in every process; this one keeps numbers rank * share and following.
    """

    def __init__(self, experts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.world, self.count = dist.get_world_size(), len(experts)
        if self.count % self.world or not experts:
            raise SpaceError(
                f"{self.count} experts on {self.world} processes: give a multiple of {self.world}, so that each keeps as many"
            )
        self.each = self.count // self.world
        self.first = dist.get_rank() * self.each
        self.experts = nn.ModuleList(experts[self.first : self.first + self.each])

    def forward(self, x: Tensor, chosen: Tensor) -> Tensor:
        """x: rows, n d. chosen: the number of each row's expert, n, from 0 on. Gives n out, in the order of x."""
        if chosen.numel() and not 0 <= int(chosen.min()) <= int(chosen.max()) < self.count:
            raise ValueError(
                f"experts {int(chosen.min())} to {int(chosen.max())} are chosen, and there are {self.count}, from 0 on"
            )
        order = chosen.argsort(stable=True)
        sent = torch.bincount(chosen, minlength=self.count).view(self.world, self.each)
        taken = torch.empty_like(sent)
        dist.all_to_all_single(taken, sent)
        going, coming = sent.sum(1).tolist(), taken.sum(1).tolist()
        here: Tensor = _Exchange.apply(x[order], going, coming)
        expert = torch.arange(self.each).repeat(self.world).repeat_interleave(taken.flatten())
        back = expert.argsort(stable=True)
        # an expert that nobody chose runs on no rows, so that it has gradients, of zeros, like the others
        found = torch.cat([run(here[expert == i]) for i, run in enumerate(self.experts)])
        done: Tensor = _Exchange.apply(found[back.argsort()], coming, going)
        return done[order.argsort()]


class _Exchange(torch.autograd.Function):
    """Rows to the processes that they belong to; their gradients come back the same way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, going: list[int], coming: list[int]) -> Tensor:
        ctx.going, ctx.coming = going, coming
        return _exchanged(x, going, coming)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return _exchanged(gradients[0], ctx.coming, ctx.going), None, None


def _exchanged(x: Tensor, going: list[int], coming: list[int]) -> Tensor:
    taken = x.new_empty(sum(coming), *x.shape[1:])
    dist.all_to_all_single(taken, x.contiguous(), coming, going)
    return taken
