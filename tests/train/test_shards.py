"""Shards: what several processes learn together is what one learns alone, and each keeps its share."""

import socket
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.train.shards import ShardedExperts, ShardedOptimizer

D, EXPERTS, ROWS, STEPS = 6, 4, 24, 4


class Mixture(nn.Module):
    """A dense layer, and after it for each row the expert that a gate prefers, weighted by the gate."""

    def __init__(self, experts):
        super().__init__()
        self.dense, self.gate, self.experts = nn.Linear(D, D), nn.Linear(D, EXPERTS), experts

    def forward(self, x):
        h = self.dense(x)
        weight, chosen = self.gate(h).softmax(1).max(1)
        return weight[:, None] * self.experts(h, chosen)


class AllExperts(nn.Module):
    """The experts in one process, each on the rows that chose it."""

    def __init__(self, experts):
        super().__init__()
        self.experts = nn.ModuleList(experts)

    def forward(self, x, chosen):
        found = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            found[chosen == i] = expert(x[chosen == i])
        return found


def experts():
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(D, 5), nn.Tanh(), nn.Linear(5, D)) for _ in range(EXPERTS)]


def network(spread):
    made = experts()
    torch.manual_seed(1)
    return Mixture(spread(made))


def data():
    generator = torch.Generator().manual_seed(2)
    return torch.randn(STEPS, ROWS, D, generator=generator), torch.randn(STEPS, ROWS, D, generator=generator)


def adam(share):
    return torch.optim.AdamW(share, lr=1e-2)


def together(rank, world, port, folder):
    """One of several processes: its share of every batch."""
    torch.set_num_threads(1)
    store = dist.TCPStore("127.0.0.1", port, world, rank == 0, timedelta(seconds=120))
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world)
    net = network(ShardedExperts)
    own = list(net.experts.parameters())
    optimizer = ShardedOptimizer(net.parameters(), adam, own=own)
    losses = []
    for x, y in zip(*data(), strict=True):
        loss = (net(x[rank::world]) - y[rank::world]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total = loss.detach().clone()
        dist.all_reduce(total)
        losses.append(float(total) / world)
    nobody = net.experts(torch.zeros(0, D), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(SpaceError, match=f"give a multiple of {world}"):
        ShardedExperts(experts()[: world - 1])
    with pytest.raises(SpaceError, match="no parameters to share out"):
        ShardedOptimizer(own, adam, own=own)
    with pytest.raises(ValueError, match="experts 0 to 4 are chosen, and there are 4"):
        net.experts(torch.zeros(2, D), torch.tensor([0, 4]))
    weights = {name: weight.detach() for name, weight in net.named_parameters()}
    torch.save((losses, weights, optimizer.numbers(), tuple(nobody.shape)), folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def alone():
    net, losses = network(AllExperts), []
    optimizer = adam(net.parameters())
    for x, y in zip(*data(), strict=True):
        loss = (net(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses, {name: weight.detach() for name, weight in net.named_parameters()}


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python warns of threads, and these have none
@pytest.mark.parametrize("world", [2, 4])
def test_several_processes_learn_what_one_learns(world, tmp_path):
    mp.start_processes(together, (world, free_port(), tmp_path), nprocs=world, start_method="fork")
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(world)]
    losses, weights = alone()
    dense = sum(weight.numel() for name, weight in weights.items() if not name.startswith("experts"))
    for rank, (got, mine, numbers, nobody) in enumerate(found):
        assert got == pytest.approx(losses, abs=1e-5)
        for name, weight in mine.items():
            if name.startswith("experts"):
                _, _, number, *rest = name.split(".")
                name = ".".join(["experts", "experts", str(int(number) + rank * EXPERTS // world), *rest])
            assert float((weight - weights[name]).abs().max()) <= 1e-5, name
        assert numbers == 2 * -(-dense // world)  # two moments of its share
        assert nobody == (0, D)
