"""What a method is asked for, and the process that it runs in: `run(job)` of the method's file, told as one line of JSON.

Some methods run in an environment that has no Nasmyth, so nothing here imports it.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

KEPT, KEPT_SHARE = 2.0, 0.01
"""Seconds, and the share of the time, that are kept for the test split at the end."""


class Job(NamedTuple):
    """`data` is a prepared file; `end` is when all must be over, in seconds since 1970."""

    data: str
    target: str | None
    metric: str
    under: str
    spend: float
    seed: int
    cores: int
    end: float = 0.0
    study: str = ""
    """The study that is to be judged, where the method is `regret`."""

    @property
    def left(self) -> float:
        """Seconds until the test split has to be looked at."""
        return self.end - time.time() - KEPT - KEPT_SHARE * self.spend


def main() -> None:
    """`METHOD JOB` in sys.argv. The clock starts here."""
    name, told = sys.argv[1:]
    job = Job(**json.loads(told))
    result = importlib.import_module(f"worth_of.{name}").run(job._replace(end=time.time() + job.spend))
    sys.stdout.write("\n" + json.dumps(result) + "\n")


def on_each_core(work: Callable[..., Any], job: Job, *rest: Any) -> list[Any]:
    """`work(job, number of the process, ...)` in a process for each core; what is imported here is imported there."""
    with ProcessPoolExecutor(job.cores, mp_context=get_context("fork"), initializer=_end_with_parent) as pool:
        futures = [pool.submit(work, job, number, *rest) for number in range(job.cores)]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            os._exit(130)  # the pool would wait for what nobody wants any more


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG of Linux
