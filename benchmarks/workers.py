"""What several workers bring to a design: trainings finished in the same time, in one process and in one for each core.

    python benchmarks/workers.py                                  # digits, params<=10k, 90 s, three seeds
    python benchmarks/workers.py --spend 60s --seeds 1
    python benchmarks/workers.py --same 40                        # a search of forty trainings, the same in both

Both are whole designs by the console, in turn; a training is one that came to its end, short ones included. Epochs are
counted as well, since one may choose longer trainings than the other. With --same, both train the same networks, drawn at
random, for as many epochs, and the seconds that this takes are compared; a first training, not counted, starts the workers.
Printed: each run, then the ratios with their 95 % intervals (Student's t over seeds).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nasmyth
from nasmyth.bench.protocol import interval
from nasmyth.search import Random
from nasmyth.spaces import spaces
from nasmyth.study import Processes, Study

AT_LEAST, AIM = 1.7, 1.9
EPOCHS = 10
"""Of a training that is the same in both."""


def trainings(data: str, under: str, spend: str, seed: int, on: str) -> tuple[int, float, float]:
    """Trainings that were finished, epochs that they did, and seconds of the whole."""
    with tempfile.TemporaryDirectory() as name:
        study, program = str(Path(name) / "study.db"), str(Path(sys.executable).with_name("nasmyth"))
        line = [
            program,
            "design",
            data,
            "--under",
            under,
            "--spend",
            spend,
            "--seed",
            str(seed),
            "--on",
            on,
            "-q",
            "-o",
            study,
        ]
        start = time.perf_counter()
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - start
        said = json.loads(subprocess.run([program, "show", study, "--json"], check=True, capture_output=True).stdout)
    done = [stage for one in said["trials"] if one["state"] == "finished" for stage in one["stages"].values()]
    epochs = [stage["epochs"] for stage in done if "epochs" in stage]
    return len(epochs), sum(epochs), took


def seconds(data: str, seed: int, count: int, workers: int) -> float:
    """What it takes to train so many networks for `EPOCHS` epochs each, in this many processes that are there already."""
    task = nasmyth.read(data)
    space = spaces.get("nb201")(input=task.input, classes=10, width=8, cells=1)
    with Study(None, space, strategy=Random(), seed=seed, task=task) as study, Processes(workers) as pool:
        study.run(task, workers, on=pool, epochs=1)
        start = time.perf_counter()
        done = study.run(task, workers + count, on=pool, epochs=EPOCHS)
        took = time.perf_counter() - start
    assert done.closed == count and not done.failed, done
    return took


def same(data: str, seeds: int, count: int) -> None:
    ratios = []
    for seed in range(seeds):
        one, two = (seconds(data, seed, count, workers) for workers in (1, 2))
        ratios.append(one / two)
        print(f"seed {seed}: {count} trainings in one process {one:.1f} s, in two {two:.1f} s", flush=True)
    mean, half = interval(ratios)
    print(f"two processes are {mean:.2f} ± {half:.2f} times as fast (at least {AT_LEAST}, aim {AIM})")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", nargs="?", default="digits")
    arguments.add_argument("--under", default="params<=10k")
    arguments.add_argument("--spend", default="90s")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--same", type=int, default=0, metavar="TRAININGS")
    said = arguments.parse_args()
    if said.same:
        same(said.data, said.seeds, said.same)
        return
    ratios: dict[str, list[float]] = {"trainings": [], "epochs": []}
    for seed in range(said.seeds):
        one, several = (trainings(said.data, said.under, said.spend, seed, on) for on in ("here", "processes"))
        ratios["trainings"].append(several[0] / one[0])
        ratios["epochs"].append(several[1] / one[1])
        print(
            f"seed {seed}: one process {one[0]} trainings, {one[1]:.0f} epochs, {one[2]:.1f} s; "
            f"one a core {several[0]}, {several[1]:.0f}, {several[2]:.1f} s",
            flush=True,
        )
    for what, found in ratios.items():
        mean, half = interval(found)
        print(f"{what}: {mean:.2f} ± {half:.2f} times as many (at least {AT_LEAST}, aim {AIM})")


if __name__ == "__main__":
    main()
