"""Is a search with real trainings worth it? A strategy beside random search on digits, cell and recipe together.

    python benchmarks/search_digits.py [--strategy auto] [--seeds 10] [--trials 60] > benchmarks/search_digits.txt

A cell of NAS-Bench-201 in a network 4 channels wide, and how it is trained: learning rate, decay and smoothing. Each candidate
is trained for 3 epochs. Both strategies have as many trainings; printed: the best validation accuracy after
10, 20 ... of them, the test accuracy of the best at the end, and the difference, paired by seed, with its 95 % interval
(Student's t).
"""

from __future__ import annotations

import argparse
from typing import Any

import nasmyth
from nasmyth.bench.protocol import interval
from nasmyth.cli.strategies import strategy_of
from nasmyth.funnel.final_test import network_of
from nasmyth.search import FULL
from nasmyth.space import Space, choice, real
from nasmyth.spaces import spaces
from nasmyth.study import Study
from nasmyth.train import SGD, Recipe, evaluate

EPOCHS, STEP = 3, 10
"""Of a candidate; trainings between two figures."""


def space_of(task: Any) -> Space:
    cells = spaces.get("nb201")(input=task.input, classes=10, width=4, cells=1)
    optimizer = SGD(lr=real(1e-3, 1.0, log=True), weight_decay=real(1e-5, 1e-2, log=True))
    return Space(cells.template, cells.inputs, Recipe(optimizer=optimizer, smoothing=choice(0.0, 0.1), epochs=EPOCHS))


def search(strategy: str, seed: int, trials: int) -> tuple[list[float], float]:
    """The best validation accuracy after 10, 20 ... trainings in %, and the test accuracy of the best at the end."""
    task = nasmyth.read("digits", seed=seed)
    with Study(
        None, space_of(task), maximize="accuracy", strategy=strategy_of(strategy), seed=seed, task=task
    ) as study:
        study.run(task, trials)
        told = [trial.objectives[0] if trial.objectives else 0.0 for trial in study.trials if trial.stage == FULL]
        test = evaluate(network_of(study, study.best), task, "test")["accuracy"]
    curve = [100 * max(told[:count]) for count in range(STEP, trials + 1, STEP)]
    return curve, 100 * test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", default="auto")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    args = parser.parse_args()
    found: dict[str, list[list[float]]] = {"random": [], args.strategy: []}
    for seed in range(args.seeds):
        for name, runs in found.items():
            curve, test = search(name, seed, args.trials)
            runs.append([*curve, test])
    counts = [str(count) for count in range(STEP, args.trials + 1, STEP)]
    print(f"{'trainings':14}" + "".join(f"{count:>16}" for count in [*counts, "test of the best"]))
    for name, runs in found.items():
        print(line(name, runs, "{:.2f} ± {:.2f}"))
    pairs = zip(found[args.strategy], found["random"], strict=True)
    gains = [[ours - theirs for ours, theirs in zip(*pair, strict=True)] for pair in pairs]
    print(line("difference", gains, "{:+.2f} ± {:.2f}"))


def line(name: str, runs: list[list[float]], form: str) -> str:
    """Mean and interval over runs."""
    told = (form.format(*interval(list(column))) for column in zip(*runs, strict=True))
    return f"{name:14}" + "".join(f"{one:>16}" for one in told)


if __name__ == "__main__":
    main()
