"""Ask and tell: your own loop around a study, here with two objectives.

A study is an append-only journal in one file. What was told is safe from then on, whatever happens to this process; a
trial that was asked for and never told is handed out again.
"""

import os
import time
from pathlib import Path

import nasmyth
from nasmyth import Space, blocks, chain, choice, integer, ops, repeat
from nasmyth.errors import CandidateError
from nasmyth.measure import macs, params
from nasmyth.search import Evolution
from nasmyth.train import Crop
from nasmyth.units import spend

SECONDS = spend(os.environ.get("NASMYTH_EXAMPLE_SPEND", "60s")).seconds or 60.0

SPACE = Space(
    chain(
        stem=blocks.conv_block(choice(4, 8, 12, 16, name="width")),
        body=repeat(blocks.mbconv(choice(8, 16, 24), expand=choice(2, 4), kernel=choice(3, 5)), integer(1, 3)),
        pool=ops.Mean("h w"),
        head=ops.Linear(10),
    ),
    input=(1, 8, 8),
)


def open_study(path: Path) -> nasmyth.Study:
    """The line that begins a study is the line that goes on with it. Another space or budget would be refused."""
    strategy = Evolution(population=6)
    return nasmyth.Study(path, SPACE, maximize="accuracy", minimize=macs, under=[params <= 10e3], strategy=strategy)


def main() -> None:
    out = Path("out")
    out.mkdir(exist_ok=True)
    path = out / "driven.db"
    task = nasmyth.read("digits")
    recipe = nasmyth.Recipe(epochs=6, augment=(Crop(1),))
    end = time.monotonic() + SECONDS

    with open_study(path) as study:
        while time.monotonic() < end:
            for trial in study.ask(2):  # graphs that nobody else is working on
                network = nasmyth.build(trial.graph, inputs=task.inputs, outputs=task.outputs)
                try:
                    fitted = nasmyth.fit(network, task, recipe)
                except CandidateError as error:  # diverged, out of memory, ...: an outcome like any other
                    study.fail(trial, error)
                else:
                    study.tell(trial, accuracy=fitted.scores["accuracy"])  # MACs and params are read from the graph

    with open_study(path) as study:  # tomorrow, or after a crash
        print(f"{len(study.trials)} trials so far; not beaten in both accuracy and MACs:")
        for trial in study.front:
            print(f"  {trial.measures['accuracy']:.3f}  {trial.measures['macs']:>9,.0f} MACs  {trial.genome}")
        (mine,) = study.ask(1)
        print("the next one to try would be", mine.genome)


if __name__ == "__main__":
    main()
