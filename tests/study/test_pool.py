"""The pool of processes: what one candidate does is the outcome of that candidate, and the pool goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import study_candidates as candidates

from nasmyth.errors import Crashed, Diverged, OutOfMemory, StudyError, TimedOut
from nasmyth.study import Processes


@pytest.fixture(scope="module")
def pool() -> Iterator[Processes]:
    with Processes(workers=1, memory="300MB") as made:
        yield made


def works(pool: Processes) -> bool:
    return pool.submit(candidates.square, 3).result(60) == 9


def raised(future: Future[Any]) -> str:
    error = future.exception(60)
    assert error is not None
    return f"{type(error).__name__}: {error}"


def test_it_answers_and_keeps_its_worker(pool: Processes) -> None:
    assert [f.result(60) for f in [pool.submit(candidates.square, x) for x in range(5)]] == [0, 1, 4, 9, 16]
    assert pool.submit(candidates.whoami).result(60) == pool.submit(candidates.whoami).result(60) != os.getpid()


def test_a_candidate_that_ends_its_process(pool: Processes) -> None:
    assert raised(pool.submit(candidates.leave)) == "Crashed: its process ended (exit code 3)"
    assert raised(pool.submit(candidates.crash)) == "Killed: its process was ended by SIGSEGV"
    assert works(pool)


def test_a_call_whose_process_was_killed_is_made_once_more(pool: Processes, tmp_path: Path) -> None:
    """The system may have ended it for memory that others held; a second time it is taken to be the candidate's fault."""
    tried = tmp_path / "tried"
    assert pool.submit(candidates.killed_at_first, str(tried)).result(60) == 2
    tried.unlink()
    assert raised(pool.submit(candidates.killed_always, str(tried))).startswith(
        "Killed: its process was ended by SIGKILL"
    )
    assert tried.read_text() == "xx"
    assert works(pool)


def test_a_candidate_that_takes_too_long_goes_with_all_that_it_started(pool: Processes, tmp_path: Path) -> None:
    pool.seconds = 2.0
    assert raised(pool.submit(candidates.start_and_hang, str(tmp_path / "pid"))).startswith("TimedOut: it ran for more")
    pool.seconds = None
    grandchild = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{grandchild}/stat") and " Z " not in Path(f"/proc/{grandchild}/stat").read_text():
        assert time.monotonic() < deadline, "what it started lives on"
        time.sleep(0.02)
    assert works(pool)


@pytest.mark.parametrize("how", [candidates.swell, candidates.swell_in_a_child])
def test_a_candidate_that_takes_too_much(how: Any, tmp_path: Path) -> None:
    with Processes(workers=1, seconds=60, memory="200MB") as pool:
        error = pool.submit(how).exception(60)
        assert isinstance(error, OutOfMemory) and "may hold 200 MB" in str(error)
        assert works(pool)


def test_what_it_raises_comes_back(pool: Processes) -> None:
    assert isinstance(pool.submit(candidates.refuse).exception(60), Diverged)
    error = pool.submit(candidates.awkward).exception(60)
    assert isinstance(error, Crashed) and str(error) == "Awkward: 1 and 2"
    assert "unsendable" in raised(pool.submit(candidates.unsendable)) or "pickle" in raised(
        pool.submit(candidates.unsendable)
    )
    error = pool.submit(candidates.square, "x").exception(60)
    assert isinstance(error, TypeError)
    assert any("study_candidates.py" in note and "square" in note for note in error.__notes__)


def test_closures_are_sent_where_cloudpickle_is_there(pool: Processes) -> None:
    pytest.importorskip("cloudpickle")
    y = 5
    assert pool.submit(lambda x: x + y, 1).result(60) == 6


def test_what_cannot_be_sent_is_said_at_once(pool: Processes) -> None:
    import threading

    with pytest.raises(StudyError, match=r"cannot be sent to another process.*on='here'"):
        pool.submit(candidates.square, threading.Lock())


def test_shutting_down_kills_what_runs_and_cancels_what_waits() -> None:
    pool = Processes(workers=1)
    running, waiting = pool.submit(candidates.sleep), pool.submit(candidates.sleep)
    while not running.running():
        time.sleep(0.01)
    pool.shutdown(cancel_futures=True)
    assert isinstance(running.exception(10), Crashed) and waiting.cancelled()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(candidates.square, 1)


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = tmp_path / "main.py"
    script.write_text(
        "import sys, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from nasmyth.study import Processes\n"
        "import study_candidates as c\n"
        "if __name__ == '__main__':\n"
        "    pool = Processes(workers=1)\n"
        "    print(pool.submit(c.whoami).result(), flush=True)\n"
        "    pool.submit(c.sleep)\n"
        "    time.sleep(600)\n"
    )
    here = Path(__file__).parent
    line = [sys.executable, str(script), str(here)]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": f"{here.parents[1]}:{here}"}
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}/stat") and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < deadline, "the worker lives on"
        time.sleep(0.02)


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = tmp_path / "main.py"
    script.write_text(
        "from nasmyth.study import Processes\n"
        "import study_candidates as c\n"
        "with Processes(workers=1) as pool:\n"
        "    print(pool.submit(c.square, 3).result(60))\n"
    )
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": f"{here.parents[1]}:{here}"},
    )  # fmt: skip
    assert done.stdout == "9\n", (done.stdout, done.stderr)


def test_limits_are_read_as_people_write_them() -> None:
    with Processes(workers=2, seconds="10min", memory="4GB") as pool:
        assert (pool.seconds, pool.memory) == (600, 4_000_000_000)
    with pytest.raises(StudyError, match="at least one"):
        Processes(workers=0)
    assert issubclass(TimedOut, Exception)
