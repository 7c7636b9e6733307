"""Four workers train networks for one study on a PostgreSQL server, and are killed one after another."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from study_crew import outcomes, searched, train

from nasmyth.study import Study
from nasmyth.study.claims import Worker

TRIALS, WORKERS = 16, 4


def test_workers_that_are_killed_lose_no_training_and_repeat_none(postgres: str, tmp_path: Path) -> None:
    where, side = f"{postgres}?schema=lost_workers", tmp_path / "trained.txt"
    processes = get_context("forkserver")  # which imports once for all: a new worker is at work at once
    processes.set_forkserver_preload(["study_crew"])
    rng, interrupted, untold = random.Random(2), set[int](), Counter[int]()
    told: dict[int, Any] = {}

    def started() -> Any:
        process = processes.Process(target=train, args=(where, str(side), TRIALS), daemon=True)
        process.start()
        return process

    whole = train(None, str(tmp_path / "whole.txt"), TRIALS)
    crew: list[Any] = []
    try:
        with searched(where) as study:  # looked at from before the first is at work
            crew += [started() for _ in range(WORKERS)]
            while len(told) < TRIALS - 2 * WORKERS:
                while len(outcomes(study)) < len(told) + 2:
                    assert all(one.is_alive() for one in crew)
                    time.sleep(0.05)
                time.sleep(rng.uniform(0, 0.3))
                found, held = at_work(study, crew, rng)
                crew.remove(found)
                before, told = told, outcomes(study)
                assert before.items() <= told.items(), "a finished result was lost or changed"
                interrupted |= held
                untold.update(trial for pid, trial in trainings(side) if pid == found.pid and trial not in told)
                found.kill()
                found.join()
                crew.append(started())
            for one in crew:
                one.join(600)
                assert one.exitcode == 0
            assert outcomes(study) == whole, "all came to their end, and as if nothing had happened"
            assert study.journal.claims() == []
    finally:
        for one in crew:
            one.kill()
    assert len(interrupted) >= 2, "some were killed in the middle of a training"
    paid = Counter(trial for _, trial in trainings(side))
    assert paid == Counter(whole.keys()) + untold, (
        "nothing is trained to its end again, but what could not be written down"
    )


def at_work(study: Study, crew: list[Any], rng: random.Random) -> tuple[Any, set[int]]:
    """One of the crew, stopped while it trains, and what it trains: it still holds that while it is looked at."""
    while True:
        for one in rng.sample(crew, len(crew)):
            os.kill(one.pid, signal.SIGSTOP)
            time.sleep(0.05)  # what it has sent to the server is written
            held = {claim.trial for claim in study.journal.claims() if pid_of(claim.worker) == one.pid}
            if held:
                return one, held
            os.kill(one.pid, signal.SIGCONT)  # it begins, or is between two trainings
        assert all(one.is_alive() for one in crew)
        time.sleep(0.05)


def trainings(side: Path) -> list[tuple[int, int]]:
    """Of each training that came to its end: the process and the trial."""
    return [(int(pid), int(trial)) for pid, trial in (line.split() for line in side.read_text().splitlines())]


def pid_of(worker: str) -> int:
    named = Worker.parse(worker)
    assert named is not None
    return named.pid
