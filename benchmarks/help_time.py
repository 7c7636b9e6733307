"""Seconds until `nasmyth --help` has printed, and that torch is not imported for it.

    python benchmarks/help_time.py [--runs 20]

Each run is a new process with files in the disk cache. Baseline: a Python that does nothing, in the same environment.
Printed: the median, and the 95 % confidence interval of the mean (Student's t).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from nasmyth.bench.protocol import interval

AT_MOST, AIM = 0.4, 0.15


def timed(command: list[str], runs: int) -> list[float]:
    """Seconds of each run; the first two only warm up."""
    found = []
    for _ in range(runs + 2):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(time.perf_counter() - start)
    return found[2:]


def said(seconds: list[float]) -> str:
    mean, half = interval(seconds)
    return f"{statistics.median(seconds):.3f} s (mean {mean:.3f} [{mean - half:.3f}, {mean + half:.3f}])"


def main() -> int:
    """Print the figures; 1 if it takes too long or imports torch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    program = str(Path(sys.executable).with_name("nasmyth"))
    traced = [sys.executable, "-X", "importtime", program, "--help"]
    asked = subprocess.run(traced, capture_output=True, text=True, check=True)
    torch = any(line.rpartition("|")[2].strip() == "torch" for line in asked.stderr.splitlines())
    helped = timed([program, "--help"], runs)
    print(f"nasmyth --help          {said(helped)}   (at most {AT_MOST}, aim {AIM})")
    print(f"python -c pass          {said(timed([sys.executable, '-c', 'pass'], runs))}   (baseline)")
    print(f"torch imported          {'yes' if torch else 'no'}")
    return int(torch or statistics.median(helped) > AT_MOST)


if __name__ == "__main__":
    sys.exit(main())
