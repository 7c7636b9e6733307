"""Groups of real processes on this machine."""

import multiprocessing
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
    # forked from a process that has imported all this and runs nothing: imports are most of what a fresh one takes
    multiprocessing.set_forkserver_preload(["torch.distributed.fsdp", "nasmyth.train.parallel"])
    mp.start_processes(_one, (work, processes, port, given), nprocs=processes, start_method="forkserver")


def _one(rank, work, processes, port, given):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=processes)
    work(rank, processes, *given)
    dist.barrier()  # who is ready first would take the connections of the others with it
    dist.destroy_process_group()
