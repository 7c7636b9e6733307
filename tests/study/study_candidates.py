"""Evaluations that misbehave, for workers to import."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

from nasmyth.errors import Diverged


def square(x: float) -> float:
    return x * x


def whoami(_: Any = None) -> int:
    return os.getpid()


def leave(_: Any = None) -> None:
    os._exit(3)


def crash(_: Any = None) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def sleep(seconds: float = 600) -> None:
    time.sleep(seconds)


def swell(_: Any = None) -> int:
    held = []
    for _ in range(4000):  # four gigabytes, were it not stopped
        held.append(b"x" * 1_000_000)
        time.sleep(0.0005)
    return len(held)


def swell_in_a_child(_: Any = None) -> None:
    subprocess.run([sys.executable, "-c", "import study_candidates as s; s.swell()"], cwd=os.path.dirname(__file__))


def start_and_hang(path: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(path, "w") as file:
        file.write(str(child.pid))
    time.sleep(600)


def refuse(_: Any = None) -> None:
    raise Diverged("the loss is nan")


class Awkward(Exception):
    """An exception that cannot be read back from a pickle."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def awkward(_: Any = None) -> None:
    raise Awkward(1, 2)


def unsendable(_: Any = None) -> Any:
    return lambda: None


def troubled(graph: Any) -> float:
    """What becomes of a candidate depends on its first number."""
    first = graph.numbers[0]
    if first == 1:
        leave()
    if first == 2:
        sleep()
    if first == 3:
        swell()
    if first == 4:
        refuse()
    if first == 5:
        raise ValueError("no such thing")
    return float(sum(graph.numbers))


def of_trial(trial: Any) -> float:
    """Sees the whole trial, its graph included."""
    return float(sum(trial.graph.numbers) + trial.number)


def killed_always(path: str) -> int:
    """Takes note of the call, and is killed, as the system does when memory runs out."""
    with open(path, "a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def killed_at_first(path: str) -> int:
    """The same, but the second time it lives to tell which call it was."""
    if not os.path.exists(path):
        killed_always(path)
    return 2


def end_worker(_: Any = None) -> None:
    """Kills the process that guards this one, as whoever shuts a machine down does."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


class Counted:
    """An evaluation that knows how often it was opened in this process."""

    opened = 0

    def __setstate__(self, state: Any) -> None:
        Counted.opened += 1

    def __getstate__(self) -> Any:
        return {"data": "much"}

    def __call__(self, x: float) -> tuple[float, int]:
        return x, Counted.opened
