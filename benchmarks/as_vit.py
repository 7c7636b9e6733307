"""As-ViT's claims on small vision transformers (Chen et al. 2022, arXiv:2202.11921), on digits made larger.

    python benchmarks/as_vit.py                     # three parts: --part score, grown, tokens

score    thirty random transformers: how length distortion ranks their accuracy, beside parameters and MACs
grown    one seed transformer scaled up without training (`nasmyth.scale`): is accuracy monotone in the size?
tokens   trained with coarse tokens first and fine ones at the end, beside fine ones all the time: MACs and accuracy
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

SIDE, SEEDS, NETWORKS = 16, 3, 30
EPOCHS, SHARES = 30, ((4, 0.5), (2, 0.5))
"""Of the whole training; patches of so many pixels for which share of it."""


def task_of() -> Any:
    """Digits of 16 x 16 pixels."""
    import numpy
    from sklearn.datasets import load_digits

    from nasmyth.domains import read

    given = load_digits()
    return read((numpy.kron(given.images, numpy.ones((2, 2))).astype("uint8")[..., None] * 15, given.target))


def transformer(patch: int, width: int, heads: int, depth: int, expand: int = 2) -> Any:
    """A small vision transformer."""
    from nasmyth.graph import Graph, chain, repeat, residual
    from nasmyth.ops import Activation, Attention, LayerNorm, LearnedPosition, Linear, Mean, Patchify

    block = chain(
        residual(LayerNorm(), Attention(heads=heads)),
        residual(LayerNorm(), Linear(expand * width), Activation("gelu"), Linear(width)),
    )
    stem = chain(Patchify(p=patch, d=width), LearnedPosition())
    return Graph.of(
        chain(stem=stem, body=repeat(block, depth), tail=chain(LayerNorm(), Mean("l"), Linear(10))), (1, SIDE, SIDE)
    )


def recipe() -> Any:
    from nasmyth.train import AdamW, Cosine, Recipe

    return Recipe(optimizer=AdamW(lr=3e-3), schedule=Cosine(), batch=32, epochs=EPOCHS)


def accuracy(graph: Any, task: Any, seed: int) -> float:
    """On the test split, after a training of equal epochs."""
    from nasmyth.network import build
    from nasmyth.train import evaluate, fit, initialise

    network = initialise(build(graph, seed, task.inputs, task.outputs), seed)
    fit(network, task, recipe(), seed=seed)
    return evaluate(network, task, "test")["accuracy"]


def score() -> None:
    """Length distortion beside counting."""
    import random

    from nasmyth.bench.ranking import agreement, gain, weights
    from nasmyth.measure import Candidate, evaluate

    task, rng, rows = task_of(), random.Random(0), []
    for number in range(NETWORKS):
        heads = rng.choice((1, 2, 4))
        graph = transformer(
            rng.choice((2, 4)), heads * rng.choice((4, 8, 12)), heads, rng.randint(1, 5), rng.choice((1, 2, 4))
        )
        told = evaluate(Candidate(graph, task=task), ["length_distortion", "params", "macs"]).require()
        rows.append({**told, "truth": accuracy(graph, task, 0)})
        print(f"{number + 1} of {NETWORKS}: {rows[-1]}", flush=True)
    truth, drawn = [row["truth"] for row in rows], weights(NETWORKS)
    print(f"\n{NETWORKS} transformers, {EPOCHS} epochs each: accuracy {min(truth):.3f} to {max(truth):.3f}")
    for name in ("length_distortion", "params", "macs"):
        values = [row[name] for row in rows]
        tau = agreement(values, truth, drawn).kendall
        print(f"{name:<18} Kendall's tau {tau.value:.2f} [{tau.low:.2f}, {tau.high:.2f}]")
    better = gain([row["length_distortion"] for row in rows], [row["params"] for row in rows], truth, drawn)
    flag = "ranks better than parameters" if better.sure else "does not surely rank better than parameters"
    value, low, high = better.difference
    print(f"length distortion {flag}: {value:+.2f} [{low:+.2f}, {high:+.2f}]")


def spread(found: list[float]) -> str:
    """Mean and deviation over seeds."""
    return f"{statistics.mean(found):.4f} ± {statistics.stdev(found):.4f}"


def grown() -> None:
    """A seed scaled up without training."""
    import nasmyth

    task, seed = task_of(), transformer(4, 16, 2, 2)
    print(f"a seed of {seed.costs.params:,} parameters scaled without training, {EPOCHS} epochs each, {SEEDS} seeds")
    for factor in (1, 2, 4, 8, 16):
        graph = seed if factor == 1 else nasmyth.scale(seed, to=f"params<={factor * seed.costs.params}")
        found = [accuracy(graph, task, s) for s in range(SEEDS)]
        print(
            f"x{factor:<3} {graph.costs.params:>8,} parameters   accuracy {spread(found)}",
            flush=True,
        )


def tokens() -> None:
    """Coarse tokens first: the patches of the same weights, resized, as if each saw more pixels."""
    from nasmyth.measure import macs

    task, costs, found = task_of(), {}, {}  # type: tuple[Any, dict[str, float], dict[str, list[float]]]
    for name, plan in (("fine all the time", ((2, 1.0),)), ("coarse to fine", SHARES)):
        graphs = {patch: transformer(patch, 32, 4, 3) for patch, _ in plan}
        costs[name] = sum(share * macs(graphs[patch]) for patch, share in plan)
        found[name] = [
            progressive([(graphs[patch], share) for patch, share in plan], task, seed) for seed in range(SEEDS)
        ]
        told = found[name]
        print(
            f"{name:<18} MACs of a step {costs[name]:,.0f}   accuracy {spread(told)}",
            flush=True,
        )
    fine, coarse = costs.values()
    lost = 100 * (statistics.mean(found["fine all the time"]) - statistics.mean(found["coarse to fine"]))
    print(
        f"coarse to fine saves {1 - coarse / fine:.0%} of the MACs and loses {lost:+.2f} points (wanted: 20 % within 0.5)"
    )


def progressive(plan: list[tuple[Any, float]], task: Any, seed: int) -> float:
    """Trained by one graph after the other, each from the weights of the one before; what differs in shape is resized."""
    from nasmyth.network import build
    from nasmyth.train import evaluate, fit, initialise

    network: Any = None
    for graph, share in plan:
        following = initialise(build(graph, seed, task.inputs, task.outputs), seed)
        if network is not None:
            inherit(following, network)
        network = following
        fit(network, task, recipe().replace(epochs=round(share * EPOCHS)), seed=seed)
    return evaluate(network, task, "test")["accuracy"]


def inherit(network: Any, before: Any) -> None:
    """Weights of the one before: kernels of patches and positions resized by interpolation, the rest as they are."""
    import torch
    import torch.nn.functional as F

    held = before.state_dict()
    with torch.no_grad():
        for name, weight in network.state_dict().items():
            old = held[name]
            if old.shape != weight.shape and old.ndim == 4:
                old = F.interpolate(old, weight.shape[2:], mode="bilinear") * (old[0, 0].numel() / weight[0, 0].numel())
            elif old.shape != weight.shape:
                side, wide = int(old.shape[0] ** 0.5), int(weight.shape[0] ** 0.5)
                places = old.T.reshape(1, -1, side, side)
                old = F.interpolate(places, (wide, wide), mode="bilinear")[0].flatten(1).T
            weight.copy_(old)


PARTS = {"score": score, "grown": grown, "tokens": tokens}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, help="only this one")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    for name, part in PARTS.items():
        if given.part in (None, name):
            part()
            print()


if __name__ == "__main__":
    main()
