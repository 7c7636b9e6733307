"""Weights shared out among real processes and kept in files: the training is that of one process."""

import copy
from pathlib import Path

import pytest
import torch
from processes import in_processes

from nasmyth import Graph, chain, ops
from nasmyth.errors import NasmythError
from nasmyth.network import build
from nasmyth.train.parallel import fully_shard

BATCH, STEPS = 8, 4


def network():
    """Layers that divide among the processes, and a head of three that does not."""
    layers = chain(
        one=ops.Linear(16), act=ops.Activation("gelu"), norm=ops.LayerNorm(), two=ops.Linear(8), head=ops.Linear(3)
    )
    return build(Graph.of(layers, input=(12,)), seed=1)


def batches():
    generator = torch.Generator().manual_seed(2)
    return [
        (torch.randn(BATCH, 12, generator=generator), torch.randn(BATCH, 3, generator=generator)) for _ in range(STEPS)
    ]


def loss_of(made, x, y):
    return (made(x) - y).square().mean()


def work(rank, processes, folder):
    """What one process checks, against the whole network on whole batches."""
    with pytest.raises(NasmythError, match="nowhere is no folder; make it"):
        fully_shard(network(), "nowhere")
    whole = network()
    shards = fully_shard(copy.deepcopy(whole), folder)
    optimizer, truth = shards.optimizer(torch.optim.AdamW, lr=1e-2), torch.optim.AdamW(whole.parameters(), lr=1e-2)
    for x, y in batches():
        loss_of(shards.network, x.chunk(processes)[rank], y.chunk(processes)[rank]).backward()
        optimizer.step()
        truth.zero_grad()
        loss_of(whole, x, y).backward()
        truth.step()
    weights, wanted = shards.state_dict(), whole.state_dict()
    assert weights.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.allclose(weights[name], tensor, atol=1e-6), name
    held = sum(p.to_local().numel() for p in shards.network.parameters())
    assert held <= sum(p.numel() for p in whole.parameters()) / processes + 3 * 8 + 3
    assert bool(folder) == (str(folder) in Path("/proc/self/maps").read_text())


@pytest.mark.parametrize(("processes", "filed"), [(2, True), (4, False)])
def test_processes_train_as_one_does(processes, filed, tmp_path):
    in_processes(work, processes, tmp_path if filed else None)
    assert not list(tmp_path.iterdir())


def test_there_has_to_be_a_group():
    with pytest.raises(NasmythError, match="init_process_group first"):
        fully_shard(network())
