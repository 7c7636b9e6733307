"""Who is working on what: a proposal is claimed by one worker, and the claim of a dead worker lapses.

A worker is one open study in one process. Its name tells others on the same machine whether that process still lives,
so the claims of a killed process are free at once; those of a machine that vanished are free when their lease ends.
A live worker renews its leases from a small thread, however long its evaluation takes.
"""

from __future__ import annotations

import functools
import os
import platform
import threading
import uuid
import weakref
from typing import NamedTuple, Protocol

from nasmyth.units import is_whole

LEASE = 60.0
"""Seconds after which the claim of a worker that says nothing lapses."""

WHOLE = 0
"""What a worker claims that wants a study for itself alone: trials have the numbers from 1."""

_living: set[str] = set()


class Worker(NamedTuple):
    """One open study in one process: `host` is a machine and its process table, `start` tells reused ids apart."""

    host: str
    pid: int
    start: str
    token: str

    def __str__(self) -> str:
        return "|".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> Worker | None:
        """The inverse of `str`, or None for a name that some other program wrote."""
        parts = text.rsplit("|", 3)
        return cls(parts[0], int(parts[1]), *parts[2:]) if len(parts) == 4 and is_whole(parts[1]) else None


class Claim(NamedTuple):
    """`worker` holds `trial` until `expires`, in seconds of the clock of the database."""

    trial: int
    worker: str
    expires: float


def spoken(name: str) -> str:
    """A worker as a person would point to it: "process 1234 on this machine"."""
    worker = Worker.parse(name)
    if worker is None:
        return f"worker {name}"
    where = "this machine" if worker.host == host() else worker.host.partition("/")[0]
    return "this process" if not _elsewhere(worker) else f"process {worker.pid} on {where}"


def _elsewhere(worker: Worker) -> bool:
    return worker.host != host() or worker.pid != os.getpid()


def enrol() -> str:
    """A name for a new worker of this process; it counts as alive until `retire`."""
    name = str(Worker(host(), os.getpid(), started(os.getpid()) or "", uuid.uuid4().hex[:12]))
    _living.add(name)
    return name


def retire(name: str) -> None:
    """From now on the worker's claims are free."""
    _living.discard(name)


def lapsed(claim: Claim, now: float) -> bool:
    """Whether the claim is free for others: its lease ended, or its process on this machine is gone."""
    return now >= claim.expires or dead(claim.worker)


def dead(name: str) -> bool:
    """Whether the worker is known to be gone. A worker of another machine never is: its lease decides."""
    worker = Worker.parse(name)
    if worker is None or worker.host != host():
        return False
    if worker.pid == os.getpid() and worker.start == (started(os.getpid()) or ""):
        return name not in _living
    start = started(worker.pid)
    return start is None or start != worker.start


@functools.cache
def host() -> str:
    """A name for this machine since its last start, and for this table of processes (containers have their own)."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return f"{platform.node()}/{file.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()  # not Linux: the name of the machine has to do


def started(pid: int) -> str | None:
    """When a process of this machine started, as text to compare; None if there is no such process (or a zombie)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            after_name = file.read().rpartition(")")[2].split()
        return None if after_name[0] in "ZX" else after_name[19]
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return None
    except (OSError, IndexError):
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return ""  # it exists, and belongs to somebody else
    return ""


class Renews(Protocol):
    """What a heartbeat needs of a journal."""

    def renew(self, worker: str, lease: float) -> int: ...


class Heartbeat:
    """Renews the leases of one worker every third of a lease, until stopped or until the journal is gone."""

    def __init__(self, journal: Renews, worker: str, lease: float) -> None:
        self._stop = threading.Event()
        target = functools.partial(_beat, weakref.ref(journal), worker, lease, self._stop)
        self._thread = threading.Thread(target=target, name="nasmyth-heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._stop.set()
        self._thread.join(timeout=5)


def _beat(journal: weakref.ref[Renews], worker: str, lease: float, stop: threading.Event) -> None:
    while not stop.wait(lease / 3):
        alive = journal()
        if alive is None:
            return
        try:
            alive.renew(worker, lease)
        except Exception:  # a busy or restarting database: the next beat tries again, and the lease covers the gap
            continue
        finally:
            del alive
