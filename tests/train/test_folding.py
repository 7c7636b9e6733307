"""Heads shared out among two processes and experts among all: loss and gradients are those of one process."""

import copy

import pytest
import torch
import torch.distributed as dist
from processes import in_processes

from nasmyth import Graph, chain, ops, residual
from nasmyth.errors import NasmythError
from nasmyth.network import build
from nasmyth.train.parallel.experts import planned_bytes
from nasmyth.train.parallel.folding import FoldedExperts, ParallelAttention, fold

BATCH, L, D = 8, 6, 8
MIXTURES = {"none dropped": ops.MixtureOfExperts(4, 2, 3), "some dropped": ops.MixtureOfExperts(4, 2, 3, capacity=0.5)}


def network(mixture, causal):
    body = chain(
        inner=ops.Linear(D),
        attend=residual(ops.Attention(4, causal=causal)),
        mix=mixture,
        norm=ops.LayerNorm(),
        head=ops.Linear(2),
    )
    made = build(Graph.of(body, input=(L, D)), seed=1)
    return made, torch.randn(BATCH, L, D, generator=torch.Generator().manual_seed(2))


def loss_of(made, x):
    return made(x).square().mean()


def whole_of(gradients):
    """The gradients of a whole attention, from those of the heads of each process, in the order of the whole."""
    found = {}
    for name, sizes in {"qkv.weight": (3, -1, D), "qkv.bias": (3, -1), "out.weight": (D, -1)}.items():
        found[name] = torch.cat([gradient[name].view(sizes) for gradient in gradients], 1).flatten(0, len(sizes) - 2)
    return found


def work(rank, processes):
    """What one process checks, against the whole network on the whole batch."""
    for name, mixture in MIXTURES.items():
        whole, x = network(mixture, causal=name == "some dropped")
        folded = copy.deepcopy(whole)
        folding = fold(folded, tensor=2)
        assert (folding.parts, folding.part) == (processes // 2, rank // 2)
        attention = next(m for m in folded.modules() if isinstance(m, ParallelAttention))
        experts = next(m for m in folded.modules() if isinstance(m, FoldedExperts))
        assert attention.heads == 2 and experts.held == 4 // processes
        loss, wanted = loss_of(folded, x.chunk(folding.parts)[folding.part]), loss_of(whole, x)
        loss.backward()
        wanted.backward()
        folding.average_gradients()
        if mixture.capacity is not None:
            assert experts.bytes_sent == planned_bytes(mixture, BATCH // folding.parts // 2, L, D, processes)
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        assert torch.allclose(mean / processes, wanted.detach(), atol=1e-5), name
        truth = {key: parameter.grad for key, parameter in whole.named_parameters()}
        gathered = [None, None]
        dist.all_gather_object(gathered, {k: p.grad for k, p in attention.named_parameters()}, group=folding.tensor)
        prefix = next(key for key in truth if key.endswith("qkv.weight")).removesuffix("qkv.weight")
        for key, gradient in whole_of(gathered).items():
            assert torch.allclose(gradient, truth[prefix + key].reshape(gradient.shape), atol=1e-5), (name, key)
        held = slice(rank * experts.held, (rank + 1) * experts.held)
        for key, parameter in folded.named_parameters():
            if key.startswith(prefix) and key != f"{prefix}out.bias":
                continue
            gradient = truth[key][held] if ".up." in key or ".down." in key else truth[key]
            assert torch.allclose(parameter.grad, gradient, atol=1e-5), (name, key)
    with pytest.raises(NasmythError, match="3 examples cannot be shared out"):
        folded(x[:3])
    with pytest.raises(NasmythError, match=f"{processes} processes do not fall into groups of 3"):
        fold(copy.deepcopy(whole), tensor=3)


def test_four_processes_do_what_one_does():
    in_processes(work, 4)
