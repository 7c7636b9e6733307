"""A study that one process holds: another is told who it is, until that one has ended, however it ended."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from study_child import child
from study_toys import Anywhere, ToySpace

from nasmyth.errors import StudyError
from nasmyth.study import Study, ahead


def opened(where: str) -> Study:
    return Study(where, ToySpace(), strategy=Anywhere())


def test_another_process_is_named_and_a_killed_one_holds_nothing(shared: Callable[[str], str]) -> None:
    where = shared("a")
    process = child("hold_alone", where)
    assert process.stdout is not None and process.stdout.readline() == "alone\n"
    with opened(where) as study:
        for _ in range(2):
            with (
                pytest.raises(StudyError, match=f"worked on by process {process.pid} on this machine: wait"),
                study.alone(),
            ):
                pass
        process.kill()
        process.communicate()
        with study.alone():
            assert study.ask()[0].number == 1


def test_a_process_that_shares_the_work_is_noticed_too(shared: Callable[[str], str]) -> None:
    where = shared("a")
    process = child("hold", where)
    assert process.stdout is not None and process.stdout.readline()
    with opened(where) as study:
        with pytest.raises(StudyError, match=f"process {process.pid}"), study.alone():
            pass
        process.kill()
        process.communicate()
        with study.alone():
            assert len(study.ask(2)) == 2


def test_after_it_nothing_is_held(shared: Callable[[str], str]) -> None:
    where = shared("a")
    with opened(where) as first, opened(where) as second:
        with first.alone():
            assert [trial.number for trial in first.ask(2)] == [1, 2]
            with pytest.raises(StudyError, match="worked on by this process"), second.alone():
                pass
        with second.alone():
            assert [trial.number for trial in second.ask(2)] == [1, 2]


def test_it_is_seen_before_anything_is_read(tmp_path: os.PathLike[str]) -> None:
    where = os.path.join(tmp_path, "a.db")
    ahead.look(where, strategy=Anywhere(), seed=0, alone=True)
    assert not os.path.exists(where)
    with opened(where) as study, study.alone():
        ahead.look(where, strategy=Anywhere(), seed=0)
        with pytest.raises(StudyError, match="worked on by"):
            ahead.look(where, strategy=Anywhere(), seed=0, alone=True)
        for options, said in [
            ({"seed": 1}, "seed: it has 0, this asks for 1"),
            ({"seed": 0, "minimize": "loss"}, "it has max accuracy, this asks for min loss"),
            ({"seed": 0, "under": ["loss<=1"]}, "under: it has no constraints"),
        ]:
            with pytest.raises(StudyError, match=said):
                ahead.look(where, strategy=Anywhere(), **options)
    with pytest.raises(StudyError, match="mkdir -p"):
        ahead.look(os.path.join(tmp_path, "no", "a.db"), strategy=Anywhere(), seed=0)
