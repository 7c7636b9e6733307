"""A process in which a call may crash, hang or eat all memory, and only that call fails.

Processes are spawned, not forked (threads and GPUs do not survive a fork), and serve many calls; one that had to be killed
is replaced. The pool of processes has several; a worker of Ray has one. All that goes through is bytes: whoever is between
the study and the process that evaluates never opens what it passes on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from nasmyth.errors import Crashed, Killed, OutOfMemory, StudyError, TimedOut
from nasmyth.study import worker
from nasmyth.units import show

_LOOK = 0.02
"""Seconds between two looks at the memory of a process."""
_IDLE = 0.5
"""Seconds between two looks at anything else: a worker of Ray that is told to stop hears of it then."""
_START = 120.0
"""Seconds that a process may take to start."""
_starting = threading.Lock()


class Call(NamedTuple):
    """A function and its arguments, as `shipping.packed` made them."""

    function: Callable[[], bytes]
    """Asked for only where the process does not have the function yet: it may hold a lot of data."""
    digest: bytes
    """Of the function: the process keeps the last."""
    arguments: bytes
    keep: Callable[[bytes], object] = bytes
    """Called with every checkpoint that the process hands over."""


class Guard:
    """One guarded process at a time. seconds, memory (bytes): what one call may take; None is no limit."""

    def __init__(self, seconds: float | None = None, memory: int | None = None) -> None:
        self.seconds, self.memory = seconds, memory
        self._process: _Process | None = None
        self._aborted = False
        self._lock = threading.Lock()

    def call(self, call: Call) -> tuple[bool, bytes]:
        """Whether the call returned, and what it returned or raised, pickled. Raises TimedOut, OutOfMemory, Crashed."""
        process = self._process if self._process is not None or self._aborted else _Process(self.memory)
        with self._lock:
            self._process = process
            if self._aborted and process is not None:
                process.strike()
        if process is None:
            raise Crashed("the pool was shut down")
        kept = False
        try:
            answer = process.call(call, self.seconds, self.memory)
            kept = self.memory is None or process.memory() < self.memory / 2
        finally:
            if not kept:  # killed, crashed, or so full that the next candidate would suffer for it
                with self._lock:
                    self._process = None
                process.kill()
        return answer

    def abort(self) -> None:
        """End the process at once and start no other; from any thread, whose call is Crashed."""
        with self._lock:
            self._aborted = True
            if self._process is not None:
                self._process.strike()  # whoever waits for its answer sees it die, and tidies up

    @property
    def aborted(self) -> bool:
        """Whether it starts no process any more."""
        return self._aborted

    def end(self) -> None:
        """Let the process end by itself; it is idle."""
        if self._process is not None:
            self._process.end()
            self._process = None


@contextmanager
def _beginning() -> Iterator[None]:
    """Inside, what is spawned computes with one thread, and does not import the caller's main script again.

    What of that script a call refers to is sent along (`shipping`); to import it anyway would run it once more wherever
    it has no `if __name__ == "__main__":`.
    """
    with _starting:
        threads, told = os.environ.get("OMP_NUM_THREADS"), spawn.get_preparation_data
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # numerical libraries read this as they are loaded
        spawn.get_preparation_data = lambda name: {
            key: value for key, value in told(name).items() if not key.startswith("init_main")
        }
        try:
            yield
        finally:
            spawn.get_preparation_data = told
            if threads is None:
                os.environ.pop("OMP_NUM_THREADS", None)


class _Process:
    """A spawned process that answers calls."""

    def __init__(self, memory: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection: Connection
        self._connection, theirs = context.Pipe()
        self._has = b""
        self._process = context.Process(target=worker.main, args=(theirs, memory), name="nasmyth-worker", daemon=False)
        with _beginning():
            self._process.start()
        theirs.close()
        deadline = time.monotonic() + _START
        while not self._connection.poll(_IDLE) and self._process.is_alive() and time.monotonic() < deadline:
            pass
        if not self._connection.poll() or self._received() != b"ready":
            self.kill()
            raise StudyError("a worker process could not start: is there memory for it?")

    def _received(self) -> bytes | None:
        try:
            return self._connection.recv_bytes()
        except (EOFError, OSError):
            return None

    def call(self, call: Call, seconds: float | None, memory: int | None) -> tuple[bool, bytes]:
        function = b"" if call.digest == self._has else call.function()
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            self._connection.send_bytes(b"call")
            self._connection.send_bytes(function)
            self._connection.send_bytes(call.arguments)
            self._has = call.digest
        except OSError:
            raise self._death() from None
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            look = min(_IDLE if memory is None else _LOOK, _IDLE if left is None else left)
            if wait([self._connection, self._process.sentinel], look):
                answer = self._received() if self._connection.poll() else None
                if answer is None:
                    raise self._death()
                if answer[:1] == worker.CHECKPOINT:
                    call.keep(answer[1:])
                    continue
                return answer[:1] == b"+", answer[1:]
            if deadline is not None and time.monotonic() >= deadline:
                raise TimedOut(f"it ran for more than {show(seconds or 0.0, 's')}")
            if memory is not None and (held := self.memory()) > memory:
                raise OutOfMemory(f"it held {show(held, 'B')}, and may hold {show(memory, 'B')}")

    def _death(self) -> Crashed:
        self._process.join(5)
        code = self._process.exitcode
        if code is None or code >= 0:
            return Crashed(f"its process ended (exit code {code})")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        often = ", as the system does when memory runs out" if -code == signal.SIGKILL else ""
        return Killed(f"its process was ended by {name}{often}")

    def memory(self) -> int:
        """Bytes that the process and its children hold; 0 where the system does not say."""
        return worker.resident(self._process.pid or 0)

    def strike(self) -> None:
        """End it at once, with all processes that it started."""
        pid = self._process.pid
        if pid is None or self._process.exitcode is not None:
            return
        try:
            if os.getpgid(pid) == pid:  # it leads a group of its own, so that its children go with it
                os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass
        self._process.kill()

    def kill(self) -> None:
        """End it, wait for that, and let go of the connection."""
        self.strike()
        self._process.join(10)
        self._connection.close()

    def end(self) -> None:
        """Let it end by itself; it is idle."""
        try:
            self._connection.send_bytes(b"")
        except OSError:
            pass
        self._process.join(2)
        self.kill()
