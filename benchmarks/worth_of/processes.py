"""A command in a process of its own: on so many cores, killed with all its children when its time is up, or with us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

GRACE = 20.0
"""Seconds that a process has to end after it is asked to."""
_BEGIN = """
import ctypes, json, os, signal, sys
os.sched_setaffinity(0, json.loads(sys.argv[1]))
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may have been told to ignore it
ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG of Linux: what it is told when its parent is gone
os.execv(sys.argv[2], sys.argv[2:])
"""


class Ran(NamedTuple):
    """What a command said, and how long it took; `code` is None where it had to be ended."""

    code: int | None
    said: str
    seconds: float

    @property
    def last(self) -> str:
        """The last line: a result, or what went wrong."""
        lines = [line for line in self.said.splitlines() if line.strip()]
        return lines[-1].strip()[:500] if lines else "it said nothing"


def run(command: Sequence[str], path: Sequence[str | Path], cores: int, most: float, folder: Path) -> Ran:
    """Run a command in `folder`, with `path` for PYTHONPATH, for `most` seconds. Ctrl-C ends it and goes on up."""
    some = sorted(os.sched_getaffinity(0))[:cores]
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    own = {"PYTHONPATH": os.pathsep.join(map(str, path)), "CUDA_VISIBLE_DEVICES": ""}  # cores are what is shared out
    said, start = folder / "said", time.perf_counter()
    with said.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, json.dumps(some), *command], cwd=folder, stdin=subprocess.DEVNULL, stdout=file,
            stderr=file, env={**inherited, **own}, start_new_session=True,
        )  # fmt: skip
        try:
            code: int | None = process.wait(most)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            took = time.perf_counter() - start
            _end(process)
    return Ran(code, said.read_text(errors="replace"), took)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it is left, whatever it has started."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def environment(name: str, requirement: str, cache: Path, seeing_ours: bool) -> Path:
    """The Python of a virtual environment with this package, made on first use. Raises RuntimeError where it cannot be.

    seeing_ours: what is installed beside this Python is seen there, too, so that torch is not installed twice.
    """
    home = cache / name
    python = home / "bin" / "python"
    if (home / "installed").exists():
        return python
    steps = [[sys.executable, "-m", "venv", str(home)]]
    if seeing_ours:
        import sysconfig

        ours = sysconfig.get_paths()["purelib"]
        write = f"import sysconfig, pathlib; pathlib.Path(sysconfig.get_paths()['purelib'], 'ours.pth').write_text({ours!r})"
        steps.append([str(python), "-c", write])
    steps.append([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirement.split()])
    cache.mkdir(parents=True, exist_ok=True)
    for step in steps:
        done = subprocess.run(step, check=False, capture_output=True, text=True)
        if done.returncode:
            why = (done.stderr or done.stdout).strip().splitlines() or ["no reason was given"]
            raise RuntimeError(f"{name} cannot be installed: {why[-1][:200]}")
    (home / "installed").touch()
    return python
