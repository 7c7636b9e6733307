"""What several workers bring to a design: trainings finished in the same time, in one process and in one for each core.

    python benchmarks/workers.py                                  # digits, params<=10k, 90 s, three seeds
    python benchmarks/workers.py --spend 60s --seeds 1

Both are whole designs by the console, in turn; a training is one that came to its end, short ones included. Epochs are
counted as well, since one may choose longer trainings than the other. Printed: each run, then the ratios with their 95
% intervals (Student's t over seeds).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nasmyth.bench.protocol import interval

AT_LEAST, AIM = 1.7, 1.9


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


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", nargs="?", default="digits")
    arguments.add_argument("--under", default="params<=10k")
    arguments.add_argument("--spend", default="90s")
    arguments.add_argument("--seeds", type=int, default=3)
    said = arguments.parse_args()
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
