"""First weights and learning rates that know the architecture: are the predictions true, and do they pay?

    python benchmarks/aware.py [--part rates tuned variances default] [--data DIR]

rates: MLPs of random wirings (width 64, relu, no norms), digits, plain gradient descent. The largest rate that does not diverge
within 40 steps, found by doubling and bisection, against the predicted scale (Chen et al., arXiv:2402.17440): correlation of
logarithms, its 95 % interval by Fisher's transformation; baseline: the longest path alone. Once of few paths, once of many.
tuned: one base rate tuned on some wirings, fixed or scaled, on others: mean test accuracy, paired over wirings, with its 95 %
interval (Student's t).
variances: variances of the pre-activations, layer by layer, against the recursion K' = C_b + C_W <act^2>_K (Roberts et al.,
arXiv:2106.10165), and a network of 50 layers trained from critical and from other first weights.
default: networks with batch norm (cells of NAS-Bench-201, and the default space of images) on 1,500 images of CIFAR-10
(`DIR/cifar10_4k.npz`), `--seconds` each, from usual and from aware first weights: does turning it on pay?
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nasmyth import Graph, build, chain
from nasmyth.domains import domain_for, read
from nasmyth.graph import Identity, Zero, cell
from nasmyth.graph.lengths import lengths
from nasmyth.intervals import interval
from nasmyth.ops import Activation, Flatten, Linear
from nasmyth.spaces import nb201
from nasmyth.train import critical, fit, initialise, next_variance, rate_scale

WIDTH, BATCH, STEPS = 64, 128, 40
HALF = 1.96
"""Half of a 95 % interval in standard deviations of a normal."""


# --- learning rates of random wirings --------------------------------------------------------------------------------


def wiring(seed: int, dense: bool = False) -> Graph:
    """An MLP of 1 to 40 nodes in a row; some more edges, layers or skips, jump over nodes: a few, or up to one a node."""
    rng = random.Random(seed)
    nodes = round(math.exp(rng.uniform(0, math.log(40))))
    more = {}
    for _ in range(rng.randint(0, nodes if dense else 4) if nodes > 1 else 0):
        i, j = sorted(rng.sample(range(nodes + 1), 2))
        if j > i + 1:
            more[i, j] = rng.choice(("layer", "skip"))
    layer = chain(Activation("relu"), Linear(WIDTH))

    def edge(i: int, j: int) -> Any:
        kind = "layer" if j == i + 1 else more.get((i, j))
        return layer if kind == "layer" else Identity() if kind else Zero()

    body = cell(nodes, edge)
    return Graph.of(chain(Flatten(), Linear(WIDTH), body, Activation("relu"), Linear(10)), (1, 8, 8))


def longest(graph: Graph) -> int:
    """Linear layers on the longest path."""
    found: list[int] = []
    for node in graph.nodes:
        found.append(max((found[i] for i in node.inputs), default=0) + isinstance(node.op, Linear))
    return found[-1]


class Digits:
    """Prepared images and labels of the bundled digits."""

    def __init__(self) -> None:
        task = read("digits")
        self.splits = [self._whole(task, split) for split in (task.train, task.test)]

    @staticmethod
    def _whole(task: Any, split: Any) -> tuple[Tensor, Tensor]:
        stored, labels = split.batch(torch.arange(len(split)))
        return task.inputs.module()(stored), labels

    def train(self, graph: Graph, rate: float, steps: int, seed: int, aware: bool = True) -> tuple[list[float], Any]:
        """Losses of plain gradient descent, and the network."""
        network = initialise(build(graph, seed), seed, aware=aware)
        return losses_of(network, *self.splits[0], rate, steps, seed), network

    def accuracy(self, network: Any) -> float:
        x, y = self.splits[1]
        with torch.no_grad():
            return float((network(x).argmax(1) == y).double().mean())


def losses_of(network: Any, x: Tensor, y: Tensor, rate: float, steps: int, seed: int) -> list[float]:
    """Of each batch before its step, until it is no number."""
    generator = torch.Generator().manual_seed(seed)
    optimizer, losses = torch.optim.SGD(network.parameters(), lr=rate), []
    for _ in range(steps):
        rows = torch.randint(0, len(x), (BATCH,), generator=generator)
        loss = torch.nn.functional.cross_entropy(network(x[rows]), y[rows])
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def largest(digits: Digits, graph: Graph, seed: int) -> float:
    """The logarithm (base 2) of the largest rate that does not diverge: that ends below where it began."""

    def holds(power: float) -> bool:
        losses = digits.train(graph, 2.0**power, STEPS, seed)[0]
        return len(losses) == STEPS and statistics.fmean(losses[-5:]) < losses[0]

    low = -5.0
    while not holds(low):
        low -= 1.0
        if low < -20:
            raise RuntimeError(f"{graph!r} learns at no rate")
    high = low + 1.0
    while holds(high):
        low, high = high, high + 1.0
    for _ in range(3):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def rates(count: int, seeds: int, dense: bool) -> None:
    digits = Digits()
    graphs = [wiring(seed, dense) for seed in range(count)]
    found = [statistics.fmean(largest(digits, graph, seed) for seed in range(seeds)) for graph in graphs]
    sizes = [longest(graph) for graph in graphs]
    paths = [lengths(graph).paths for graph in graphs]
    print(f"{count} wirings, longest paths of {min(sizes)} to {max(sizes)} layers, {min(paths)} to {max(paths)} paths;")
    print(f"  largest rates of {2 ** min(found):.4f} to {2 ** max(found):.2f} (mean of {seeds} seeds)")
    predicted = {
        "sum over paths": [math.log2(rate_scale(graph)) for graph in graphs],
        "mean over paths (shares)": [math.log2(rate_scale(graph, shares=True)) for graph in graphs],
        "longest path ^ -3/2 (baseline)": [-1.5 * math.log2(size) for size in sizes],
    }
    for name, scale in predicted.items():
        r, low, high = correlation(scale, found)
        slope = float(np.polyfit(scale, found, 1)[0])
        print(f"  {name:32} log-log correlation {r:.2f} ({low:.2f} to {high:.2f}), slope {slope:.2f}")


def correlation(a: Any, b: Any) -> tuple[float, float, float]:
    """Pearson's, with its 95 % interval."""
    r = float(np.corrcoef(a, b)[0, 1])
    z, half = math.atanh(r), HALF / math.sqrt(len(a) - 3)
    return r, math.tanh(z - half), math.tanh(z + half)


def tuned(count: int, seeds: int, steps: int = 100) -> None:
    """One base rate, fixed for all wirings or scaled to each."""
    digits = Digits()
    tuning, testing = [wiring(1000 + i) for i in range(count)], [wiring(2000 + i) for i in range(2 * count)]
    middle = statistics.geometric_mean(rate_scale(graph) for graph in tuning)
    of: dict[str, Any] = {
        "fixed": lambda graph: 1.0,
        "scaled, sum": lambda graph: rate_scale(graph) / middle,
        "scaled, mean": lambda graph: rate_scale(graph, shares=True) / middle,
    }

    def mean(name: str, base: float, graph: Graph, seeds: int) -> float:
        runs = [digits.train(graph, base * of[name](graph), steps, seed)[1] for seed in range(seeds)]
        return 100 * statistics.fmean(map(digits.accuracy, runs))

    told = {}
    print(f"\none base rate, tuned on {count} wirings, on {2 * count} others: test accuracy after {steps} steps")
    for name in of:
        grid = {2.0**p: statistics.fmean(mean(name, 2.0**p, graph, seeds) for graph in tuning) for p in range(-6, 0)}
        base = max(grid, key=lambda rate: grid[rate])
        told[name] = [mean(name, base, graph, seeds) for graph in testing]
        print(f"  {name:14} base {base:.4f}: {statistics.fmean(told[name]):.1f} %, worst {min(told[name]):.1f} %")
    for name in list(of)[1:]:
        gain, half = interval([a - b for a, b in zip(told[name], told["fixed"], strict=True)])
        print(f"  {name} - fixed: {gain:+.1f} ± {half:.1f} points")


# --- variances, layer by layer ---------------------------------------------------------------------------------------


def variances(width: int = 300, depth: int = 10, draws: int = 300) -> None:
    print(f"\nvariances of pre-activations in {depth} layers of {width}, mean of {draws} draws, against the recursion")
    for kind in ("relu", "tanh", "gelu"):
        weight, bias, _ = critical(kind) or (1.0, 0.0, None)
        found = np.array([_measured(kind, width, depth, weight, bias, seed) for seed in range(draws)])
        variance, off, chance = 1.0, 0.0, 0.0
        for layer in range(depth):
            variance = next_variance(kind, variance, weight, bias)
            mean, half = interval((found[:, layer] / variance).tolist())
            off, chance = max((off, chance), (abs(mean - 1), half))
        print(f"  {kind:6} C_W {weight:.3f}, C_b {bias:.3f}: off by {off:.3f} ± {chance:.3f} where it is most; "
              f"depth / width is {depth / width:.3f}")  # fmt: skip


def _measured(kind: str, width: int, depth: int, weight: float, bias: float, seed: int) -> list[float]:
    """Mean squares of the pre-activations of each layer behind one Gaussian of variance 1."""
    generator = torch.Generator().manual_seed(seed)
    z, found = torch.randn(width, generator=generator, dtype=torch.float64), []
    z *= (width / z.square().sum()).sqrt()
    for _ in range(depth):
        matrix = torch.randn(width, width, generator=generator, dtype=torch.float64) * math.sqrt(weight / width)
        z = matrix @ getattr(torch.nn.functional, kind)(z) + math.sqrt(bias) * torch.randn(width, generator=generator)
        found.append(float(z.square().mean()))
    return found


def deep(layers: int = 50, width: int = 100, steps: int = 150, seeds: int = 2) -> None:
    """A deep MLP from critical first weights, and from weights of half and of twice that variance; rates tuned for each."""
    digits = Digits()
    print(f"\nMLP of {layers} layers of {width}, digits, {steps} steps, best of three rates; chance is 10 %")
    for kind in ("relu", "tanh"):
        body = [layer for _ in range(layers - 1) for layer in (Activation(kind), Linear(width))]
        graph = Graph.of(chain(Flatten(), Linear(width), *body, Activation(kind), Linear(10)), (1, 8, 8))
        for factor in (0.5, 1.0, 2.0):
            best = 0.0
            for rate in (3e-3, 1e-2, 3e-2):
                best = max(
                    best, statistics.fmean(_trained(digits, graph, rate, steps, factor, s) for s in range(seeds))
                )
            print(f"  {kind:5} variance x {factor:3}: test accuracy {100 * best:.1f} % (mean of {seeds} seeds)")


def _trained(digits: Digits, graph: Graph, rate: float, steps: int, factor: float, seed: int) -> float:
    network = initialise(build(graph, seed), seed, aware=True)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith("weight"):
                weight *= math.sqrt(factor)
    losses = losses_of(network, *digits.splits[0], rate, steps, seed)
    return digits.accuracy(network) if math.isfinite(losses[-1]) else 0.1


# --- networks with norms: would it pay as the default? ---------------------------------------------------------------


def default(data: Path, count: int, seconds: float) -> None:
    stored = np.load(data / "cifar10_4k.npz")
    task = read((stored["x"][:1500], stored["y"][:1500]))
    domain = domain_for(task)
    recipe = domain.recipe(task)
    spaces = {"NAS-Bench-201": nb201(task.input, 10, cells=1), "images": domain.space(task)}
    print(f"\nbatch norm, {len(task.train)} training images of CIFAR-10, {seconds:.0f} s each, the default recipe:")
    for name, space in spaces.items():
        gains = []
        for seed in range(count):
            graph = space.decode(space.sample(seed))
            scores = []
            for aware in (False, True):
                network = initialise(build(graph, seed, task.inputs, task.outputs), seed, aware=aware)
                fitted = fit(network, task, recipe, epochs=30, seconds=seconds, seed=seed, device="cpu")
                scores.append(100 * float(fitted.scores["accuracy"]))
            gains.append(scores[1] - scores[0])
            print(f"  {name} {seed}: usual {scores[0]:.1f} %, aware {scores[1]:.1f} %", flush=True)
        gain, half = interval(gains)
        print(f"  {name}: aware - usual {gain:+.2f} ± {half:.2f} points of validation accuracy, {count} networks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", default=["rates", "tuned", "variances", "default"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--graphs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--networks", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=15.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if "rates" in given.part:
        rates(given.graphs, given.seeds, dense=False)
        rates(given.graphs, given.seeds, dense=True)
    if "tuned" in given.part:
        tuned(10, given.seeds)
    if "variances" in given.part:
        variances()
        deep()
    if "default" in given.part:
        if given.data is None:
            parser.error("the part 'default' needs --data DIR")
        default(given.data, given.networks, given.seconds)


if __name__ == "__main__":
    main()
