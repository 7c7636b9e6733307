"""What an operator is worth by the idea of the paper that it comes from: one experiment a name, on data that it makes itself.

    python benchmarks/operators.py                                              # the names, and what each asks
    python benchmarks/operators.py --only label_attention --seeds 5 > benchmarks/operators_of/label_attention.txt

An experiment is a file of `operators_of/`: its docstring says what is compared and how, and `table(seeds)` yields the lines
that are printed as they come. Figures are means with their 95 % interval over seeds (`spread`), beside the baseline of the
same run.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import platform
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

import operators_of


def main() -> None:
    names = sorted(found.name for found in pkgutil.iter_modules(operators_of.__path__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"some of {', '.join(names)}")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    args = parser.parse_args()
    wanted = args.only.split(",") if args.only else []
    if unknown := [name for name in wanted if name not in names]:
        parser.error(f"--only {','.join(unknown)}: not one of {', '.join(names)}")
    if not wanted:
        for name in names:
            about = importlib.import_module(f"operators_of.{name}").__doc__ or ""
            print(f"{name:<24} {about.splitlines()[0]}")
        return
    torch.set_num_threads(1)
    for name in wanted:
        experiment = importlib.import_module(f"operators_of.{name}")
        print(f"python benchmarks/operators.py --only {name} --seeds {args.seeds}")
        print(f"Python {platform.python_version()}, torch {torch.__version__}, one thread\n", flush=True)
        for line in experiment.table(range(args.seeds)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
