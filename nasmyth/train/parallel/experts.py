"""Experts shared out among processes: each holds some of them, and places travel to the experts that they chose.

    share_experts(network)                  # in each process of a group, after torch.distributed.init_process_group
    loss(network(x), y).backward()          # each process has its part of the batch
    average_gradients(network)              # now they are those of the mean loss over all parts

All other layers are replicated, so the same processes are a data-parallel group for attention and an expert-parallel one for
mixtures (MoE Parallel Folding, Liu et al. 2025, arXiv:2504.14960). With a capacity each expert gets as many rows of every
process; without drops the processes first tell each other how many come.
"""

from __future__ import annotations

import copy
import math
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nasmyth.errors import NasmythError
from nasmyth.ops import MixtureOfExperts

_Mixture: Any = cast(Any, MixtureOfExperts).module


class _Exchange(torch.autograd.Function):
    """Rows to their processes, and their gradients back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sent: list[int], received: list[int], layer: ParallelExperts) -> Tensor:
        ctx.way = sent, received, layer
        return layer.exchanged(rows, sent, received)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        sent, received, layer = ctx.way
        return layer.exchanged(gradients[0], received, sent), None, None, None


class ParallelExperts(_Mixture):
    """A mixture of experts of which this process holds its share. `bytes_sent` counts what went to other processes."""

    def __init__(self, whole: Any, group: Any = None) -> None:
        nn.Module.__init__(self)
        self.__dict__.update({name: value for name, value in vars(whole).items() if not name.startswith("_")})
        self.group, self.processes, self.rank = group, dist.get_world_size(group), dist.get_rank(group)
        if self.experts % self.processes or len(whole.up) > 1:
            raise NasmythError(
                f"share_experts(): {self.experts} experts in {len(whole.up)} generation(s) cannot be shared out evenly among "
                f"{self.processes} processes: take a multiple of it, in one generation"
            )
        self.held = self.experts // self.processes
        self.bytes_sent = 0
        self.train(whole.training)
        mine = slice(self.rank * self.held, (self.rank + 1) * self.held)
        self.gate = copy.deepcopy(whole.gate)
        self.up, self.down = (
            nn.ParameterList([nn.Parameter(weights[0].detach()[mine].clone(), weights[0].requires_grad)])
            for weights in (whole.up, whole.down)
        )

    def exchanged(self, rows: Tensor, sent: list[int], received: list[int]) -> Tensor:
        arrived = rows.new_empty(sum(received), *rows.shape[1:])
        dist.all_to_all_single(arrived, rows.contiguous(), received, sent, group=self.group)
        numbers = math.prod(rows.shape[1:]) * (sum(sent) - sent[self.rank])
        self.bytes_sent += numbers * rows.element_size()
        return arrived

    def by_expert(self, rows: Tensor, sizes: list[int]) -> Tensor:
        told = self.exchanged(torch.tensor(sizes), [self.held] * self.processes, [self.held] * self.processes)
        counts = told.view(self.processes, self.held)
        sent = [sum(sizes[i : i + self.held]) for i in range(0, self.experts, self.held)]
        received = counts.sum(1).tolist()
        arrived = _Exchange.apply(rows, sent, received, self)
        order = torch.arange(self.held).repeat(self.processes).repeat_interleave(counts.flatten()).argsort(stable=True)
        made = super().by_expert(arrived.index_select(0, order), counts.sum(0).tolist())
        back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order)))
        return _Exchange.apply(made.index_select(0, back), received, sent, self)

    def by_equal_shares(self, rows: Tensor) -> Tensor:
        each = [self.held] * self.processes
        arrived = _Exchange.apply(rows, each, each, self).unflatten(
            0, (self.processes, -1)
        )  # of each process, its rows
        made = super().by_equal_shares(arrived.transpose(0, 1).flatten(1, 2))
        made = made.unflatten(1, (self.processes, -1)).transpose(0, 1).flatten(0, 1)
        return _Exchange.apply(made, each, each, self)


def share_experts(network: nn.Module, group: Any = None) -> list[ParallelExperts]:
    """Put this process's share in the place of each mixture of experts; gives the shares. All processes need equal weights.

    Raises NasmythError where experts cannot be shared out evenly, or there are none.
    """
    shares = []
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _Mixture):
                share = ParallelExperts(child, group)
                setattr(parent, name, share)
                shares.append(share)
    if not shares:
        raise NasmythError("share_experts(): this network has no MixtureOfExperts inside")
    return shares


def average_gradients(network: nn.Module, group: Any = None) -> None:
    """Gradients of the mean loss over all processes, of equal parts of a batch: sums that travelled are divided, others
    averaged."""
    own = {id(p) for m in network.modules() if isinstance(m, ParallelExperts) for p in (*m.up, *m.down)}
    for parameter in network.parameters():
        if parameter.grad is not None:
            if id(parameter) not in own:
                dist.all_reduce(parameter.grad, group=group)
            parameter.grad /= dist.get_world_size(group)


def planned_bytes(mixture: Any, batch: int, length: int, d: int, processes: int, item: int = 4) -> int:
    """Bytes that a process sends to others in a training step of a layer: there and back, and the gradients likewise.

    batch: that of a process. With a capacity, or where experts choose, it is exact; without drops, what choices that are
    spread evenly send, and the counts.
    """
    share = (processes - 1) / processes
    if mixture.capacity is None and mixture.routing == "places":
        rows, told = batch * length * mixture.k, 8 * mixture.experts * share
    else:
        room = math.ceil((mixture.capacity or 1.0) * length * mixture.k / mixture.experts)
        rows, told = batch * mixture.experts * min(length, room), 0.0
    return round(4 * rows * share * d * item + told)
