"""Malformed files, texts and calls by the ten thousand: what becomes of each.

    python benchmarks/fuzz.py --cases 100000                    # all targets, two processes at a time
    python benchmarks/fuzz.py --only csv npz --cases 2000 --seed 7
    python benchmarks/fuzz.py --again 'csv 1234'                # one case, with its traceback

Cases are numbered; a number is the same input in every run, and `--seed` goes on with other numbers. Printed: by target how
many were taken, refused in words, or broke a rule (`tests/fuzz/fuzz_harness.py` states the rules); then what broke one.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent / "tests" / "fuzz"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
sys.path.insert(0, str(HERE))

import fuzz_harness  # noqa: E402
import fuzz_targets  # noqa: E402

AT_LEAST, AIM = 1e-4, 0.0
RULES = ("other exception", "hang", "memory", "escape", "crash")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--only", nargs="+", choices=fuzz_targets.NAMES, default=list(fuzz_targets.NAMES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=40, help="how many broken cases are printed")
    parser.add_argument("--again", metavar="'TARGET NUMBER'", help="run one case here, and let what it raises through")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as good:
        os.environ[fuzz_targets.GOOD] = good
        fuzz_targets.make(Path(good))
        if args.again:
            return again(args.again)
        start = time.perf_counter()
        tally = counted(
            fuzz_harness.spread(
                {name: fuzz_targets.SHARES[name] for name in args.only}, args.cases, args.workers, args.seed
            )
        )
    return told(tally, args, time.perf_counter() - start)


def again(named: str) -> int:
    import random

    target, _, number = named.rpartition(" ")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        fuzz_targets.prepared()[target](random.Random(f"{target} {number}"), Path(folder))
        os.chdir("/")
    print("taken")
    return 0


def counted(rows: list[list[tuple[str, int]]]) -> fuzz_harness.Tally:
    """All cases, a thread a worker process."""
    tally, found = fuzz_harness.Tally(), queue.Queue[fuzz_harness.Outcome | BaseException | None]()

    def follow(cases: list[tuple[str, int]]) -> None:
        try:
            for one in fuzz_harness.outcomes(cases):
                found.put(one)
            found.put(None)
        except BaseException as error:
            found.put(error)

    for cases in rows:
        threading.Thread(target=follow, args=(cases,), daemon=True).start()
    open_rows, total = len(rows), sum(map(len, rows))
    while open_rows:
        one = found.get()
        if isinstance(one, BaseException):
            raise one
        if one is None:
            open_rows -= 1
            continue
        tally.add(one)
        done = sum(tally.counts.values())
        if done % (100 if sys.stderr.isatty() else max(1, total // 20)) == 0:
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"{done:,} of {total:,}, {len(tally.broken)} broke a rule ", end=end, file=sys.stderr, flush=True)
    return tally


def told(tally: fuzz_harness.Tally, args: argparse.Namespace, seconds: float) -> int:
    heads = ("taken", "refused", *RULES, "slowest", "largest")
    print(f"{'':12}" + "".join(f"{head:>17}" for head in heads))
    for target in args.only:
        cells = [f"{tally.counts[target, what]:,}" for what in heads[:-2]]
        cells += [f"{tally.slowest.get(target, 0):.1f} s", f"{tally.largest.get(target, 0) / 2**20:,.0f} MiB"]
        print(f"{target:12}" + "".join(f"{cell:>17}" for cell in cells))
    total, broken = sum(tally.counts.values()), len(tally.broken)
    print(f"\n{broken} of {total:,} cases broke a rule: {broken / total:.4%} (at most {AT_LEAST:.2%}, aim {AIM:.0%}); "
          f"seed {args.seed}, {seconds:.0f} s, {args.workers} processes")  # fmt: skip
    seen: Counter[str] = Counter()
    for one in sorted(tally.broken):
        where = f"{one.target}: {one.detail.split('(')[-1] if one.what == 'other exception' else one.what}"
        seen[where] += 1
        if seen[where] == 1 and len(seen) <= args.show:
            print(f"  {one.target} {one.number}: {one.what}: {one.detail}")
    return int(broken > AT_LEAST * total)


if __name__ == "__main__":
    sys.exit(main())
