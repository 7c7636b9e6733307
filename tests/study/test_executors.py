"""A study run here, in processes and in threads: the same results, whatever the place. See test_cluster.py for Ray."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import study_candidates as candidates
from study_toys import Anywhere, ToySpace

from nasmyth.errors import MissingExtraError, StudyError
from nasmyth.study import Processes, Study
from nasmyth.study.executors import choose


def study(where: Any = None, **options: Any) -> Study:
    return Study(where, ToySpace(2, 6), strategy=Anywhere(), **options)


def outcomes(one: Study) -> dict[str, str]:
    return {t.key: t.error.reason if t.error else str(t.measures["accuracy"]) for t in one.trials}


EXPECTED = {
    f"{a}-{b}": {1: "crashed", 2: "time", 3: "memory", 4: "diverged", 5: "crashed"}.get(a, str(float(a + b)))
    for a in range(6)
    for b in range(6)
}


def test_a_candidate_that_crashes_hangs_or_swells_is_recorded_and_the_search_goes_on(tmp_path: Path) -> None:
    with study(tmp_path / "a.db") as one, Processes(workers=2, seconds=4, memory="150MB") as pool:
        run = one.run(candidates.troubled, trials=14, on=pool)
        found = outcomes(one)
        assert run.closed == 14 and found.items() <= EXPECTED.items()
        assert len(set(found.values()) & {"crashed", "time", "memory", "diverged"}) >= 3
        assert one.journal.claims() == []
        failed = [t for t in one.trials if t.error and "ValueError" in t.error.message]
        assert all("study_candidates.py" in str(t.error) for t in failed)


def test_limits_by_name() -> None:
    with study() as one:
        one.run(candidates.of_trial, trials=3, on="processes", workers=1, limit_seconds="20s", limit_memory="1GB")
        assert [t.measures["accuracy"] for t in one.trials] == [sum(t.graph.numbers) + t.number for t in one.trials]
        with pytest.raises(StudyError, match="needs a process to end: use on='processes'"):
            one.run(candidates.troubled, trials=9, limit_seconds=1)
        with pytest.raises(StudyError, match="limits belong to the executor"):
            choose(ThreadPoolExecutor(), limit_memory="1GB")
        with pytest.raises(StudyError, match="did you mean 'processes'"):
            one.run(candidates.troubled, trials=9, on="process")


def test_the_end_of_the_time_kills_what_runs_and_gives_it_back(tmp_path: Path) -> None:
    with study(tmp_path / "a.db") as one:
        run = one.run(_forever, seconds=2, on="processes", workers=1)
        assert run.reason == "time" and run.closed == 0 and run.seconds < 60
        assert one.journal.claims() == []
        assert [t.number for t in one.ask(1)] == [1], "it is handed out again"


def _forever(graph: Any) -> float:
    candidates.sleep()
    return 0.0


def test_any_executor_will_do() -> None:
    with study() as one, ThreadPoolExecutor(3) as pool:
        assert one.run(lambda graph: float(sum(graph.numbers)), trials=36, on=pool).closed == 36
        assert outcomes(one).keys() == EXPECTED.keys()


def test_a_broken_executor_is_not_the_fault_of_a_candidate(tmp_path: Path) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with study(tmp_path / "a.db") as one, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(StudyError, match="the executor broke"):
            one.run(candidates.leave, trials=4, on=pool)
        assert one.journal.claims() == [] and not any(t.closed for t in one.trials)


def test_ray_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import nasmyth.study.cluster as cluster

    def missing(name: str, *, extra: str) -> Any:
        raise MissingExtraError(f"{name} is not installed: pip install 'nasmyth[{extra}]'")

    monkeypatch.setattr(cluster, "require", missing)
    with study() as one, pytest.raises(MissingExtraError, match=r"nasmyth\[ray\]"):
        one.run(candidates.troubled, trials=1, on="ray")
