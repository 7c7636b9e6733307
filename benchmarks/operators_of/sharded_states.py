"""A network shared out between two processes and kept in files: the weights of one process, in how much memory, how fast?

Twelve linear layers 2,048 wide with ReLU between them (50 million weights), trained by AdamW (eps 1e-3), four steps on sixteen
examples: in one process; in two, each of which holds half of every layer (ZeRO, Rajbhandari 2020, arXiv:1910.02054); and in
two whose halves are in files (ZeRO-Infinity, Rajbhandari 2021, arXiv:2104.07857). Memory is the most that was resident in a
process, less what was before the network was built. A cap limits its data (RLIMIT_DATA) to 2.6 times the weights' bytes above
that; one process needs four. Target: weights equal to 1e-6, memory of a process at most 0.6 of that of one, and it trains
under the cap; the slowdown is told.
"""

from __future__ import annotations

import os
import resource
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from nasmyth import Graph, chain, ops
from nasmyth.network import build
from nasmyth.train.parallel import fully_shard
from operators_of import spread

LAYERS, WIDTH, BATCH, STEPS = 12, 2048, 16, 4
WAYS = {"one process": (1, False), "two, in memory": (2, False), "two, in files": (2, True)}
CAP = 2.6


def table(seeds: range) -> Iterator[str]:
    yield f"{'way':<18}{'memory of a process':<22}{'of that of one':<18}{'seconds a step':<20}largest difference of a weight"
    truths: dict[int, Any] = {}
    for name, (processes, filed) in WAYS.items():
        runs = {seed: trained(processes, filed, seed) for seed in seeds}
        truths = truths or runs
        memory, took = ([run[what] for run in runs.values()] for what in ("memory", "seconds"))
        shares = [run["memory"] / truths[seed]["memory"] for seed, run in runs.items()]
        apart = max(difference(run["weights"], truths[seed]["weights"]) for seed, run in runs.items())
        yield f"{name:<18}{spread([m / 1e6 for m in memory], 0) + ' MB':<22}{spread(shares):<18}{spread(took):<20}{apart:.1e}"
    yield ""
    for name, (processes, filed) in WAYS.items():
        told = trained(processes, filed, seeds[0], CAP)
        yield f"under a cap of {CAP} times the weights' bytes: {name} {'trains' if told else 'runs out of memory'}"


def difference(weights: dict[str, Tensor], others: dict[str, Tensor]) -> float:
    return max(float((tensor - others[name]).abs().max()) for name, tensor in weights.items())


def trained(processes: int, filed: bool, seed: int, cap: float | None = None) -> Any:
    """What the first process tells; None if memory ran out."""
    with tempfile.TemporaryDirectory(dir=".") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        told = Path(folder) / "told.pt"
        try:
            mp.spawn(work, (processes, port, folder if filed else None, seed, cap, told), nprocs=processes)
        except mp.ProcessRaisedException as error:
            if "memory" not in str(error):
                raise
            return None
        return torch.load(told)


def work(rank: int, processes: int, port: int, folder: str | None, seed: int, cap: float | None, told: Path) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=processes)
    step(nn.Linear(4, 4), None, torch.randn(2, 4), torch.randn(2, 4))  # what the first of all steps loads
    before = told_by_system("VmRSS")
    if cap is not None:
        limit = told_by_system("VmData") + int(cap * 4 * LAYERS * WIDTH * WIDTH)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    network: nn.Module = model(seed)
    if processes > 1:
        shards = fully_shard(network, folder)
        optimizer: Any = shards.optimizer(torch.optim.AdamW, lr=1e-4, eps=1e-3)
    else:
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, eps=1e-3)
    generator, took = torch.Generator().manual_seed(seed), 0.0
    for number in range(STEPS):
        x, y = (torch.randn(BATCH, WIDTH, generator=generator).chunk(processes)[rank] for _ in range(2))
        start = time.perf_counter()
        step(network, optimizer, x, y)
        took += (time.perf_counter() - start) * bool(number)  # the first makes the moments
    most = told_by_system("VmHWM") - before
    weights = shards.state_dict() if processes > 1 else network.state_dict()
    if rank == 0:
        torch.save({"memory": most, "seconds": took / (STEPS - 1), "weights": weights}, told)
    dist.barrier()  # who is ready first would take the connections of the others with it
    dist.destroy_process_group()


def model(seed: int) -> nn.Module:
    layers = [layer for _ in range(LAYERS) for layer in (ops.Linear(WIDTH, bias=False), ops.Activation("relu"))]
    return build(Graph.of(chain(*layers), input=(WIDTH,)), seed)


def step(network: nn.Module, optimizer: Any, x: Tensor, y: Tensor) -> None:
    loss = (network(x) - y).square().mean()
    loss.backward()
    if optimizer is not None:
        optimizer.step()
        network.zero_grad()


def told_by_system(what: str) -> int:
    """Bytes of this process: in memory now (VmRSS) and at most (VmHWM; what `getrusage` tells holds the parent's as well), and
    those that a limit on its data counts (VmData)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024
