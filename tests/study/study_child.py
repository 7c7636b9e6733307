"""What the tests run in other processes: `python study_child.py WHAT ARGUMENTS...`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def child(what: str, *arguments: str) -> subprocess.Popen[str]:
    """Start one of the functions below in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    line = [sys.executable, __file__, what, *arguments]
    return subprocess.Popen(line, env=environment, stdin=pipe, stdout=pipe, text=True)


def write_and_claim(where: str, me: str, batches: str, trials: str) -> None:
    """Append pairs of events, claim what is free, and hold it until told to end."""
    from nasmyth.study import Journal, event
    from nasmyth.study.claims import enrol

    with Journal(where) as journal:
        for i in range(int(batches)):
            journal.append([event("note", int(me), i=i), event("note", int(me), i=i)])
        worker = enrol()
        got = [t for trial in range(int(trials)) for t in journal.claim([trial], worker)]
        print(*got, flush=True)
        sys.stdin.readline()


def hold(where: str) -> None:
    """Ask for two trials, and hold them until killed."""
    from study_toys import Anywhere, ToySpace

    from nasmyth.study import Study

    study = Study(where, ToySpace(), strategy=Anywhere())
    print(*[trial.number for trial in study.ask(2)], flush=True)
    sys.stdin.readline()


def hold_alone(where: str) -> None:
    """Work on a study alone until killed."""
    from study_toys import Anywhere, ToySpace

    from nasmyth.study import Study

    with Study(where, ToySpace(), strategy=Anywhere()) as study, study.alone():
        study.ask()
        print("alone", flush=True)
        sys.stdin.readline()


def search(where: str, side: str, trials: str, pause: str) -> None:
    """A seeded search on a fixed evaluation, which writes a line for each result that it pays for."""
    from study_toys import Climb, ToySpace, score

    from nasmyth.study import Study

    with open(side, "a", buffering=1) as log:
        log.write("begin\n")
        study = Study(where, ToySpace(), strategy=Climb(), seed=5)

        def evaluate(trial: Any) -> dict[str, float]:
            study.record(trial, "counts", {"sum": sum(trial.graph.numbers)})
            time.sleep(float(pause) / 2)
            study.record(trial, "short", {"accuracy": score(trial.graph) / 2}, curve=[1, 2])
            time.sleep(float(pause) / 2)
            log.write(f"{trial.number}\n")
            if sum(trial.graph.numbers) % 5 == 0:
                raise ArithmeticError("this one never works")
            return {"accuracy": score(trial.graph)}

        study.run(evaluate, trials=int(trials))
        study.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
