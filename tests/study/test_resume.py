"""Killed at any moment, a search goes on as if nothing had been: no result is lost, and none is paid for twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from study_child import child, search
from study_toys import Anywhere, ToySpace, story

from nasmyth.study import Study
from nasmyth.study.journal import Journal

TRIALS, KILLS = 40, 10


def test_killed_ten_times_it_ends_like_one_that_was_not(shared: Callable[[str], str], tmp_path: Path) -> None:
    where, side = shared("killed"), tmp_path / "killed.txt"
    rng, told_before = random.Random(1), [set[int]()]
    Journal(where).close()
    for round in range(KILLS):
        until = lines(side) + (rng.randint(2, 4) if round % 2 else 0)  # after some results, or while it opens
        process = child("search", where, str(side), str(TRIALS), "0.04")
        while lines(side) <= until:
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.04 if round % 2 else 0.4))
        assert process.poll() is None, "it ended before it was killed"
        process.kill()
        process.communicate()
        with Journal(where, readonly=True) as journal:
            told_before.append({e.trial for e in journal.read() if e.kind in ("tell", "fail") and e.trial})
    search(where, str(side), str(TRIALS), "0")
    search(shared("whole"), str(tmp_path / "whole.txt"), str(TRIALS), "0")

    with Journal(where) as killed, Journal(shared("whole")) as whole:
        assert story(killed) == story(whole)
        assert sum(e.kind in ("tell", "fail") for e in killed.read()) == TRIALS
    runs = [[int(n) for n in run.split()] for run in side.read_text().split("begin\n")[1:]]
    assert len(runs) == KILLS + 1
    for told, run in zip(told_before, runs, strict=True):
        assert not told & set(run), "a finished result was computed again"
        assert len(run) == len(set(run))
    assert len(told_before[-1]) >= KILLS // 2


def lines(side: Path) -> int:
    """How many lines the file has, a missing one counting as none."""
    return len(side.read_text().split()) if side.exists() else 0


def test_what_a_killed_worker_held_is_handed_out_again_at_once(shared: Callable[[str], str]) -> None:
    where = shared("a")
    process = child("hold", where)
    assert process.stdout is not None
    assert process.stdout.readline().split() == ["1", "2"]
    with Study(where, ToySpace(), strategy=Anywhere()) as study:
        genomes = {trial.number: trial.genome for trial in study.trials}
        assert [trial.number for trial in study.ask(1)] == [3], "they are held by a process that lives"
        process.kill()
        process.communicate()
        again = study.ask(3)
        assert [trial.number for trial in again] == [1, 2, 4]
        assert all(trial.genome == genomes[trial.number] for trial in again[:2])


def test_a_lease_that_ended_lapses_and_the_first_result_stands(kept: Callable[[str], str | None]) -> None:
    where = kept("a")
    with Study(where, ToySpace(), strategy=Anywhere(), lease=60) as slow:
        trial = slow.ask()[0]
        slow.journal.renew(slow.journal.claims()[0].worker, -1)  # as if the machine had slept for an hour
        if where is None:
            return
        with Study(where, ToySpace(), strategy=Anywhere()) as fast:
            assert fast.ask()[0].number == trial.number
            assert fast.ask()[0].number == 2
            fast.tell(1, accuracy=0.75)
        assert slow.tell(trial, accuracy=0.25).measures == {"accuracy": 0.75}
        assert sum(e.kind == "tell" for e in slow.journal.read()) == 1


def test_a_live_worker_keeps_its_claims_longer_than_a_lease(shared: Callable[[str], str]) -> None:
    with Study(shared("a"), ToySpace(), strategy=Anywhere(), lease=0.3) as study:
        study.ask()
        before = study.journal.claims()[0].expires
        deadline = time.monotonic() + 20
        while study.journal.claims()[0].expires <= before + 0.3:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_study_that_is_closed_or_forgotten_gives_back(shared: Callable[[str], str]) -> None:
    where = shared("a")
    with Study(where, ToySpace(), strategy=Anywhere()) as study:
        study.ask(2)
    lost = Study(where, ToySpace(), strategy=Anywhere())
    assert [trial.number for trial in lost.ask(2)] == [1, 2]
    journal = lost.journal
    del lost
    with Study(where, ToySpace(), strategy=Anywhere()) as study:
        assert [trial.number for trial in study.ask(3)] == [1, 2, 3]
    journal.close()
