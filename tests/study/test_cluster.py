"""A search on a real Ray cluster of two machines (both on this one's loopback address), which lose workers and machines."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import study_candidates as candidates
from study_toys import Anywhere, ToySpace

import nasmyth
from nasmyth.cli.loading import load
from nasmyth.errors import StudyError
from nasmyth.search import Random
from nasmyth.study import Processes, Ray, Study

ROOT = Path(__file__).parents[2]
NETWORKS = """
import os, time
from pathlib import Path
import torch
from torch import nn
import nasmyth
from nasmyth import Space, chain, choice, ops
from mine_on_cluster_too import ROUNDS

@nasmyth.op("b c h w -> b c h w")
class GateOnCluster(nn.Module):
    def __init__(self, c: int, expand: int = 2) -> None:
        super().__init__()
        self.gate, self.candidate = nn.Conv2d(c, c, 1), f"{{c}}-{{expand}}"

    def forward(self, x):
        if len(x) > 8 and self.training:  # a step of a training: say which process does it
            Path({marks!r}, f"{{os.getpid()}} {{self.candidate}}").touch()
            time.sleep(0.02)
        for _ in range(ROUNDS):
            x = x * torch.sigmoid(self.gate(x))
        return x

stem = ops.Conv(choice(*range(2, 42)), kernel=3, stride=2)
space = Space(chain(stem=stem, mix=GateOnCluster(choice(2, 4)), pool=ops.Mean("h w"), head=ops.Linear(10)), (1, 8, 8))
"""


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    """Two machines of one core each."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed (pip install 'nasmyth[ray]')")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own imports
        from ray.cluster_utils import Cluster

        from nasmyth.study.cluster import on_loopback

        before = dict(os.environ)
        os.environ["PYTHONPATH"] = f"{ROOT}:{Path(__file__).parent}"  # what the machines have installed
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
        one = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "include_dashboard": False}
        made = Cluster(initialize_head=True, head_node_args=one)
        try:
            with on_loopback():
                made.second = made.add_node(num_cpus=1, node_ip_address="127.0.0.1")
            yield made
        finally:
            made.shutdown()
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture(scope="module")
def pool(machines: Any) -> Iterator[Ray]:
    with Ray(machines.address) as made:
        assert made.workers == 2
        yield made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, pool: Ray) -> Path:
    """A file with an op of your own and a space, which no machine of the cluster has in its path."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "marks").mkdir()
    (folder / "mine_on_cluster_too.py").write_text("ROUNDS = 1\n")
    (folder / "mine_on_cluster.py").write_text(NETWORKS.format(marks=str(folder / "marks")))
    return folder / "mine_on_cluster.py"


@pytest.fixture(scope="module")
def search(file: Path) -> Callable[..., dict[str, Any]]:
    """What a seeded search of four candidates finds, trained somewhere.

    They are four whatever is out when they are drawn: a draw that is out already is drawn anew, and which are out depends on
    who is faster.
    """
    space, task = load(str(file)).space, nasmyth.read("digits", limit=200)

    def searched(on: Any, epochs: int = 2) -> dict[str, Any]:
        with Study(None, space, strategy=Random(), seed=4, maximize="accuracy", task=task) as study:
            ended = study.run(task, trials=4, on=on, epochs=epochs)
            assert ended.reason == "trials" and ended.closed == 4 and study.journal.claims() == []
            trained = ("accuracy", "loss", "params")
            return {t.key: (t.genome, [t.measures.get(name) for name in trained], t.error) for t in study.trials}

    return searched


@pytest.fixture(scope="module")
def expected(search: Any) -> dict[str, Any]:
    """What it finds on processes."""
    with Processes(2) as processes:
        found: dict[str, Any] = search(processes)
    assert len(found) == 4 and all(error is None for _, _, error in found.values())
    return found


def killed(process: int) -> None:
    os.kill(process, signal.SIGKILL)


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def alive(process: int) -> bool:
    return os.path.exists(f"/proc/{process}/stat") and ") Z" not in Path(f"/proc/{process}/stat").read_text()


def until(happens: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := happens()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return found


def training(marks: Path, raylet: int, but: str = "") -> tuple[int, str]:
    """The worker of Ray, on the machine of this raylet, whose process trains a candidate, and which: not `but`."""

    def found() -> tuple[int, str] | None:
        for mark in marks.iterdir():
            process, candidate = mark.name.split()
            if candidate != but and alive(int(process)):
                worker = parent(int(process))
                if worker > 1 and parent(worker) == raylet:
                    return worker, candidate
        return None

    return until(found, "nothing trains there")  # type: ignore[no-any-return]


def raylet(machine: Any) -> int:
    return int(machine.all_processes["raylet"][0].process.pid)


def test_the_same_search_as_on_processes(
    pool: Ray, search: Any, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    puts: list[int] = []
    put = ray.put
    monkeypatch.setattr(ray, "put", lambda blob: puts.append(len(blob)) or put(blob))
    assert search(pool) == expected
    assert len(puts) == 1 and puts[0] > 200 * 64, "the data is sent once for all candidates"


def test_a_candidate_whose_worker_is_lost_twice_is_recorded_and_the_others_are_as_they_were(
    pool: Ray, file: Path, search: Any
) -> None:
    quiet, marks = search(pool, epochs=12), file.parent / "marks"
    for mark in marks.iterdir():
        mark.unlink()
    lost: list[str] = []

    def accidents() -> None:
        first = until(lambda: next(marks.iterdir(), None), "nothing trains", seconds=300).name
        process, candidate = first.split()
        killed(parent(int(process)))
        lost.append(first)
        again = until(
            lambda: next((m.name for m in marks.glob(f"* {candidate}") if m.name != first), None),
            "it is not made again",
        )
        killed(parent(int(again.split()[0])))
        lost.append(again)

    accident = threading.Thread(target=accidents)
    accident.start()
    found = search(pool, epochs=12)
    accident.join()
    assert len(lost) == 2
    (key,) = (key for key, (_, _, error) in found.items() if error is not None)
    genome, _, error = found.pop(key)
    assert error.reason == "crashed" and "lost, twice" in error.message
    assert genome == quiet.pop(key)[0] and found == quiet


def test_a_worker_and_then_a_machine_are_lost_in_mid_training(
    machines: Any, pool: Ray, file: Path, search: Any, expected: dict[str, Any]
) -> None:
    """What they trained is trained again, elsewhere, and ends as if nothing had happened."""
    marks = file.parent / "marks"
    for mark in marks.iterdir():
        mark.unlink()
    lost: list[str] = []

    def accidents() -> None:
        worker, candidate = training(marks, raylet(machines.head_node))
        killed(worker)
        lost.append("worker")
        other, _ = training(marks, raylet(machines.second), but=candidate)
        os.kill(other, signal.SIGSTOP)  # else it may be done, and the first candidate there, before the machine is gone
        machines.remove_node(machines.second, allow_graceful=False)
        with contextlib.suppress(ProcessLookupError):
            killed(other)
        lost.append("machine")

    accident = threading.Thread(target=accidents)
    accident.start()
    found = search(pool)
    accident.join()
    assert lost == ["worker", "machine"]
    assert found == expected
    assert until(lambda: len([n for n in pool._ray.nodes() if n["Alive"]]) == 1, "the machine is still there")


def test_what_a_candidate_does_is_its_own_outcome(pool: Ray) -> None:
    pool.memory = 200_000_000
    try:
        calls = (candidates.leave, candidates.refuse, candidates.swell, candidates.end_worker)
        errors = [pool.submit(call).exception(120) for call in calls]
        assert [type(error).__name__ for error in errors] == ["Crashed", "Diverged", "OutOfMemory", "Crashed"]
        assert "exit code 3" in str(errors[0]) and "200 MB" in str(errors[2]) and "lost, twice" in str(errors[3])
        pool.seconds = 2
        assert "more than 2 s" in str(pool.submit(candidates.sleep).exception(120))
        pool.seconds = None
        offset = 100.0
        with Study(None, ToySpace(2, 6), strategy=Anywhere()) as study:
            assert study.run(lambda graph: offset + sum(graph.numbers), trials=8, on=pool).closed == 8
            assert all(trial.measures["accuracy"] == 100 + sum(trial.graph.numbers) for trial in study.trials)
    finally:
        pool.seconds = pool.memory = None


def test_the_function_is_opened_once_in_each_process(pool: Ray) -> None:
    counted = candidates.Counted()
    assert [pool.submit(counted, x).result(60) for x in range(4)] == [(x, 1) for x in range(4)]


def test_cancelling_ends_what_runs(pool: Ray, tmp_path: Path) -> None:
    call = pool.submit(candidates.start_and_hang, str(tmp_path / "pid"))
    started = until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it never ran")
    call.cancel()
    assert "cancelled" in str(call.exception(30))
    assert until(lambda: not alive(int(started)), "what it started runs on")


def test_what_cannot_be_is_said_at_once(pool: Ray, machines: Any) -> None:
    with pytest.raises(StudyError, match=r"no machine .* 64 CPU \(the most is 1 CPU\)"):
        Ray(machines.address, cpus=64)
    from nasmyth.study.cluster import _guarded

    with pytest.raises(StudyError, match="the search 0.0: install the same"):
        _guarded([], b"", b"", (None, None), "0.0")


SCRIPT = """
import sys
import torch
from torch import nn
import nasmyth
from nasmyth import Space, chain, choice, ops
from nasmyth.study import Study
from nasmyth.search import Random

@nasmyth.op("b c h w -> b c h w")
class GateOfAScript(nn.Module):
    def __init__(self, c: int, expand: int = 2) -> None:
        super().__init__()

    def forward(self, x):
        return x * torch.sigmoid(x)

space = Space(chain(ops.Conv(choice(2, 3)), GateOfAScript(), ops.Mean("h w"), ops.Linear(10)), (1, 8, 8))

def evaluate(graph):
    return {"accuracy": float(len(graph.nodes))}

if __name__ == "__main__":
    with Study(None, space, strategy=Random()) as study:
        print(study.run(evaluate, trials=2, on="ray"), *[trial.error for trial in study.trials])
"""


def test_ops_of_the_script_itself(machines: Any, pool: Ray, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "RAY_ADDRESS": machines.address, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, env=environment, cwd=tmp_path)
    assert "2 trials in" in done.stdout, done.stderr[-3000:]
    assert "failed" not in done.stdout


def started(mark: str) -> list[Path]:
    """All processes with this in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                found.append(process)
    return found


def lines(mark: str) -> list[str]:
    """What started them."""
    found = []
    for process in started(mark):
        with contextlib.suppress(OSError):
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def listening(mark: str) -> set[str]:
    """Addresses (hexadecimal) at which such processes listen, as the kernel says."""
    held = set()
    for process in started(mark):
        with contextlib.suppress(OSError):
            held |= {os.readlink(handle) for handle in process.joinpath("fd").iterdir()}
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held}


def test_ctrl_c_leaves_nothing_running(file: Path, tmp_path: Path) -> None:
    """A search that started Ray itself, stopped as a terminal stops it: its whole process group hears of it."""
    marks = file.parent / "marks"
    for old in marks.iterdir():
        old.unlink()
    mark = f"mark-{uuid.uuid4()}"
    environment = {**os.environ, "NASMYTH_TEST": mark, "PYTHONPATH": str(ROOT)}
    environment.pop("RAY_ADDRESS", None)
    line = [
        *(sys.executable, "-m", "nasmyth.cli", "search", f"{file}:space"),
        *("--data", "digits", "--strategy", "random", "--trials", "40", "--epochs", "50", "--on", "ray", "-o", "a.db"),
    ]
    with subprocess.Popen(
        line, env=environment, cwd=tmp_path, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as search:
        until(lambda: any(marks.iterdir()) or search.poll() is not None, "nothing trains")
        assert any("raylet" in line for line in lines(mark)), "it runs Ray"
        loopback = "0100007F"
        heard = listening(mark)
        assert heard and all(where.endswith(loopback) for where in heard), f"others can reach it: {heard}"
        os.killpg(search.pid, signal.SIGINT)
        told, _ = search.communicate(timeout=60)
        found = b"interrupted before anything" not in told
        assert search.returncode == int(not found) and b"Interrupted" in told, told.decode()[-3000:]
    assert until(lambda: not lines(mark), f"left: {lines(mark)}", seconds=15)
    with Study.open(tmp_path / "a.db") as study:
        assert study.journal.claims() == [] and study.trials
