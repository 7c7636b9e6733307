"""Where a study ran: enough to judge a timing and to repeat the run, and nothing about who ran it."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

from nasmyth.units import is_whole

PACKAGES = ("torch", "numpy", "lightning-fabric", "onnxruntime", "scikit-learn", "sqlalchemy", "msgspec", "ray")


def environment() -> dict[str, Any]:
    """Versions, processor, cores, memory (bytes) and thread settings. Imports nothing heavy; the unknown is None."""
    return {
        "python": platform.python_version(),
        "nasmyth": version("nasmyth"),
        "torch": version("torch"),
        "packages": {name: found for name in PACKAGES if (found := version(name))},
        "platform": platform.platform(terse=True),
        "machine": platform.machine(),
        "cpu": cpu(),
        "cores": cores(),
        "memory": memory(),
        "threads": threads(),
    }


def version(package: str) -> str | None:
    """The installed version, read from its metadata."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def cpu() -> str | None:
    """The model name of the processor."""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith(("model name", "Model", "Hardware")):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or None


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


CONTAINERS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Where Linux says what the processes of a container may use together, and what they do: version 2, version 1."""


def memory() -> int | None:
    """Bytes of memory that this process may use: the machine's, or its container's if that is less."""
    found = [_bytes_in(limit) for limit, _ in CONTAINERS]
    try:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        pass
    return min((one for one in found if one is not None), default=None)


def free_memory() -> int:
    """Bytes of memory that can be had now, on the machine and in its container; half of all where the system does not tell."""
    found = [_available()]
    for limit, used in CONTAINERS:
        both = _bytes_in(limit), _bytes_in(used)
        if both[0] is not None and both[1] is not None:
            found.append(max(0, both[0] - both[1]))
    known = [one for one in found if one is not None]
    return min(known) if known else (memory() or 8 * 2**30) // 2


def _bytes_in(path: str) -> int | None:
    """The number that a file holds; None for a word, such as max, and where there is no such file."""
    try:
        with open(path) as file:
            text = file.read().strip()
    except OSError:
        return None
    return int(text) if is_whole(text) else None


def _available() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def threads() -> dict[str, str]:
    """The settings that decide how many threads numerical libraries start."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: os.environ[name] for name in names if name in os.environ}
