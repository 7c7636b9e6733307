"""Pointing: sorting and convex hulls of 5 to 10 points, and then of 15.

A pointer network is trained on inputs of 5 to 10 places and asked at each of these sizes and at 15, with the same weights;
it points at no place twice. `sort` gives the places of random numbers from the lowest up; `hull` those of random points of
the unit square that lie on its convex hull, from the leftmost one counter-clockwise, and then the learned place that means
"the end". Beside it a decoder with a fixed vocabulary of 10 places. Figures are shares of the places that were pointed at
rightly, each after the decoder's own choices, and of answers that are right from first to last, in percent. Target: at
least 90 % of sorts at trained sizes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth import Graph, chain, parallel
from nasmyth.blocks import transformer
from nasmyth.forms import IGNORED
from nasmyth.network import build
from nasmyth.ops import Activation, Identity, Linear, Mean, Pointer
from operators_of import spread

TRAINED, LONGER, BATCH, TESTED = range(5, 11), 15, 64, 400
STEPS = {"sort": 500, "hull": 1000}


def table(seeds: range) -> Iterator[str]:
    yield f"{'task':<6}{'decoder':<22}{'places':>8}{'places right':>18}{'answers right':>18}"
    for task in ("sort", "hull"):
        trained = [pointer(task, seed) for seed in seeds]
        for n in (5, 10, LONGER):
            yield row(task, "pointer", n, [scores(task, network, n) for network in trained])
        every = [scores(task, network, n) for network in trained for n in TRAINED]
        per_seed = [mean(every[i : i + len(TRAINED)]) for i in range(0, len(every), len(TRAINED))]
        yield row(task, "pointer", "5-10", per_seed)
    fixed = [fixed_vocabulary(seed) for seed in seeds]
    yield row("sort", "fixed vocabulary", 10, [scores("sort", network, 10) for network in fixed])
    try:
        scores("sort", fixed[0], LONGER)
    except RuntimeError as error:
        yield f"{'sort':<6}{'fixed vocabulary':<22}{LONGER:>8}   cannot run: {error}"


def row(task: str, decoder: str, n: object, found: list[tuple[float, float]]) -> str:
    places, answers = zip(*found, strict=True)
    return f"{task:<6}{decoder:<22}{n:>8}{spread(places, 1):>18}{spread(answers, 1):>18}"


def mean(found: list[tuple[float, float]]) -> tuple[float, float]:
    return sum(f[0] for f in found) / len(found), sum(f[1] for f in found) / len(found)


# --- the tasks --------------------------------------------------------------------------------------------------------


def examples(task: str, n: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    if task == "sort":
        x = torch.rand(count, n, 1, generator=generator)
        return x, x.squeeze(2).argsort(1)
    x = torch.rand(count, n, 2, generator=generator)
    y = torch.full((count, n + 1), IGNORED)
    for i, points in enumerate(x.tolist()):
        places = [*hull(points), n]
        y[i, : len(places)] = torch.tensor(places)
    return x, y


def hull(points: list[list[float]]) -> list[int]:
    """The places on the convex hull, counter-clockwise from the leftmost (Andrew 1979)."""
    order = sorted(range(len(points)), key=points.__getitem__)

    def half(places: list[int]) -> list[int]:
        found: list[int] = []
        for p in places:
            while len(found) > 1 and turn(points[found[-2]], points[found[-1]], points[p]) <= 0:
                found.pop()
            found.append(p)
        return found[:-1]

    return half(order) + half(order[::-1])


def turn(a: list[float], b: list[float], c: list[float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


# --- the networks -----------------------------------------------------------------------------------------------------


def graph(task: str, n: int) -> Graph:
    """The same weights at any n."""
    encode = {"lift": Linear(32), "act": Activation("relu"), "again": Linear(32)}
    if task == "hull":
        encode |= {f"mix{i}": transformer(heads=4, expand=2) for i in range(2)}
    point = parallel(Identity(), Mean("l"), join=Pointer(48, extra=int(task == "hull"), once=True, cell="gru"))
    shapes = {"x": (n, 1 if task == "sort" else 2), "targets": (n + (task == "hull"),)}
    return Graph.of(chain(**encode, point=point), input=shapes)


def pointer(task: str, seed: int) -> nn.Module:
    network = build(graph(task, 10), seed)
    train(task, network, seed)
    return network


class FixedVocabulary(nn.Module):
    """All numbers at once to one softmax over ten places for each of ten answers."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layers = nn.Sequential(nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 100))

    def forward(self, x: Tensor, targets: Tensor) -> Tensor:
        found: Tensor = self.layers(x.squeeze(2))
        return found.reshape(-1, 10, 10)


def fixed_vocabulary(seed: int) -> nn.Module:
    """It sees inputs of ten places alone."""
    network = FixedVocabulary(seed)
    train("sort", network, seed, sizes=range(10, 11))
    return network


def train(task: str, network: nn.Module, seed: int, sizes: range = TRAINED) -> None:
    generator = torch.Generator().manual_seed(seed)
    steps = STEPS[task]
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    network.train()
    for step in range(steps):
        x, y = examples(task, sizes[step % len(sizes)], BATCH, generator)
        loss = F.cross_entropy(network(x, y).flatten(0, 1), y.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()


@torch.no_grad()
def scores(task: str, network: nn.Module, n: int) -> tuple[float, float]:
    x, y = examples(task, n, TESTED, torch.Generator().manual_seed(10_000 + n))
    right = (network.eval()(x, y).argmax(2) == y) | (y == IGNORED)
    counted = y != IGNORED
    return 100 * (right & counted).sum().item() / counted.sum().item(), 100 * right.all(1).float().mean().item()
