"""A space is a template with holes in it; a strategy is three functions over the log of what was tried.

The space: cells with two inner states whose edges each choose an op, and a width that all layers share by its name. The
strategy: climb from the best so far, with a little chance. Both work with everything else at once: budgets, resuming,
parallel workers, reports.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import nasmyth
from nasmyth import Identity, Space, Zero, block, cell, chain, choice, ops, real, repeat, residual
from nasmyth.measure import macs, params
from nasmyth.search import FinishedTrial, Pending, Proposal, Strategy, fitness, strategy
from nasmyth.train import SGD, Crop

SPEND = os.environ.get("NASMYTH_EXAMPLE_SPEND", "60s")


@block("b c h w -> b out h/stride w/stride")
def conv_norm_act(c: int, out: int, kernel: int = 3, stride: int = 1) -> Any:
    """A block is a function that returns a template. `c` is read from the input; the rest are design choices."""
    body = chain(ops.Conv(out, kernel=kernel, stride=stride), ops.BatchNorm(), ops.Activation("relu"))
    return residual(body) if stride == 1 and out == c else body  # plain Python, for the input is known by now


@block("b c h w -> b c h w")
def mixed(c: int, kernel: int = 3) -> Any:
    """One that keeps the width, whatever it is."""
    return conv_norm_act(c, kernel=kernel)


def search_space() -> Space:
    width = choice(8, 12, 16, name="width")  # one name, one decision, wherever it stands; and numbers take arithmetic
    edge = choice(Zero(), Identity(), mixed(kernel=1), mixed(kernel=3), ops.AvgPool(3, stride=1))
    stage = repeat(cell(2, edge), choice(1, 2))
    body = chain(
        stem=conv_norm_act(width),
        first=stage,
        down=conv_norm_act(2 * width, stride=2),
        second=stage,
        pool=ops.Mean("h w"),
        head=ops.Linear(10),
    )
    # How to train is part of the space, if you like: the learning rate is one more decision.
    recipe = nasmyth.Recipe(optimizer=SGD(lr=real(0.02, 0.3, log=True)), augment=(Crop(1),), epochs=8)
    return Space(body, input=(1, 8, 8), recipe=recipe)


@strategy("climb")
class Climb(Strategy):
    """Mutates the best so far; with probability `chance` tries something new. Deterministic, given `rng`."""

    chance: float = 0.2

    def init(self, space: Space) -> Any:
        return None

    def tell(self, state: Any, trial: FinishedTrial) -> Any:
        mine = (fitness(trial), trial.genome)  # failures rank last, then those that miss the budget
        return mine if state is None or mine[0] > state[0] else state

    def ask(self, state: Any, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        def one() -> dict[str, Any]:
            new = state is None or rng.random() < self.chance
            return space.sample(rng) if new else space.mutate(state[1], rng)

        return [Proposal(one()) for _ in range(n)]


def main() -> None:
    space = search_space()
    print(space)
    small = space.narrow(params <= 4e3, macs <= 150e3)  # nothing larger is ever proposed
    print(small)
    task = nasmyth.read("digits")

    def evaluate(trial: Any) -> dict[str, float]:  # an argument called `trial` gets all of it, the recipe included
        network = nasmyth.build(trial.graph, inputs=task.inputs, outputs=task.outputs)
        recipe = small.recipe_of(trial.genome)
        return nasmyth.fit(network, task, recipe).scores

    out = Path("out")
    out.mkdir(exist_ok=True)
    with nasmyth.Study(out / "cells.db", small, maximize="accuracy", strategy=Climb(chance=0.3), task=task) as study:
        print(study.run(evaluate, seconds=SPEND))
        for trial in sorted(study.trials, key=lambda t: -t.measures.get("accuracy", 0.0))[:3]:
            print(trial.number, trial.measures.get("accuracy"), trial.genome)


if __name__ == "__main__":
    main()
