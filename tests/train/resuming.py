"""Trainings to be stopped and gone on with: each has randomness of another kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from toys import convnet, digits, line, mlp

from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Activation, BatchNorm, Conv, Dropout, Linear, Mean
from nasmyth.train import EMA, SGD, AdamW, Crop, Flip, Mixup, Muon, Recipe, Split, Supervised, Task


@cache
def task(table: bool = False) -> Task:
    return line() if table else digits()


def graph_network() -> nn.Module:
    body = chain(
        stem=Conv(8), norm=BatchNorm(), act=Activation("relu"), pool=Mean("h w"), drop=Dropout(0.2), head=Linear(10)
    )
    return build(Graph.of(body, input=(1, 8, 8)), 1, task().inputs, task().outputs)


@dataclass(frozen=True, eq=False)
class Mixing:
    """A two-level step: mixing weights follow a split of their own, with an optimizer and noise of their own."""

    other: Split

    def start(self, run: Any) -> dict[str, Any]:
        mixing = [p for name, p in run.network.named_parameters() if name.endswith("bias")]
        return {
            "optimizer": torch.optim.Adam(mixing, lr=1e-3),
            "stream": run.stream(self.other, batch=16),
            "noise": torch.Generator().manual_seed(5),
        }

    def parameters(self, network: nn.Module) -> Any:
        return [(name, p) for name, p in network.named_parameters() if not name.endswith("bias")]

    def __call__(self, run: Any, batch: Any) -> torch.Tensor:
        other = run.own["stream"].next()
        other.x = other.x + 0.01 * torch.randn(other.x.shape, generator=run.own["noise"])
        run.update(run.loss(run.predict(other.x), other), run.own["optimizer"])
        return run.update(run.loss(run.predict(batch.x), batch))


@dataclass(frozen=True)
class Case:
    """One training."""

    recipe: Recipe
    network: Callable[[], nn.Module]
    table: bool = False
    graph: bool = False
    own_step: bool = False

    def step(self, task: Task) -> Any:
        return Mixing(task.valid) if self.own_step else Supervised()


IMAGES = Recipe(
    SGD(lr=0.1),
    augment=(Flip(), Crop(1), Mixup(0.2)),
    epochs=3,
    batch=64,
    average=EMA(0.9),
    smoothing=0.1,
    clip=1.0,
)
CASES = {
    "sgd": Case(IMAGES, graph_network, graph=True),
    "adamw": Case(IMAGES.replace(optimizer=AdamW(lr=0.01)), lambda: convnet(dropout=0.2)),
    "muon": Case(IMAGES.replace(optimizer=Muon(lr=0.05)), lambda: convnet(dropout=0.2)),
    "plain": Case(Recipe(SGD(momentum=0.0), epochs=3, batch=50), graph_network, graph=True),
    "table": Case(Recipe(AdamW(lr=0.02), epochs=4, batch=16, average=EMA(0.99)), mlp, table=True),
    "half": Case(IMAGES.replace(precision="bf16"), graph_network, graph=True),
    "bilevel": Case(IMAGES, lambda: convnet(dropout=0.2), own_step=True),
}
