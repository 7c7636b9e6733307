"""What a design is worth: its test error beside that of other ways to spend the same time, on images and tables.

    python benchmarks/worth.py --data DIR                                   # everything: days
    python benchmarks/worth.py --tasks digits,adult-5k --methods plain,design --seeds 3 --spend-scale 0.2
    python benchmarks/worth.py --data DIR --reference plain.py --before ../older --with optuna,flaml,autogluon
    taskset -c 1 python benchmarks/worth.py --cores 1 --tasks adult         # beside another, each on a core of its own
    python benchmarks/worth.py --methods design,without-fixed,without-starts  # what a part of a design is worth
    python benchmarks/worth.py --figures                                    # of what is there, without a run
    python benchmarks/worth.py --regret digits.db other.db --data digits    # of designs that exist

Every method has a process of its own, the same seconds, cores, training part and test split (`worth_of/methods.py` and the
files beside it). A finished run is a line of the file of results: the same command again goes on with what is missing,
whatever ended it. Printed: mean test score, the test error as a ratio to that of the plain network which had all the
time, wins and losses, tasks where it is worse, and the regret of what a design handed over beside that of simpler rules.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from worth_of.job import Job
from worth_of.methods import INSTALLED, METHODS, WITHOUT, Methods
from worth_of.page import choice, page
from worth_of.results import append, comparable, key, load
from worth_of.tasks import TASKS, Benchmark, chosen, prepared, source_of

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "nasmyth-worth"


def main() -> int:
    args = arguments()
    if args.regret:
        return regret(args)
    tasks, seeds = chosen(args.tasks), range(args.seeds)
    methods = Methods(
        args.cache,
        args.cores,
        args.before and args.before.resolve(),
        args.reference,
        listed(args.also, INSTALLED),
        args.keep,
    )
    if not args.figures:
        methods.install()
        try:
            compare(args, methods, [task for task in tasks if there(task, args.data)], methods_of(args), seeds)
        except KeyboardInterrupt:
            print(f"interrupted; the same command goes on with what {args.out} has not")
            return 130
    wanted = {task.name for task in tasks}
    records = comparable(load(args.out), args.cores, args.spend_scale, {task.name: task.spend for task in TASKS})
    records = [one for one in records if one["task"] in wanted]
    print(page(records) if records else f"{args.out}: no results of this time on {args.cores} cores yet")
    return 0


def compare(
    args: argparse.Namespace, methods: Methods, tasks: list[Benchmark], names: tuple[str, ...], seeds: range
) -> None:
    """Every run that is missing, all of one seed before those of the next."""
    done = {key(one) for one in load(args.out) if args.retry is False or "failure" not in one}
    for name in names:
        reasons = {methods.unable(name, task) for task in tasks}
        if tasks and "" not in reasons:
            print(f"{name}: left out ({', '.join(sorted(reasons))})", flush=True)
    plan = [(seed, task, name) for seed in seeds for task in tasks for name in names if not methods.unable(name, task)]
    for number, (seed, task, name) in enumerate(plan, 1):
        spend = task.spend * args.spend_scale
        if (task.name, name, seed, spend, args.cores) in done:
            continue
        data = prepared(task, seed, args.data, args.cache)
        record = methods.run(name, task, data, spend, seed)
        append(args.out, record)
        told = record.get("failure") or f"{record['score']:.5g} {task.metric}"
        print(
            f"{number}/{len(plan)}  {task.name}  seed {seed}  {name}: {told}  ({record['seconds']:.0f} s)", flush=True
        )


def there(task: Benchmark, folder: Path) -> bool:
    """Whether its data is; said where not."""
    found = source_of(task, folder) is not None
    if not found:
        print(f"{task.name}: left out (there is no {folder / task.data}; --data names the folder)", flush=True)
    return found


def regret(args: argparse.Namespace) -> int:
    """Print the regret of the choice in studies that exist."""
    records, methods = [], Methods(args.cache, args.cores)
    for study in args.regret:
        data = str(args.data.resolve()) if args.data.exists() else str(args.data)
        job = Job(data, args.target, "", "", 0.0, -1 if args.seed is None else args.seed, args.cores)
        with tempfile.TemporaryDirectory() as folder:
            told = methods.regret(study.resolve(), job, Path(folder))
        if "failure" in told:
            print(f"{study}: {told['failure']}")
            continue
        records.append({"task": str(study), "method": "these designs", **told})
        print(f"{study}: {told['score']:.5g} on test, the best of {len(told['finals'])} finals "
              f"{best(told):.5g}")  # fmt: skip
    for metric, unit in (("accuracy", "points of accuracy"), ("rmse", "% of the least rmse")):
        if any(one["metric"] == metric for one in records):
            print(choice(records, "these designs", metric, unit))
    return 0 if records else 1


def best(told: dict) -> float:
    return (max if told["metric"] == "accuracy" else min)(one["test"] for one in told["finals"])


def methods_of(args: argparse.Namespace) -> tuple[str, ...]:
    """The methods that are named."""
    return listed(args.methods, (*METHODS, *WITHOUT))


def listed(text: str, known: object) -> tuple[str, ...]:
    """Names of a list "a,b". Raises SystemExit for one that is not known."""
    names = tuple(filter(None, text.split(",")))
    for name in names:
        if name not in known:  # type: ignore[operator]
            raise SystemExit(f"no method {name!r}; there are {', '.join(known)}")  # type: ignore[call-overload]
    return names


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say = parser.add_argument
    say(
        "--data",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the folder of data files; with --regret, the data itself",
    )
    say("--tasks", default="all", help="names, or data sets: " + ", ".join(task.name for task in TASKS))
    say("--methods", default=",".join(METHODS), help="some of " + ", ".join((*METHODS, *WITHOUT)))
    say("--seeds", type=int, default=3, help="how many, from 0")
    say("--spend-scale", type=float, default=1.0, help="times the seconds of each task")
    say("--cores", type=int, default=2)
    say("--out", type=Path, default=Path("worth.jsonl"), metavar="FILE.jsonl", help="the file of results")
    say("--before", type=Path, metavar="CHECKOUT", help="another checkout, with its .venv if it has one")
    say(
        "--reference",
        type=Path,
        metavar="SCRIPT",
        help="run as SCRIPT DATA.npz SECONDS PARAMS SEED; prints accuracy in %%",
    )
    say("--with", dest="also", default="", metavar="NAMES", help="install and compare: " + ", ".join(INSTALLED))
    say("--cache", type=Path, default=CACHE, help="for split data and what is installed")
    say("--keep", type=Path, metavar="DIR", help="a folder that keeps the studies of designs")
    say("--retry", action="store_true", help="run again what failed")
    say("--figures", action="store_true", help="print the figures of what is there, and run nothing")
    say("--regret", type=Path, nargs="+", metavar="STUDY.db", help="of designs that exist, by the data they had")
    say("--target", help="with --regret, of a table")
    say("--seed", type=int, help="with --regret: of the split, if it is not the study's")
    args = parser.parse_args()
    if args.cores > len(os.sched_getaffinity(0)):
        parser.error(f"--cores {args.cores}: this process may use {len(os.sched_getaffinity(0))}")
    if args.seeds < 1 or args.spend_scale <= 0 or args.cores < 1:
        parser.error("--seeds, --cores and --spend-scale are above 0")
    args.cache = args.cache.resolve()
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    return args


if __name__ == "__main__":
    sys.exit(main())
