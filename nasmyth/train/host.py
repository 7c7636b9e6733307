"""The machine a training runs on: devices, precision (by Lightning Fabric), order in memory, seeds, the memory allocator."""

from __future__ import annotations

import ctypes
import functools
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nasmyth.errors import UnitError
from nasmyth.network.pipeline import device_of
from nasmyth.train.precision import halves

if TYPE_CHECKING:
    from lightning_fabric import Fabric

DEVICES = re.compile(r"(?P<kind>auto|cpu|cuda|mps)(:(?P<which>\d+(,\d+)*)|\*(?P<count>\d+))?")
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h: free memory at which the heap shrinks, and the size from which on
a block has pages of its own. Setting one of them ends that glibc adapts both."""


def open_fabric(device: str = "auto", precision: str = "32", network: nn.Module | None = None) -> Fabric:
    """A Fabric for "auto" (one GPU if there is one), "cpu", "cuda", "cuda:1", "cuda:0,1" or "cuda*4" (data-parallel).

    Raises UnitError for other text. A device that is not there is refused by Fabric, which names it.
    """
    found = DEVICES.fullmatch(device)
    if found is None:
        raise UnitError(f"device {device!r}: use 'auto', 'cpu', 'cuda', 'cuda:1', 'cuda:0,1' or 'cuda*2'")
    from lightning_fabric import Fabric  # late: the import takes 2.6 s

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would tell the precision of every training
    devices: int | list[int] = int(found["count"] or 1)
    if found["which"]:
        devices = [int(i) for i in found["which"].split(",")]
        if found["kind"] == "cpu":
            raise UnitError(f"device {device!r}: CPUs have no numbers; use 'cpu', or 'cpu*2' for two processes")
    many = devices > 1 if isinstance(devices, int) else len(devices) > 1
    kind = _accelerator() if found["kind"] == "auto" else found["kind"]
    return Fabric(
        accelerator=kind,
        devices=devices,
        strategy="ddp_spawn" if many else "auto",
        precision="bf16-mixed" if halves(precision, kind, network) else "32-true",
    )


def _accelerator() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep freed memory instead of giving it back to the system, for this process.

    A training step frees and asks for the same few hundred megabytes of activations again; without this each step
    gives them back and has them zeroed page by page anew: a fifth of the time of a small convolutional network. The
    peak of memory stays as it is; `release_memory` gives back what is free. Elsewhere than on glibc, does nothing.
    """
    _mallopt((TRIM_THRESHOLD, 2**31 - 1), (MMAP_THRESHOLD, 2**30))  # do not shrink the heap; have all blocks in it


def return_freed_memory() -> None:
    """Let glibc give blocks of a megabyte and more back to the system as soon as they are freed, for this process.

    Left alone it keeps them from the first that is freed on, and of what is whole for a moment only most stays: of a network
    shared out between two processes each held 1.6 times what one process needs, where it needs 0.55 (with steps that take a
    fifth longer). Elsewhere than on glibc, does nothing.
    """
    _mallopt((TRIM_THRESHOLD, 2**17), (MMAP_THRESHOLD, 2**20))
    release_memory()


def _mallopt(*settings: tuple[int, int]) -> None:
    if sys.platform == "linux":
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except (OSError, AttributeError):
            return
        for parameter, value in settings:
            mallopt(parameter, value)


def release_memory() -> None:
    """Give free memory back to the system, where the allocator can (glibc)."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):
            return


def memory_format(inputs: Any) -> torch.memory_format:
    """How weights and batches lie in memory: images as N H W C, for faster convolutions on CPUs and on tensor cores."""
    shape = getattr(inputs, "shape", ())
    images = len(shape) == 3 and all(type(n) is int for n in shape)
    return torch.channels_last if images else torch.contiguous_format


def arranged(x: Any, format: torch.memory_format) -> Any:
    """Prepared input, a tensor or a tuple of them, in the memory format where it has the axes for it."""
    if isinstance(x, tuple):
        return tuple(arranged(part, format) for part in x)
    if not isinstance(x, Tensor):
        return x
    return x.contiguous(memory_format=format if x.ndim == 4 else torch.contiguous_format)


@contextmanager
def visiting(network: nn.Module) -> Iterator[None]:
    """Inside, a network may be moved and its modes set; after, it is where it was, each part in the mode it had."""
    home = device_of(network)
    modes = [(module, module.training) for module in network.modules()]
    keep_freed_memory()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        network.to(home, memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # of all that can be given
        release_memory()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, torch's global random numbers (dropout) follow from the seed; after, they are as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        with _repeatable(device):
            yield


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Inside, cuDNN picks kernels that give the same result each time."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before


def compiled(module: torch.nn.Module) -> torch.nn.Module:
    """The module through torch.compile; as it is, with a warning, on a machine without a working compiler."""
    try:
        probe = torch.compile(torch.nn.ReLU())
        probe(torch.zeros(2))
    except Exception as error:  # torch.compile fails in as many ways as there are missing tools
        warnings.warn(f"torch.compile does not work here ({type(error).__name__}): training without it", stacklevel=2)
        return module
    return torch.compile(module)  # type: ignore[return-value]
