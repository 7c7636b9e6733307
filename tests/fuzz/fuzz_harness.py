"""Malformed input, case by case, in processes of their own: what became of each, and whether it kept the rules.

A case is a target's name and a number: the same pair is the same input, in any process. The rules, for every case:

    success or a NasmythError with a message      anything else is "other exception"
    an end within `seconds` of processor time     "hang"; after PATIENCE times that by the clock the process is killed, and
                                                  the next case goes on in a new one
    no process larger than `memory` bytes         "memory"
    nothing is run, nothing is written outside    "escape", seen by an audit hook; the folder of the case is its own
    the process lives                             "crash"
"""

from __future__ import annotations

import contextlib
import importlib
import io
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

STEP = 64
"""Cases of one target in a row: what is read often stays in the caches."""

GOOD = ("taken", "refused")
PATIENCE = 6.0
"""By the clock a case may take so many times its seconds: others work on the machine, too."""


class Limits(NamedTuple):
    """What a case may take: seconds of processor time, children included, and bytes of the process that it runs in."""

    seconds: float = 10.0
    memory: int = 2 * 2**30


USUAL = Limits()


class Outcome(NamedTuple):
    """What became of a case: `taken`, `refused`, or the name of the rule that it broke, with the words for it."""

    target: str
    number: int
    what: str
    detail: str
    seconds: float
    memory: int


@dataclass
class Tally:
    """Outcomes by target, and those that broke a rule."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: list[Outcome] = field(default_factory=list)
    slowest: dict[str, float] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)

    def add(self, one: Outcome) -> None:
        self.counts[one.target, one.what] += 1
        self.slowest[one.target] = max(one.seconds, self.slowest.get(one.target, 0.0))
        self.largest[one.target] = max(one.memory, self.largest.get(one.target, 0))
        if one.what not in GOOD:
            self.broken.append(one)


# --- in the process of the cases --------------------------------------------------------------------------------------


class Watch:
    """An audit hook that remembers what a case must not do. It cannot be taken away again, so there is one a process."""

    RUNS = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "pty.spawn")
    TALKS = ("socket.connect", "socket.bind", "urllib.Request")
    MOVES = ("os.remove", "os.rename", "os.rmdir", "shutil.rmtree", "os.symlink", "os.link", "os.truncate")

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and self._outside(path):
                self.seen.append(f"opened {path!r:.120} for writing")
        elif (
            (event in self.RUNS and not self._ours(event, args))
            or event in self.TALKS
            or (event in self.MOVES and self._outside(args[0]))
        ):
            self.seen.append(f"{event} {args!r:.200}")

    def _outside(self, path: Any) -> bool:
        if isinstance(path, int) or path is None:
            return False
        where = os.path.realpath(os.fsdecode(path))
        scratch = (self.folder or "", "/dev/", "/proc/self/")
        return not where.startswith(scratch) and "__pycache__" not in where

    def _ours(self, event: str, args: tuple[Any, ...]) -> bool:
        """The library's own helpers run this Python."""
        started = os.fsdecode(args[0]) if event in ("subprocess.Popen", "os.posix_spawn") else ""
        return started in (sys.executable, "uname")  # `platform` asks uname


def case(
    watch: Watch, target: str, run: Callable[[random.Random, Path], object], number: int, folder: Path, limits: Limits
) -> Outcome:
    """One case, in this process."""
    from nasmyth.errors import NasmythError

    rng = random.Random(f"{target} {number}")
    quiet = io.StringIO()
    _reset_peak()
    start, what, detail = _busy(), "taken", ""
    watch.folder, watch.seen = str(folder), []
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run(rng, folder)
    except NasmythError as error:
        what, detail = ("refused", "") if str(error).strip() else ("other exception", f"{error!r} has no message")
    except MemoryError as error:
        what, detail = "memory", _told(error)
    except BaseException as error:
        what, detail = "other exception", _told(error)
    finally:
        watch.folder = None
    seconds, memory = _busy() - start, _peak()
    if watch.seen:
        what, detail = "escape", "; ".join(watch.seen)
    elif what in GOOD and memory > limits.memory:
        what, detail = "memory", f"{memory / 2**30:.1f} GiB"
    elif what in GOOD and seconds > limits.seconds:
        what, detail = "hang", f"{seconds:.0f} s"
    return Outcome(target, number, what, detail, seconds, memory)


def _busy() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "/nasmyth/" in f.filename]
    return f"{type(error).__name__}: {str(error)[:300]} ({' < '.join(reversed(ours[-3:]))})"


def _reset_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Bytes: the most that this process held since the last reset; where the kernel does not tell, since its start."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _work(connection: Any, cases: Sequence[tuple[str, int]], targets: str, limits: Limits, whole: str) -> None:
    """All of these cases, each told before and after, so that the parent knows which one never came back."""
    import torch

    torch.set_num_threads(1)
    made, watch = importlib.import_module(targets).prepared(), Watch()
    used = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmSize" in line).split()[1])
    most = used * 1024 + 4 * limits.memory  # the machine's own safety
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for target, number in cases:
        folder = Path(tempfile.mkdtemp(dir=whole))
        os.chdir(folder)
        os.environ["TMPDIR"], tempfile.tempdir = str(folder), str(folder)  # what is temporary is written here, too
        connection.send((target, number))
        connection.send(case(watch, target, made[target], number, folder, limits))
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
    connection.send(None)


# --- in the process that asks -----------------------------------------------------------------------------------------


def outcomes(
    cases: Sequence[tuple[str, int]], targets: str = "fuzz_targets", limits: Limits = USUAL
) -> Iterator[Outcome]:
    """What becomes of each case, in a process that is replaced when one kills it or does not end.

    targets: the module whose `prepared()` gives the functions that cases name.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz", ignore_cleanup_errors=True) as whole:
        yield from _followed(list(cases), targets, limits, whole)


def _followed(rest: list[tuple[str, int]], targets: str, limits: Limits, whole: str) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")
    while rest:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(there, rest, targets, limits, whole))
        process.start()
        there.close()
        now: tuple[str, int] | None = None
        while True:
            patience = 300.0 if now is None else PATIENCE * limits.seconds
            try:
                told = here.recv() if here.poll(patience) else "hang"
            except EOFError:
                told = "crash"
            if isinstance(told, Outcome):
                yield told
                now, rest = None, rest[1:]
            elif isinstance(told, tuple):
                now = told
            elif told is None:
                rest = []
                break
            else:
                process.kill()
                process.join()
                if now is None:
                    raise RuntimeError(f"the process of the cases ended before {rest[0]} ({told})")
                yield Outcome(*now, told, f"exit status {process.exitcode}", patience, 0)
                rest = rest[1:]
                break
        process.join()


def spread(shares: Mapping[str, int], cases: int, workers: int, seed: int = 0) -> list[list[tuple[str, int]]]:
    """So many cases over all targets by their shares, in rows of STEP, dealt out to the workers.

    `seed` says where the numbers begin.
    """
    total = sum(shares.values())
    each = [(name, seed * cases + i) for name, share in shares.items() for i in range(-(-cases * share // total))]
    rows = [each[i : i + STEP] for i in range(0, len(each), STEP)]
    return [[one for row in rows[worker::workers] for one in row] for worker in range(workers)]
