"""Where candidates are evaluated: in this process, in a pool of processes, or on a cluster of machines through Ray.

All are `concurrent.futures.Executor`s, and so is anything of yours: `study.run(evaluate, on=my_executor)`.

| on          | limits for a candidate   | a candidate that crashes the process | needs                           |
|-------------|--------------------------|--------------------------------------|---------------------------------|
| "here"      | none                     | ends the search; the journal is kept | nothing                         |
| "processes" | time and memory          | is recorded, and the search goes on  | a function that can be pickled  |
| "ray"       | time; memory is reserved | is recorded, and the search goes on  | pip install 'nasmyth[ray]'      |

Ray listens on all network interfaces, even when it is told a loopback address, and runs what it is sent: start it only
where the network is trusted or a firewall closes its ports.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple, TypeVar

from nasmyth.errors import Crashed, OutOfMemory, StudyError, TimedOut, nearest, require
from nasmyth.study.environment import cores
from nasmyth.study.pool import Processes
from nasmyth.units import quantity, show

T = TypeVar("T")


class Here(Executor):
    """Runs each call in this thread, at once: the future that `submit` returns is done."""

    workers = 1

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` and wait for it. Ctrl-C is not caught."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except (Exception, SystemExit) as error:
            future.set_exception(error)
        return future


class Ray(Executor):
    """Runs each call as a Ray task. Joins the cluster at `address` (or RAY_ADDRESS), or starts one on this machine.

    workers: calls in flight; default, the CPUs of the cluster. cpus, gpus: what one call reserves. seconds: after which
    a call is ended. memory: what one call reserves; Ray itself ends calls when a machine runs short.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        cpus: float = 1,
        gpus: float = 0,
        seconds: float | str | None = None,
        memory: float | str | None = None,
    ) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports to its makers otherwise
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self._ray: Any = require("ray", extra="ray")
        self._ours = not self._ray.is_initialized()
        if self._ours:
            self._start(address)
        self.seconds = None if seconds is None else quantity(seconds, "s")
        room = int(self._ray.cluster_resources().get("CPU", 1) // max(cpus, 0.01))
        self.workers = max(1, room) if workers is None else workers
        options: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0}
        if memory is not None:
            options["memory"] = int(quantity(memory, "B"))
        self._remote = self._ray.remote(_call).options(**options)
        self._shared: tuple[Any, Any] | None = None

    def _start(self, address: str | None) -> None:
        options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        if address is None and "RAY_ADDRESS" not in os.environ:
            options |= {"_node_ip_address": "127.0.0.1", "num_cpus": cores()}
            address = "local"
        try:
            self._ray.init(address=address, **options)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise StudyError(f"no Ray cluster answers at {address}: {error}") from None

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` on the cluster. What it holds is sent there once."""
        if self._shared is None or self._shared[0] is not fn:
            self._shared = (fn, self._ray.put(fn))
        reference = self._remote.remote(self._shared[1], args, kwargs)
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        late = threading.Event()
        timer = threading.Timer(self.seconds or 0.0, self._end, (reference, late))
        timer.daemon = True

        def settle(answer: Future[Any]) -> None:
            timer.cancel()
            error = answer.exception()
            if error is None:
                future.set_result(answer.result())
            elif late.is_set():
                future.set_exception(TimedOut(f"it ran for more than {show(self.seconds or 0.0, 's')}"))
            else:
                future.set_exception(_translated(error))

        if self.seconds is not None:
            timer.start()
        reference.future().add_done_callback(settle)
        return future

    def _end(self, reference: Any, late: threading.Event) -> None:
        late.set()
        self._ray.cancel(reference, force=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, if this executor joined it; a cluster that it started ends."""
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()
            self._ours = False


def _call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return fn(*args, **kwargs)


def _translated(error: BaseException) -> BaseException:
    """Ray's word for what happened to a task, as ours."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):
        return cause
    name = type(error).__name__
    if name == "OutOfMemoryError":
        return OutOfMemory(str(error).splitlines()[0])
    if name in ("WorkerCrashedError", "RayActorError", "NodeDiedError", "TaskCancelledError", "LocalRayletDiedError"):
        return Crashed(f"its process ended ({name})")
    return error


class Chosen(NamedTuple):
    """An executor, how many calls it takes at once, and whether it is ours to shut down."""

    executor: Executor
    workers: int
    ours: bool


def choose(
    on: str | Executor,
    workers: int | None = None,
    limit_seconds: float | str | None = None,
    limit_memory: float | str | None = None,
) -> Chosen:
    """The executor that `on` means. Raises StudyError for an unknown name, and for limits that cannot be kept."""
    limited = limit_seconds is not None or limit_memory is not None
    if isinstance(on, Executor):
        if limited:
            raise StudyError("limits belong to the executor: give them to it: Processes(seconds=60, memory='2GB')")
        known = getattr(on, "workers", getattr(on, "_max_workers", None))
        return Chosen(on, workers or known or cores(), ours=False)
    if on == "here":
        if limited:
            raise StudyError("a limit on time or memory needs a process to end: use on='processes'")
        return Chosen(Here(), 1, ours=True)
    if on == "processes":
        pool = Processes(workers, seconds=limit_seconds, memory=limit_memory)
        return Chosen(pool, pool.workers, ours=True)
    if on == "ray":
        ray = Ray(workers=workers, seconds=limit_seconds, memory=limit_memory)
        return Chosen(ray, ray.workers, ours=True)
    names = ("here", "processes", "ray")
    raise StudyError(f"on={on!r}: write 'here', 'processes', 'ray' or an Executor{nearest(str(on), names)}")
