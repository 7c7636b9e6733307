"""What runs in a worker process of the pool: it answers calls until its parent says so, or dies."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from nasmyth.errors import Crashed
from nasmyth.progress import keeping

CHECKPOINT = b"~"
"""What a message begins with that is no answer yet; answers begin with "+" or "-"."""


def main(connection: Connection, memory: int | None) -> None:
    """Answer calls: a word (an empty one ends it), the function if it is another than before, the arguments."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C goes to the parent alone, and one kill reaches all that a candidate starts
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if memory is not None and not os.path.exists("/proc/self/statm"):
        _limit(memory)
    connection.send_bytes(b"ready")
    function: Any = None
    blob = b""
    while connection.recv_bytes():
        new, arguments = connection.recv_bytes(), connection.recv_bytes()
        if new:
            function, blob = None, new  # one at a time: do not hold the data of the last
        try:
            if blob:
                function, blob = pickle.loads(blob), b""
            args, kwargs = pickle.loads(arguments)
            with keeping(lambda checkpoint: connection.send_bytes(CHECKPOINT + checkpoint)):
                result = function(*args, **kwargs)
            answer = b"+" + pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
        except BaseException as error:
            answer = b"-" + _raised(error)
        connection.send_bytes(answer)


def _raised(error: BaseException) -> bytes:
    """The exception, with a note of where it was raised; as text if it cannot be pickled."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    mine = [f for f in frames if "site-packages" not in f.filename] or frames
    if mine:
        error.add_note(f"at {os.path.basename(mine[-1].filename)}:{mine[-1].lineno} in {mine[-1].name}")
    if isinstance(error, Exception):
        try:
            blob = pickle.dumps(error)
            pickle.loads(blob)
            return blob
        except Exception:  # exceptions with arguments of their own often cannot be read back
            pass
    return pickle.dumps(Crashed(f"{type(error).__name__}: {error}"))


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # and all that a candidate started
        os._exit(1)


def _limit(memory: int) -> None:
    """Where nobody can look at a process from outside, the system is asked to refuse it more memory."""
    try:
        import resource
    except ImportError:
        return
    try:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ValueError, OSError):
        print(f"nasmyth: this system ({sys.platform}) cannot limit memory; a candidate may use all", file=sys.stderr)


def resident(pid: int) -> int:
    """Bytes of memory held by a process and its children (Linux; 0 elsewhere, or when it is gone)."""
    total = 0
    for one in [pid, *_children(pid)]:
        try:
            with open(f"/proc/{one}/statm") as file:
                total += int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            continue
    return total


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                direct = [int(child) for child in file.read().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *_children(child)]
    return found
