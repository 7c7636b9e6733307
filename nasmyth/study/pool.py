"""A pool of processes in which a candidate may crash, hang or eat all memory, and only that candidate fails.

    with Processes(workers=2, seconds="10min", memory="4GB") as pool:
        pool.submit(evaluate, graph).result()        # or raises Crashed, OutOfMemory, TimedOut

`concurrent.futures.ProcessPoolExecutor` is broken for good once a worker dies, and cannot end one that hangs; hence
this one. Workers are spawned, not forked (threads and GPUs do not survive a fork), and serve many candidates; one that
had to be killed is replaced. What is sent to a worker is pickled, and the function itself only once for each worker,
however much data it holds.
"""

from __future__ import annotations

import hashlib
import importlib
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, TypeVar

from nasmyth.errors import Crashed, OutOfMemory, StudyError, TimedOut
from nasmyth.study import worker
from nasmyth.study.environment import cores
from nasmyth.units import quantity, show

T = TypeVar("T")
_LOOK = 0.02
"""Seconds between two looks at the memory of a worker."""
_START = 120.0
"""Seconds that a worker may take to start: it imports the caller's main module."""
_environment = threading.Lock()


class _Job(NamedTuple):
    future: Future[Any]
    function: bytes
    digest: bytes
    arguments: bytes


class Processes(Executor):
    """An executor over spawned processes with limits for each call.

    workers: default, the cores of this machine. seconds: a number or text such as "10min". memory: bytes or text such
    as "4GB", for everything that the worker holds (an imported torch is about 300 MB of it). Without limits, none.
    """

    def __init__(
        self, workers: int | None = None, *, seconds: float | str | None = None, memory: float | str | None = None
    ) -> None:
        self.workers = cores() if workers is None else int(workers)
        if self.workers < 1:
            raise StudyError(f"workers={workers}: a pool needs at least one")
        self.seconds = None if seconds is None else quantity(seconds, "s")
        self.memory = None if memory is None else int(quantity(memory, "B"))
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._slots: list[_Slot] = []
        self._unfinished = 0
        self._closed = False
        self._pickled: tuple[Any, bytes, bytes] | None = None

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` in a worker. Raises StudyError if it cannot be sent there."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this pool was shut down")
            if self._pickled is None or self._pickled[0] is not fn:
                blob = packed(fn)
                self._pickled = (fn, blob, hashlib.sha256(blob).digest())
            job = _Job(Future(), *self._pickled[1:], packed((args, kwargs)))
            self._jobs.put(job)
            self._unfinished += 1
            if len(self._slots) < min(self.workers, self._unfinished):
                self._slots.append(_Slot(self))
        return job.future

    def next_job(self) -> _Job | None:
        """The next thing to do; None when there will be no more."""
        return self._jobs.get()

    def finished(self) -> None:
        """One thing less to do."""
        with self._lock:
            self._unfinished -= 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more. With `cancel_futures`, what waits is cancelled, and what runs is killed (Crashed)."""
        with self._lock:
            self._closed = True
            slots = list(self._slots)
        if cancel_futures:
            while True:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is not None:
                    job.future.cancel()
            for slot in slots:
                slot.abort()
        for _ in slots:
            self._jobs.put(None)
        if wait or cancel_futures:
            for slot in slots:
                slot.thread.join()


def packed(thing: Any) -> bytes:
    """Pickled, by cloudpickle if it is there and needed (a lambda). Raises StudyError with the cure."""
    try:
        return pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        why = error
    try:
        return bytes(importlib.import_module("cloudpickle").dumps(thing))
    except Exception:
        raise StudyError(
            f"cannot be sent to another process: {why}; give a function defined at the top of a file, whose data "
            "can be pickled, or use on='here'"
        ) from None


class _Slot:
    """One thread that looks after one worker process at a time."""

    def __init__(self, pool: Processes) -> None:
        self._pool = pool
        self._worker: _Process | None = None
        self._aborted = False
        self._lock = threading.Lock()
        self.thread = threading.Thread(target=self._serve, name="nasmyth-pool", daemon=True)
        self.thread.start()

    def abort(self) -> None:
        with self._lock:
            self._aborted = True
            if self._worker is not None:
                self._worker.strike()  # our thread sees it die, and tidies up

    def _serve(self) -> None:
        while (job := self._pool.next_job()) is not None:
            if job.future.set_running_or_notify_cancel():
                result, error = self._outcome(job)
                self._pool.finished()  # before the future says so: whoever waits for it may submit the next at once
                job.future.set_exception(error) if error is not None else job.future.set_result(result)
            else:
                self._pool.finished()
        if self._worker is not None:
            self._worker.end()

    def _outcome(self, job: _Job) -> tuple[Any, BaseException | None]:
        try:
            return self._done(job), None
        except BaseException as error:
            return None, error

    def _done(self, job: _Job) -> Any:
        process = self._worker if self._worker is not None or self._aborted else _Process(self._pool.memory)
        with self._lock:
            self._worker = process
            if self._aborted and process is not None:
                process.strike()
        if process is None:
            raise Crashed("the pool was shut down")
        kept = False
        try:
            ok, blob = process.call(job, self._pool.seconds, self._pool.memory)
            kept = self._pool.memory is None or process.memory() < self._pool.memory / 2
        finally:
            if not kept:  # killed, crashed, or so full that the next candidate would suffer for it
                with self._lock:
                    self._worker = None
                process.kill()
        answer = pickle.loads(blob)
        if ok:
            return answer
        raise answer


class _Process:
    """A spawned process that answers calls."""

    def __init__(self, memory: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection: Connection
        self._connection, theirs = context.Pipe()
        self._has = b""
        self._process = context.Process(target=worker.main, args=(theirs, memory), name="nasmyth-worker", daemon=False)
        with _environment:  # its numerical libraries read this as they are loaded
            ours = os.environ.get("OMP_NUM_THREADS")
            os.environ.setdefault("OMP_NUM_THREADS", "1")
            try:
                self._process.start()
            finally:
                if ours is None:
                    os.environ.pop("OMP_NUM_THREADS", None)
        theirs.close()
        if not self._connection.poll(_START) or self._received() != b"ready":
            self.kill()
            raise StudyError(
                "a worker process could not start; if this is a script, put what it runs under "
                "`if __name__ == '__main__':`, because workers import it"
            )

    def _received(self) -> bytes | None:
        try:
            return self._connection.recv_bytes()
        except (EOFError, OSError):
            return None

    def call(self, job: _Job, seconds: float | None, memory: int | None) -> tuple[bool, bytes]:
        """Whether the call returned, and what it returned or raised. Raises TimedOut, OutOfMemory, Crashed."""
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            self._connection.send_bytes(b"call")
            self._connection.send_bytes(b"" if job.digest == self._has else job.function)
            self._connection.send_bytes(job.arguments)
            self._has = job.digest
        except OSError:
            raise self._death() from None
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            look = left if memory is None else _LOOK if left is None else min(_LOOK, left)
            if wait([self._connection, self._process.sentinel], look):
                answer = self._received() if self._connection.poll() else None
                if answer is None:
                    raise self._death()
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
        return Crashed(f"its process was ended by {name}{often}")

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
