"""Two ways of sharing out at once: heads of attention among few processes, experts of mixtures among all of them.

    folding = fold(network, tensor=2)                      # in each of four processes, after init_process_group
    loss(network(x.chunk(folding.parts)[folding.part])).backward()
    folding.average_gradients()                            # now they are those of the mean loss over all parts

`tensor` processes see the same part of the batch and hold some heads of each attention each (Shoeybi et al. 2019,
arXiv:1909.08053, section 3); before a mixture of experts they share its examples out among themselves, so that all processes
are one expert-parallel group (MoE Parallel Folding, Liu et al. 2025, arXiv:2504.14960). Other layers are replicated.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.errors import NasmythError
from nasmyth.ops import Attention, MixtureOfExperts
from nasmyth.train.parallel.experts import ParallelExperts

_Attention: Any = cast(Any, Attention).module
_Mixture: Any = cast(Any, MixtureOfExperts).module


class _Reduced(torch.autograd.Function):
    """The sum over a group; its gradient is that of each term."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        total = x.clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0], None


class _Copied(torch.autograd.Function):
    """The same in each process of a group; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total, group=ctx.group)
        return total, None


class _Shared(torch.autograd.Function):
    """The examples of this process, of those that its group has in common."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return _own(x, group).contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _all(gradients[0], ctx.group), None


class _Gathered(torch.autograd.Function):
    """The examples of all processes of a group."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return _all(x, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _own(gradients[0], ctx.group), None


def _own(x: Tensor, group: Any) -> Tensor:
    return x.chunk(dist.get_world_size(group))[dist.get_rank(group)]


def _all(x: Tensor, group: Any) -> Tensor:
    parts = [torch.empty_like(x) for _ in range(dist.get_world_size(group))]
    dist.all_gather(parts, x.contiguous(), group=group)
    return torch.cat(parts)


class _Summed(nn.Module):
    """The projection behind the heads of this process, summed over those of its group; one bias for all."""

    def __init__(self, weight: Tensor, bias: nn.Parameter | None, group: Any) -> None:
        super().__init__()
        self.weight, self.bias, self.group = nn.Parameter(weight), bias, group

    def forward(self, x: Tensor) -> Tensor:
        total = _Reduced.apply(F.linear(x, self.weight), self.group)
        return total if self.bias is None else total + self.bias


class ParallelAttention(_Attention):
    """Attention of which this process holds some heads."""

    def __init__(self, whole: Any, group: Any) -> None:
        nn.Module.__init__(self)
        processes, rank = dist.get_world_size(group), dist.get_rank(group)
        if whole.heads % processes:
            raise NasmythError(
                f"fold(): {whole.heads} heads cannot be shared out evenly among {processes} processes: take a multiple of it"
            )
        self.group, self.causal, self.heads = group, whole.causal, whole.heads // processes
        self.train(whole.training)

        def mine(tensor: Tensor, axis: int) -> Tensor:
            return tensor.detach().chunk(processes, axis)[rank].clone()

        qkv = whole.qkv.weight.unflatten(0, (3, whole.heads, -1))
        self.qkv = nn.Linear(qkv.shape[-1], 1, whole.qkv.bias is not None)
        self.qkv.weight = nn.Parameter(mine(qkv, 1).flatten(0, 2))
        if whole.qkv.bias is not None:
            self.qkv.bias = nn.Parameter(mine(whole.qkv.bias.unflatten(0, (3, whole.heads, -1)), 1).flatten())
        self.out = _Summed(mine(whole.out.weight, 1), whole.out.bias, group)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(_Copied.apply(x, self.group), mask)


class FoldedExperts(ParallelExperts):
    """Experts shared out among all processes; of the examples that `tensor` processes have in common, each sends its own."""

    def __init__(self, whole: Any, tensor: Any) -> None:
        super().__init__(whole)
        self.tensor = tensor

    def forward(self, x: Tensor, expert: Tensor | None = None) -> Tensor:
        if x.shape[0] % dist.get_world_size(self.tensor):
            raise NasmythError(
                f"fold(): {x.shape[0]} examples cannot be shared out evenly among {dist.get_world_size(self.tensor)} "
                "processes: take a multiple of it"
            )
        given = None if expert is None else _own(expert, self.tensor)
        return _Gathered.apply(super().forward(_Shared.apply(x, self.tensor), given), self.tensor)


class Folding:
    """Which process this is of a network that was folded. parts: into how many the batch falls; part: which is its own."""

    def __init__(self, network: nn.Module, tensor: int) -> None:
        processes, rank = dist.get_world_size(), dist.get_rank()
        if processes % tensor:
            raise NasmythError(f"fold(): {processes} processes do not fall into groups of {tensor}")
        self.network, self.parts, self.part = network, processes // tensor, rank // tensor
        together = [list(range(i, i + tensor)) for i in range(0, processes, tensor)]
        apart = [list(range(i, processes, tensor)) for i in range(tensor)]
        # every process makes all groups, in one order
        self.tensor = [dist.new_group(ranks) for ranks in together][self.part]
        self.data = [dist.new_group(ranks) for ranks in apart][rank % tensor]

    def average_gradients(self) -> None:
        """Gradients of the mean loss over all parts of a batch, which are equally large."""
        mixtures = [m for m in self.network.modules() if isinstance(m, FoldedExperts)]
        experts = {id(p) for m in mixtures for p in (*m.up, *m.down)}
        gates = {id(p) for m in mixtures for p in m.gate}
        for parameter in self.network.parameters():
            if parameter.grad is None:
                continue
            if id(parameter) not in experts:  # of an expert, all processes' places are in it already
                dist.all_reduce(parameter.grad, group=None if id(parameter) in gates else self.data)
            parameter.grad /= self.parts


def fold(network: nn.Module, tensor: int) -> Folding:
    """Put this process's heads and experts in the place of each `Attention` and `MixtureOfExperts`. All processes need equal
    weights.

    tensor: so many processes share the heads; it divides their number, the heads, and the examples of a part. Raises
    NasmythError where it does not.
    """
    folding = Folding(network, tensor)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _Attention):
                setattr(parent, name, ParallelAttention(child, folding.tensor))
            elif isinstance(child, _Mixture):
                setattr(parent, name, FoldedExperts(child, folding.tensor))
    return folding
