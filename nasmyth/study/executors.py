"""Where candidates are evaluated: in this process, in a pool of processes, or on a cluster of machines through Ray.

All are `concurrent.futures.Executor`s, and so is anything of yours: `study.run(evaluate, on=my_executor)`.

| on          | limits for a candidate   | a candidate that crashes the process | needs                           |
|-------------|--------------------------|--------------------------------------|---------------------------------|
| "here"      | none                     | ends the search; the journal is kept | nothing                         |
| "processes" | time and memory          | is recorded, and the search goes on  | a function that can be pickled  |
| "ray"       | time and memory          | is recorded, and the search goes on  | that, and nasmyth[ray]          |
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple, TypeVar

from nasmyth.errors import StudyError, nearest
from nasmyth.study.cluster import Ray
from nasmyth.study.environment import cores
from nasmyth.study.pool import Processes
from nasmyth.study.shipping import refuse_in_worker

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
    refuse_in_worker()
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
