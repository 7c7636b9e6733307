"""Groups of real processes on this machine."""

import os
import socket

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def in_processes(work, processes, *given):
    """Run `work(rank, processes, *given)` in each process of a group."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_one, (work, processes, port, given), nprocs=processes)


def _one(rank, work, processes, port, given):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=processes)
    work(rank, processes, *given)
    dist.barrier()  # who is ready first would take the connections of the others with it
    dist.destroy_process_group()
