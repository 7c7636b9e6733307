"""The hyperparameter lottery: is one strategy better than another, or are its settings?

    python benchmarks/hyperparameter_lottery.py [--draws 20] [--queries 100] [--again 10]

ArchGym (Krishnan et al. 2023, "ArchGym: An open-source gymnasium for machine learning assisted architecture design", section 6)
found that any agent with the right settings does as well as any other, and none with others. So: five strategies on two
analytic simulators (`simulators.py`), each with so many draws of its settings; a figure is the least cost after so many
queries, over the least that any search met. Told: the best draw of each, the median, the worst; then the best draw again,
with other seeds.

And a model of the logged designs in place of the simulator: trees on the logarithm of the cost, from four fifths of what all
searches asked, its error on the other designs, and how many times as fast it tells the cost of a thousand.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from random import Random as Generator

import numpy as np
from simulators import SIMULATORS, Simulator

from nasmyth.bench.protocol import interval
from nasmyth.search import MCTS, PPO, BayesianOptimization, Evolution, Random, Simulation, Strategy, UpperConfidence
from nasmyth.search.evolution import Best, Newest, Tournament
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.forest import Forest
from nasmyth.search.strategy import hashable

DRAWS: dict[str, Callable[[Generator], Strategy]] = {
    "random": lambda rng: Random(),
    "evolution": lambda rng: Evolution(
        population=rng.choice((4, 8, 16, 32, 64)), parent=Tournament(rng.choice((1, 2, 4, 8))),
        crossover=rng.choice((0.0, 0.3, 0.6, 0.9)), changes=rng.choice((1, 2, 3)), survive=rng.choice((Newest(), Best())),
    ),
    "bayes": lambda rng: BayesianOptimization(
        start=rng.choice((2, 5, 10, 20, 50)), acquire=UpperConfidence(rng.choice((0.0, 0.5, 1.0, 2.0, 8.0)))
    ),
    "ppo": lambda rng: PPO(
        batch=rng.choice((2, 5, 10, 25)), rate=10 ** rng.uniform(-2, 0.3), entropy=10 ** rng.uniform(-3, 0),
        epochs=rng.choice((1, 4, 8)),
    ),
    "mcts": lambda rng: MCTS(explore=10 ** rng.uniform(-2, 1), widen=rng.choice((0.25, 0.5, 0.75))),
}  # fmt: skip


class Asked:
    """A simulator that notes what it was asked."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.told: dict = {}

    def __call__(self, genome: dict) -> float:
        token = hashable(genome)
        if token not in self.told:
            self.told[token] = genome, self.simulator.cost(genome)
        return self.told[token][1]

    def least(self, strategy: Strategy, seed: int, queries: int) -> float:
        """The least cost that a search met."""
        search = Simulation(strategy, self.simulator.space, seed)
        for _ in range(queries):
            (one,) = search.ask()
            search.tell(one.number, [-float(np.log(self(one.genome)))])
        return min(self(one.genome) for one in search.log)


def proxy(asked: Asked) -> str:
    """What a model of the log is worth."""
    genomes, costs = zip(*asked.told.values(), strict=True)
    x, y = Encoding(asked.simulator.space)(genomes), np.log(costs)
    order = np.random.default_rng(0).permutation(len(y))
    seen, unseen = order[: len(y) * 4 // 5], order[len(y) * 4 // 5 :]
    grown = Forest(trees=100).given(x[seen], y[seen])
    error = float(np.sqrt(np.mean((np.exp(grown.predict(x[unseen])[0] - y[unseen]) - 1) ** 2)))
    some = np.resize(order, 1000)
    start = time.perf_counter()
    grown.predict(x[some])
    foretold = time.perf_counter() - start
    start = time.perf_counter()
    for i in some[:100]:
        asked.simulator.cost(genomes[i])
    simulated = 10 * (time.perf_counter() - start)
    return (
        f"model of {len(seen):,} of {len(y):,} logged designs: relative error (root of the mean square) {error:.1%}; "
        f"{foretold * 1000:.1f} ms for 1,000 designs, the simulator {simulated * 1000:.0f} ms: "
        f"{simulated / foretold:.1f} times as fast"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--again", type=int, default=10)
    args = parser.parse_args()
    for name, simulator in SIMULATORS.items():
        asked, found, best = Asked(simulator), {}, {}
        for kind, draw in DRAWS.items():
            drawn = [draw(Generator(f"{kind} {i}")) for i in range(args.draws)]
            found[kind] = [asked.least(strategy, i, args.queries) for i, strategy in enumerate(drawn)]
            best[kind] = drawn[found[kind].index(min(found[kind]))]
        again = {kind: [asked.least(best[kind], 1000 + i, args.queries) for i in range(args.again)] for kind in DRAWS}
        least = min(cost for _, cost in asked.told.values())
        print(
            f"{name}: {simulator.space.size:,} designs, {args.queries} queries; costs over {least:.4g}, the least of all"
        )
        print(f"  {'':14}{'best draw':>12}{'median':>10}{'worst':>10}{'best again':>20}")
        for kind, values in found.items():
            ratios = sorted(value / least for value in values)
            mean, half = interval([value / least for value in again[kind]])
            told = f"{ratios[0]:>12.3f}{statistics.median(ratios):>10.3f}{ratios[-1]:>10.3f}"
            print(f"  {kind:14}{told}{f'{mean:.3f} ± {half:.3f}':>20}   {best[kind]!r}")
        print(f"  {proxy(asked)}\n", flush=True)


if __name__ == "__main__":
    main()
