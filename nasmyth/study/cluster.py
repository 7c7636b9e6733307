"""Candidates on a cluster of machines, through Ray.

    with Ray("10.0.0.1:6379", seconds="10min", memory="4GB") as cluster:
        study.run(task, trials=500, on=cluster)

On every machine a worker of Ray passes calls on to a guarded process (`guard`), as the pool of processes does. So limits
hold there as they do here, a candidate that crashes takes nothing with it, and where a worker or a whole machine is lost,
that is known from a crash: such a call is made once more, elsewhere. What is evaluated (the data of a task, the source of
your files) is put into Ray's store once, however many candidates there are, and opened once by each process.

What is started here listens on the loopback address alone. A cluster of several machines listens on all their network
interfaces, and runs what it is sent: start one only where the network is trusted or a firewall closes its ports.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from functools import partial
from typing import Any, TypeVar

from nasmyth.errors import CandidateError, Crashed, OutOfMemory, StudyError, require
from nasmyth.study.environment import cores, version
from nasmyth.study.guard import Call, Guard
from nasmyth.study.shipping import Once, packed
from nasmyth.units import quantity, show

T = TypeVar("T")
_TRIES = 2
"""How often a call is made whose worker or machine is lost: it may have been the candidate that brought it down."""
_END = 20.0
"""Seconds to wait for calls that were cancelled."""


class Ray(Executor):
    """Runs calls on the cluster at `address` (or RAY_ADDRESS), or on this machine, where Ray is then started.

    workers: calls in flight; default, as many as the cluster has room for. cpus, gpus: what one call reserves. seconds:
    after which a call is ended. memory: what one call may hold, and reserves. Raises StudyError if no cluster answers, or
    if none of its machines has what a call reserves.
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
        self.seconds = None if seconds is None else quantity(seconds, "s")
        self.memory = None if memory is None else int(quantity(memory, "B"))
        self._packed = Once()
        self._sent: tuple[bytes, Any] = (b"", None)
        self._calls: set[_Remote] = set()
        self._lock = threading.Lock()
        self._ours = not self._ray.is_initialized()
        if self._ours:
            self._start(address)
        try:
            room = self._room({"CPU": cpus, "GPU": gpus, "memory": self.memory or 0})
        except StudyError:
            self.shutdown()
            raise
        self.workers = room if workers is None else workers
        options: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0, "memory": self.memory}
        self._remote = self._ray.remote(_guarded).options(**options)

    def _start(self, address: str | None) -> None:
        options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        where = address or os.environ.get("RAY_ADDRESS") or "local"
        if where == "local":
            options |= {"_node_ip_address": "127.0.0.1", "num_cpus": cores()}
        try:
            with on_loopback() if _is_here(where) else contextlib.nullcontext():
                self._ray.init(address=where, **options)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise StudyError(f"no Ray cluster answers at {where}: {error}") from None

    def _room(self, wanted: dict[str, float]) -> int:
        """How many calls that reserve this the machines of the cluster can take at once."""
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        asked = {name: amount for name, amount in wanted.items() if amount > 0}
        room = sum(min((int(m.get(name, 0) // amount) for name, amount in asked.items()), default=1) for m in machines)
        if room < 1:
            most = {name: max((m.get(name, 0) for m in machines), default=0) for name in asked}
            told = ", ".join(
                f"{_amount(name, amount)} (the most is {_amount(name, most[name])})" for name, amount in asked.items()
            )
            raise StudyError(f"no machine of the Ray cluster has what one candidate reserves: {told}")
        return room

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` on the cluster. Raises StudyError if it cannot be sent there."""
        function, digest = self._packed(fn)
        if self._sent[0] != digest:
            self._sent = (digest, self._ray.put(function))
        call = _Remote(self, (self._sent[1], digest, packed((args, kwargs))))
        call.set_running_or_notify_cancel()
        with self._lock:
            self._calls.add(call)
        self.send(call)
        return call

    def send(self, call: _Remote) -> None:
        """Make a call, for the first or second time."""
        store, digest, arguments = call.what
        limits = (self.seconds, self.memory)
        with self._lock:  # it is not made when it was cancelled, and not cancelled while it is made
            call.tries += 1
            if call.ended:
                raise Crashed("it was cancelled")
            # in a list, so that Ray does not fetch it for every call: the worker does where it must
            call.reference = self._remote.remote([store], digest, arguments, limits, version("nasmyth"))
        call.reference.future().add_done_callback(partial(self._settle, call))

    def _again(self, call: _Remote) -> None:
        try:
            self.send(call)
        except Exception as error:
            self._finish(call, self._translated(error, call))

    def _settle(self, call: _Remote, answer: Future[Any]) -> None:
        error = answer.exception()
        if error is not None and call.tries < _TRIES and not call.ended and isinstance(error, self._lost):
            threading.Thread(target=self._again, args=(call,), daemon=True).start()  # not in Ray's own thread
            return None
        if error is not None:
            return self._finish(call, self._translated(error, call))
        ok, blob = answer.result()
        try:
            result = pickle.loads(blob)
        except Exception as unreadable:
            ok, result = False, unreadable
        return self._finish(call, None if ok else result, result)

    def _finish(self, call: _Remote, error: BaseException | None, result: Any = None) -> None:
        with self._lock:
            self._calls.discard(call)
        call.set_result(result) if error is None else call.set_exception(error)

    @property
    def _lost(self) -> tuple[type[Exception], ...]:
        """What Ray raises when a worker or machine is gone."""
        found = self._ray.exceptions
        return found.WorkerCrashedError, found.NodeDiedError, found.LocalRayletDiedError, found.ObjectLostError

    def _translated(self, error: BaseException, call: _Remote) -> BaseException:
        """Ray's word for what happened to a call, as ours."""
        cause, known = getattr(error, "cause", None), self._ray.exceptions
        if isinstance(cause, StudyError):
            return cause
        if call.ended or isinstance(error, known.TaskCancelledError):
            return Crashed("it was cancelled")
        if isinstance(error, self._lost):
            return Crashed(f"the worker or machine that ran it was lost, twice ({type(error).__name__})")
        said = next(iter(str(error).strip().splitlines()[-1:]), "")
        if isinstance(error, known.OutOfMemoryError):
            return OutOfMemory(f"its machine ran short of memory: {said}")
        return StudyError(
            f"Ray could not run a candidate: {said}; every machine needs Nasmyth {version('nasmyth')} and what your "
            f"files import"
        )

    def end(self, call: _Remote) -> None:
        """Kill what a call runs, wherever that is."""
        with self._lock:
            call.ended = True
            reference = call.reference
        self._ray.cancel(
            reference
        )  # not by force: the worker is to end its guarded process, and all that this has started

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, if this executor joined it; one that it started ends. `cancel_futures` kills what runs."""
        with self._lock:
            calls = list(self._calls)
        if cancel_futures:
            for call in calls:
                call.cancel()
        if wait or cancel_futures:
            _wait(calls, _END if cancel_futures else None)
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()
            self._ours = False


_wait = wait  # `shutdown` has a parameter of this name, as every executor


class _Remote(Future[Any]):
    """A call on the cluster. Cancelling it kills it there."""

    def __init__(self, cluster: Ray, what: tuple[Any, bytes, bytes]) -> None:
        super().__init__()
        self.what, self.tries, self.ended = what, 0, False
        self.reference: Any = None
        self._cluster = cluster

    def cancel(self) -> bool:
        """End it; it then has the exception Crashed. False, as for everything that runs."""
        if not self.done():
            self._cluster.end(self)
        return False


def _is_here(address: str) -> bool:
    return address == "local" or address.rpartition(":")[0].strip("[]") in ("127.0.0.1", "localhost", "::1")


@contextlib.contextmanager
def on_loopback() -> Iterator[None]:
    """Inside, Ray binds what it starts to the loopback address if it is told that address, and finds clusters there.

    By itself it does so on Windows and macOS only. On Linux it takes 127.0.0.1 for a slip, and all interfaces instead.
    """
    constants = importlib.import_module("ray._private.ray_constants")
    before = getattr(constants, "ENABLE_RAY_CLUSTER", None)
    constants.ENABLE_RAY_CLUSTER = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before  # type: ignore[attr-defined]


def _amount(name: str, amount: float) -> str:
    return f"{show(amount, 'B')} of memory" if name == "memory" else f"{amount:g} {name}"


# --- in a worker of Ray -----------------------------------------------------------------------------------------------

_guard: Guard | None = None


def _guarded(
    store: list[Any], digest: bytes, arguments: bytes, limits: tuple[float | None, int | None], theirs: str | None
) -> tuple[bool, bytes]:
    """Make one call in the guarded process of this worker: whether it returned, and what, pickled."""
    global _guard
    if theirs != version("nasmyth"):
        raise StudyError(
            f"a machine of the cluster has Nasmyth {version('nasmyth')}, the search {theirs}: install the same"
        )
    if _guard is None:
        _guard = Guard()
        atexit.register(_guard.end)
    _guard.seconds, _guard.memory = limits
    try:
        return _guard.call(Call(lambda: _fetched(store[0]), digest, arguments))
    except CandidateError as error:
        return False, pickle.dumps(error)


def _fetched(reference: Any) -> bytes:
    """The function, out of Ray's store."""
    blob: bytes = require("ray", extra="ray").get(reference)
    return blob
