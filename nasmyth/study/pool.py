"""A pool of processes in which a candidate may crash, hang or eat all memory, and only that candidate fails.

    with Processes(workers=2, seconds="10min", memory="4GB") as pool:
        pool.submit(evaluate, graph).result()        # or raises Crashed, OutOfMemory, TimedOut

`concurrent.futures.ProcessPoolExecutor` is broken for good once a worker dies, and cannot end one that hangs; hence
this one. What is sent to a worker is packed (`shipping`), and the function itself only once for each worker, however much
data it holds.
"""

from __future__ import annotations

import functools
import pickle
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple, TypeVar

from nasmyth.errors import Killed, StudyError
from nasmyth.study.environment import cores
from nasmyth.study.guard import Call, Guard
from nasmyth.study.shipping import Once, packed
from nasmyth.units import quantity

T = TypeVar("T")


class _Job(NamedTuple):
    future: Future[Any]
    call: Call


def _kept(future: Future[Any], checkpoint: bytes) -> None:
    """Hand a checkpoint to whoever asked for the call and has said, by an attribute of its future, that it keeps them."""
    keep = getattr(future, "keep", None)
    if keep is not None:
        keep(checkpoint)


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
        self._packed = Once()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` in a worker. Raises StudyError if it cannot be sent there."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this pool was shut down")
            function, digest = self._packed(fn)
            future: Future[T] = Future()
            keep = functools.partial(_kept, future)
            job = _Job(future, Call(lambda: function, digest, packed((args, kwargs)), keep))
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


class _Slot:
    """One thread that looks after one guarded process."""

    def __init__(self, pool: Processes) -> None:
        self._pool = pool
        self._guard = Guard()
        self.thread = threading.Thread(target=self._serve, name="nasmyth-pool", daemon=True)
        self.thread.start()

    def abort(self) -> None:
        self._guard.abort()

    def _serve(self) -> None:
        while (job := self._pool.next_job()) is not None:
            if job.future.set_running_or_notify_cancel():
                result, error = self._outcome(job)
                self._pool.finished()  # before the future says so: whoever waits for it may submit the next at once
                job.future.set_exception(error) if error is not None else job.future.set_result(result)
            else:
                self._pool.finished()
        self._guard.end()

    def _outcome(self, job: _Job) -> tuple[Any, BaseException | None]:
        try:
            return self._done(job), None
        except BaseException as error:
            return None, error

    def _done(self, job: _Job) -> Any:
        self._guard.seconds, self._guard.memory = self._pool.seconds, self._pool.memory
        try:
            ok, blob = self._guard.call(job.call)
        except Killed:
            if self._guard.aborted:
                raise
            ok, blob = self._guard.call(job.call)  # it may have been no fault of the candidate: once more
        answer = pickle.loads(blob)
        if ok:
            return answer
        raise answer
