"""Weights, gradients and what an optimizer keeps, shared out among processes, and kept in files where memory is too small.

    shards = fully_shard(network, folder="/scratch")       # in each process, after torch.distributed.init_process_group
    optimizer = shards.optimizer(torch.optim.AdamW, lr=1e-3)
    loss(network(x), y).backward()                         # each process has its part of the batch; gradients are the mean's
    optimizer.step()

Each process holds an equal part of every layer (ZeRO stage 3, Rajbhandari et al. 2020, arXiv:1910.02054), by PyTorch's
`fully_shard`: a layer is whole only while it computes. With a folder, that part and its moments are in files, read ahead of
the layer that needs them, and in memory only meanwhile (ZeRO-Infinity, Rajbhandari et al. 2021, arXiv:2104.07857, whose
tiling of single operators is not done here). The files have no name, so they go with the process, however that ends.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nasmyth.errors import NasmythError
from nasmyth.train.host import return_freed_memory


class Mapped:
    """The memory of a tensor as a file without a name, of a folder."""

    def __init__(self, tensor: Tensor, folder: Path) -> None:
        size = tensor.numel() * tensor.element_size()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(size)
            self._pages = mmap.mmap(file.fileno(), size)
        self.tensor = torch.frombuffer(self._pages, dtype=tensor.dtype).view(tensor.shape).copy_(tensor)

    def leave(self) -> None:
        """Take it out of memory; it comes back when it is touched."""
        self._pages.madvise(mmap.MADV_DONTNEED)

    def come(self) -> None:
        """Begin to read it."""
        self._pages.madvise(mmap.MADV_WILLNEED)


class Shards:
    """What one process holds of a network; made by `fully_shard`."""

    def __init__(self, network: nn.Module, folder: Path | None) -> None:
        self.network, self.folder = network, folder
        self._files: dict[str, list[Mapped]] = {}
        """By the name of a parameter: its part, then what an optimizer keeps of it."""

    def optimizer(self, make: Callable[..., torch.optim.Optimizer], **settings: Any) -> ShardedOptimizer:
        """One whose state is where the weights are. make: such as `torch.optim.AdamW`, which treats each number by itself."""
        return ShardedOptimizer(self, lambda parameters: make(parameters, **settings))

    def state_dict(self) -> dict[str, Tensor]:
        """The whole weights, in every process; all of them have to ask."""
        return {name: tensor.full_tensor() if _shared(tensor) else tensor
                for name, tensor in self.network.state_dict().items()}  # fmt: skip

    def filed(self, name: str, tensor: Any) -> Any:
        """A distributed tensor whose part is in a file, as one that belongs to a parameter."""
        from torch.distributed.tensor import DTensor

        part = tensor.to_local()
        if self.folder is None or not part.numel():
            return tensor
        file = Mapped(part.detach(), self.folder)
        file.leave()
        self._files.setdefault(name, []).append(file)
        return DTensor.from_local(
            file.tensor,
            tensor.device_mesh,
            tensor.placements,
            run_check=False,
            shape=tensor.shape,
            stride=tensor.stride(),
        )

    def leave(self, names: Iterable[str]) -> None:
        """Take what belongs to these parameters out of memory."""
        for file in (file for name in names for file in self._files.get(name, ())):
            file.leave()

    def come(self, names: Iterable[str]) -> None:
        """Begin to read these parameters."""
        for file in (file for name in names for file in self._files.get(name, ())[:1]):
            file.come()


class ShardedOptimizer:
    """Takes its step a parameter at a time, so that no more than one and what is kept of it have to be in memory."""

    def __init__(self, shards: Shards, make: Callable[[list[Tensor]], torch.optim.Optimizer]) -> None:
        self.shards = shards
        self.each = {name: (parameter, make([parameter])) for name, parameter in shards.network.named_parameters()}

    def step(self) -> None:
        """Along the gradients, which are forgotten then."""
        for name, (parameter, optimizer) in self.each.items():
            fresh = not optimizer.state.get(parameter)
            optimizer.step()
            optimizer.zero_grad()
            if fresh:
                state: dict[str, Any] = optimizer.state[parameter]
                state |= {what: self.shards.filed(name, kept) for what, kept in state.items() if _shared(kept)}
            self.shards.leave([name])


def fully_shard(network: nn.Module, folder: str | Path | None = None, group: Any = None) -> Shards:
    """Share a network out, in place: each child that has weights is a layer, and whole only while it computes.

    All processes need equal weights. folder: for files of this process's part; weights whose first axis is no multiple of the
    processes stay in memory. Raises NasmythError before `init_process_group`, or if there is no such folder.
    """
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.fsdp import fully_shard as shard

    group = group or (dist.group.WORLD if dist.is_initialized() else None)
    if group is None:
        raise NasmythError(
            "fully_shard(): there is no group of processes: call torch.distributed.init_process_group first"
        )
    if folder is not None and not Path(folder).is_dir():
        raise NasmythError(f"fully_shard(): {folder} is no folder; make it, or name another one")
    return_freed_memory()
    kind = next(network.parameters()).device.type
    mesh = DeviceMesh.from_group(group, kind)
    layers = {name: child for name, child in network.named_children() if any(True for _ in child.parameters())}
    for layer in (*layers.values(), network):
        shard(layer, mesh=mesh)
    shards = Shards(network, None if folder is None else Path(folder))
    if folder is not None:
        _into_files(shards, layers, mesh.size())
    return shards


def _into_files(shards: Shards, layers: dict[str, nn.Module], processes: int) -> None:
    """Move weights, and have those of each layer read while the layer before it computes."""
    held = {name: shards.filed(name, tensor) if _shared(tensor) and tensor.shape[0] % processes == 0 else tensor
            for name, tensor in shards.network.state_dict().items()}  # fmt: skip
    shards.network.load_state_dict(held, assign=True)
    names = {name: [f"{name}.{inner}" for inner, _ in layer.named_parameters()] for name, layer in layers.items()}
    for name, layer in layers.items():
        layer.register_forward_hook(lambda *_, own=names[name]: shards.leave(own))
    for before, after in pairwise(layers):
        layers[before].register_forward_pre_hook(lambda *_, next=names[after]: shards.come(next))


def _shared(tensor: Any) -> bool:
    """Whether it is shared out."""
    return hasattr(tensor, "full_tensor")
