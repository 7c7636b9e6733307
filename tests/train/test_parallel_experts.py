"""Experts shared out among real processes: loss, gradients and bytes are those of one process and of the plan."""

import copy

import pytest
import torch
import torch.distributed as dist
from processes import in_processes

from nasmyth import Graph, chain, ops
from nasmyth.errors import NasmythError
from nasmyth.network import build
from nasmyth.train.parallel.experts import average_gradients, planned_bytes, share_experts

BATCH, L, D = 8, 6, 4
MIXTURES = {
    "none dropped": ops.MixtureOfExperts(4, 2, 3),
    "room for all": ops.MixtureOfExperts(4, 2, 3, capacity=2.0),
    "some dropped": ops.MixtureOfExperts(4, 2, 3, capacity=0.5),
    "experts choose": ops.MixtureOfExperts(4, 2, 3, routing="experts"),
}


def network(mixture):
    made = build(Graph.of(chain(inner=ops.Linear(D), mix=mixture, head=ops.Linear(2)), input=(L, D)), seed=1)
    return made, torch.randn(BATCH, L, D, generator=torch.Generator().manual_seed(2))


def loss_of(made, x):
    return made(x).square().mean()


def away(made, x, processes):
    """How many choices of all processes' places are of an expert of another process."""
    best = torch.nn.functional.linear(made.inner(x), made.mix.gate[0]).topk(2, -1).indices
    holder = torch.arange(BATCH).div(BATCH // processes, rounding_mode="floor")[:, None, None]
    return int((best.div(4 // processes, rounding_mode="floor") != holder).sum())


def work(rank, processes):
    """What one process checks, against the whole network on the whole batch."""
    outputs = {}
    for name, mixture in MIXTURES.items():
        whole, x = network(mixture)
        shared = copy.deepcopy(whole)
        (share,) = share_experts(shared)
        mine = x.chunk(processes)[rank]
        loss, wanted = loss_of(shared, mine), loss_of(whole, x)
        loss.backward()
        wanted.backward()
        average_gradients(shared)
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        assert torch.allclose(mean / processes, wanted.detach(), atol=1e-5), name
        held = slice(rank * share.held, (rank + 1) * share.held)
        truth = dict(whole.named_parameters())
        for key, parameter in shared.named_parameters():
            gradient = truth[key].grad[held] if ".up." in key or ".down." in key else truth[key].grad
            assert torch.allclose(parameter.grad, gradient, atol=1e-5), (name, key)
        outputs[name] = shared(mine).detach()
        sent = torch.tensor(share.bytes_sent - forward_bytes(share, mixture, shared, x, processes, rank))
        if name == "none dropped":
            dist.all_reduce(sent)
            assert sent == 4 * 4 * D * away(whole, x, processes) + processes * 8 * 4 * (processes - 1) // processes
        else:
            assert sent == planned_bytes(mixture, BATCH // processes, L, D, processes)
    assert torch.allclose(outputs["none dropped"], outputs["room for all"], atol=1e-6)


def forward_bytes(share, mixture, shared, x, processes, rank):
    """What a forward pass alone sends, measured by one more: the counter held the training step and one of them."""
    before = share.bytes_sent
    with torch.no_grad():
        shared(x.chunk(processes)[rank])
    sent = share.bytes_sent - before
    share.bytes_sent = before
    return sent


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_do_what_one_does(processes):
    in_processes(work, processes)


def test_a_plan_of_even_choices():
    assert planned_bytes(MIXTURES["none dropped"], 4, L, D, 2) == 4 * (4 * L * 2 // 2) * D * 4 + 8 * 2
    assert planned_bytes(MIXTURES["room for all"], 4, L, D, 1) == 0


def test_what_cannot_be_shared_out():
    with pytest.raises(NasmythError, match="has no MixtureOfExperts"):
        share_experts(torch.nn.Linear(2, 2))
