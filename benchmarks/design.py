"""A whole design, once a seed: score, time kept, share of the time spent training, peak memory.

    python benchmarks/design.py                                           # digits, params<=10k, 90 s, five seeds
    python benchmarks/design.py fashion_mnist.npz --under 'params<=100k' --spend 2m --seeds 1

Baselines: for the score, the plain hand-designed network under the same budget, trained the same way in the same run; for
the memory, a process that imports torch and reads the data (an .npz) and does no more. Each design is a process of its
own. Printed: each run, then the means with their 95 % confidence intervals (Student's t).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from nasmyth.bench.protocol import interval

SHARE_AT_LEAST, SHARE_AIM = 0.8, 0.9
MEMORY_AT_MOST, MEMORY_AIM = 2.0, 1.0
_READ = "import sys, torch, numpy as np; d = np.load(sys.argv[1]); kept = [torch.from_numpy(d[k]) for k in d]"
_PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


def peak_of(command: list[str], folder: Path) -> float:
    """Run a command; its peak memory in GiB."""
    figure = folder / "peak"
    subprocess.run([sys.executable, "-c", _PEAK, str(figure), *command], check=True, stdout=subprocess.DEVNULL)
    return int(figure.read_text()) / 2**20


def designed(data: str, under: list[str], spend: str, seed: int) -> dict[str, Any]:
    """Figures of one design."""
    with tempfile.TemporaryDirectory() as name:
        folder, program = Path(name), str(Path(sys.executable).with_name("nasmyth"))
        study = str(folder / "study.db")
        limits = [word for one in under for word in ("--under", one)]
        command = [program, "design", data, *limits, "--spend", spend, "--seed", str(seed), "--quiet", "-o", study]
        start = time.perf_counter()
        peak = peak_of(command, folder)
        elapsed = time.perf_counter() - start
        said = json.loads(subprocess.run([program, "show", study, "--json"], check=True, capture_output=True).stdout)
    training = sum(stage.get("training", 0.0) for one in said["trials"] for stage in one["stages"].values())
    timing = said["spend"]["phases"].get("timing", 0.0)  # one epoch of the baseline, to plan by: also a training
    result = said["result"] or {}
    return {
        "elapsed": elapsed, "share": (training + timing) / elapsed, "peak": peak, "trials": len(said["trials"]),
        "result": {name: value for name, value in result.items() if isinstance(value, int | float | dict)},
    }  # fmt: skip


def shown(values: list[float]) -> str:
    mean, half = interval(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    return f"{mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]"


def main() -> int:
    """Print the figures; 1 if too little time is spent training, or too much memory taken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="digits")
    parser.add_argument("--under", action="append", default=[])
    parser.add_argument("--spend", default="90s")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    under = args.under or ["params<=10k"]
    runs = []
    for seed in range(args.seeds):
        runs.append(designed(args.data, under, args.spend, seed))
        one = runs[-1]
        told = f"{one['share']:.0%} training, {one['peak']:.2f} GiB, {one['trials']} candidates"
        print(f"seed {seed}: {one['elapsed']:.1f} s, {told}")
        for whose in (one["result"], (one["result"] or {}).get("baseline")):
            scores = {name: round(value, 4) for name, value in (whose or {}).get("test", {}).items()}
            print(f"        {'handed over' if whose is one['result'] else 'plain network'} on test: {scores}")
    print(f"seconds (asked: {args.spend})  {shown([r['elapsed'] for r in runs])}   with the start of Python")
    print(f"share spent training   {shown([r['share'] for r in runs])}   (at least {SHARE_AT_LEAST}, aim {SHARE_AIM})")
    print(f"peak memory, GiB       {max(r['peak'] for r in runs):.2f}   (at most {MEMORY_AT_MOST}, aim {MEMORY_AIM})")
    if args.data.endswith(".npz"):
        with tempfile.TemporaryDirectory() as folder:
            baseline = peak_of([sys.executable, "-c", _READ, args.data], Path(folder))
        print(f"  of which torch and the data alone (baseline) {baseline:.2f}")
    share = statistics.mean(r["share"] for r in runs)
    return int(share < SHARE_AT_LEAST or max(r["peak"] for r in runs) > MEMORY_AT_MOST)


if __name__ == "__main__":
    sys.exit(main())
