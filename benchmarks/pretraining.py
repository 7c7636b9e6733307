"""Is a predictor that was pretrained on what costs nothing better after few labels?

    python benchmarks/pretraining.py nb201_cifar10.parquet [--seeds 20] [--labels 5 10 20 50] > benchmarks/pretraining.txt

Ranks of 1,000 unseen cells of NAS-Bench-201 by `valid_acc_200ep`, foretold from so many labels: Spearman's correlation, the
mean over seeds with its 95 % interval (Student's t), and how much more it is with pretraining, paired by seed. The predictor
is `Ensemble`; pretrained, its hidden layer has learned parameters, multiply-accumulates and layers of 256 cells, as that of
FBNetV3 has (Dai et al. 2021, arXiv:2006.02049, section 3.3). Twice: of the decisions alone, and of the encoding that models
have, in which some of that already stands. Beside them: `GaussianProcess`, and the parameters without any label.
"""

from __future__ import annotations

import argparse
import random
from typing import Any

import numpy as np

from nasmyth.bench import Table
from nasmyth.bench.protocol import interval
from nasmyth.measure import params
from nasmyth.search import Ensemble, GaussianProcess
from nasmyth.search.evolution import places
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.log import normal_scores
from nasmyth.space import Space

UNSEEN, PRETRAIN = 1000, 256


class Decisions:
    """The encoding of the decisions alone."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def __call__(self, genomes: Any) -> Any:
        return np.array([self.space.encode(one) for one in genomes])


def spearman(a: Any, b: Any) -> float:
    return float(np.corrcoef(places(list(a)), places(list(b)))[0, 1])


def foretold(model: Any, encoding: Any, x: Any, y: Any, labels: int, seed: int) -> float:
    """The correlation on cells that were not seen."""
    order = np.random.default_rng(seed).permutation(len(y))
    seen, unseen = order[:labels], order[labels : labels + UNSEEN]
    told = normal_scores(y[seen].tolist())
    mean, _ = model.fit(encoding, x[seen], told).given(x[seen], told).predict(x[unseen])
    return spearman(mean, y[unseen])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--labels", type=int, nargs="+", default=[5, 10, 20, 50])
    given = parser.parse_args()
    table = Table.read("nb201", given.table)
    space, accuracy = table.space, table.check("valid_acc_200ep")
    genomes = random.Random(0).sample(list(space.enumerate()), UNSEEN + 500)
    y = np.array([accuracy[table.index[table.notation.text(genome)]] for genome in genomes])
    sizes = [params(space.decode(genome)) for genome in genomes]
    print(f"{'labels':48}" + "".join(f"{count:>18}" for count in given.labels))
    print(f"{'parameters, no label':48}{spearman(sizes, y):>18.3f}")
    rows = {"decisions": Decisions(space), "decisions, counts, parameters, layers": Encoding(space)}
    for name, encoding in rows.items():
        x = encoding(genomes)
        models = {"": Ensemble(), ", pretrained": Ensemble(pretrain=PRETRAIN)}
        found = {
            told: [
                [foretold(model, encoding, x, y, count, seed) for seed in range(given.seeds)] for count in given.labels
            ]
            for told, model in models.items()
        }
        for told, runs in found.items():
            print(line(name + told, runs, "{:.3f} ± {:.3f}"), flush=True)
        pairs = zip(*found.values(), strict=True)
        print(
            line("  more", [[b - a for a, b in zip(*one, strict=True)] for one in pairs], "{:+.3f} ± {:.3f}"),
            flush=True,
        )
    process = [
        [foretold(GaussianProcess(), encoding, x, y, count, seed) for seed in range(given.seeds)]
        for count in given.labels
    ]
    print(line("the same, by a Gaussian process", process, "{:.3f} ± {:.3f}"))


def line(name: str, runs: list[list[float]], form: str) -> str:
    """Mean and interval over runs."""
    return f"{name:48}" + "".join(f"{form.format(*interval(one)):>18}" for one in runs)


if __name__ == "__main__":
    main()
