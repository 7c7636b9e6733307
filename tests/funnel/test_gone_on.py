"""A design that was killed goes on at once, with networks that are trained; one that runs is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from design_child import LINE

from nasmyth.design import Progress, design
from nasmyth.errors import StudyError
from nasmyth.study import Study
from nasmyth.study.leases import refuse_busy


def child(*arguments: str, on: str = "here") -> subprocess.Popen[str]:
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2]), "DESIGN_ON": on
    }  # fmt: skip
    line = [sys.executable, str(Path(__file__).with_name("design_child.py")), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("on", ["here", "processes"])
def test_killed_while_the_plain_network_trains_it_is_trained_again_and_in_full(on: str, tmp_path: Path) -> None:
    """What the process imports is no part of the time of its first training."""
    where = str(tmp_path / "a.db")
    killed = child("die_at", "baseline", where, on=on)
    _, said = killed.communicate(timeout=300)
    assert killed.returncode == -9, said
    with Study.open(where) as study:
        trial, *_ = study.trials
        assert trial.origin == "baseline" and not trial.closed
    again = child("go_on", "explore" if on == "here" else "final", where, on=on)
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    with Study.open(where) as study:
        trial, *_ = study.trials
        assert trial.finished, (trial.error, study.notes)
        stage = trial.stages[trial.stage.name]
        assert stage["epochs"] > 20 and trial.measures["accuracy"] > 0.6
        timings = [note["seconds"] for note in study.notes if note["what"] == "phase" and note["name"] == "timing"]
        assert timings[-1] >= 6.0, "imports are paid for before the first training"


def test_a_second_process_is_told_and_harms_nothing(tmp_path: Path) -> None:
    where = str(tmp_path / "a.db")
    first = child("wait_at", "baseline", where)
    assert first.stdout is not None and first.stdout.readline() == "here\n"
    before = Path(where).read_bytes()
    with pytest.raises(StudyError, match=f"{where} is being worked on by process {first.pid} on this machine"):
        design("no such data", **LINE, out=where)  # it is said before any data is read
    assert Path(where).read_bytes() == before
    first.kill()
    first.communicate()

    def stop(progress: Progress) -> None:
        if progress.phase == "timing":
            raise KeyboardInterrupt

    found = design("iris", **LINE, out=where, progress=stop)
    assert found.interrupted
    refuse_busy(found.study.journal)  # nobody alive holds anything of it
    found.study.close()
