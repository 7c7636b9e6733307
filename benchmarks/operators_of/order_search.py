"""The order in which a set is best answered: a training that is to find one that was hidden.

Four values follow each other by a fixed permutation, but for a fifth of them that are random, and are shown in a hidden order,
the same in all examples. A training with `OrderSearch` is then asked in which of the 24 orders its loss is least. Target: the
hidden one in at least 90 % of runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from nasmyth import Graph, chain, parallel
from nasmyth.forms import Classes, NamedInputs, TokenInput
from nasmyth.network import build
from nasmyth.ops import Embedding, Identity, Mean, Pointer
from nasmyth.train import AdamW, OrderSearch, Recipe, Split, Task, fit, order_losses
from operators_of import spread

VALUES, PLACES, RUNS = 12, 4, 2
"""Values, how many follow each other, and runs for each seed."""


def table(seeds: range) -> Iterator[str]:
    runs = [planted(RUNS * seed + i) for seed in seeds for i in range(RUNS)]
    yield f"the planted order of {PLACES} values has the least loss in {sum(first for first, _ in runs)} of {len(runs)} runs"
    yield f"its loss is below that of the best other order by {spread([gap for _, gap in runs])} nats"


def planted(run: int) -> tuple[bool, float]:
    """Whether the hidden order has the least loss, and by how much it is below the best of the others."""
    generator = torch.Generator().manual_seed(run)
    follows = torch.randperm(VALUES, generator=generator)
    values = [torch.randint(VALUES, (1600,), generator=generator)]
    for _ in range(PLACES):
        noise = torch.rand(1600, generator=generator) < 0.2
        values.append(torch.where(noise, torch.randint(VALUES, (1600,), generator=generator), follows[values[-1]]))
    chained = torch.stack(values[1:], 1)
    hidden = torch.randperm(PLACES, generator=generator)
    order = tuple(hidden.argsort().tolist())  # puts what is shown back into the order in which it came about
    task = planted_task(values[0][:, None], 1 + chained[:, hidden])
    graph = Graph.of(
        chain(
            code=Embedding(VALUES, 24),
            point=parallel(Identity(), Mean("l"), join=Pointer(16, extra=VALUES, cell="gru")),
        ),
        input=task.input,
    )
    network = build(graph, run)
    recipe = Recipe(optimizer=AdamW(lr=5e-3), epochs=12, batch=50, clip=1.0)
    fitted = fit(network, task, recipe, step=OrderSearch(draws=6, together=True), seed=run)
    network.load_state_dict(fitted.state.weights)
    orders = list(itertools.permutations(range(PLACES)))
    x = (task.valid.x["x"], task.valid.x["targets"])
    losses = dict(zip(orders, order_losses(network, x, task.valid.y, orders).tolist(), strict=True))
    own = losses.pop(order)
    return own < min(losses.values()), min(losses.values()) - own


def planted_task(x: Tensor, y: Tensor) -> Task:
    tell = TokenInput(PLACES, VALUES + 1)
    inputs = NamedInputs((("x", TokenInput(1, VALUES)), ("targets", tell)))
    outputs = Classes(tuple(map(str, range(VALUES + 1))), "int", (PLACES,))
    parts = [Split({"x": x[a:b], "targets": y[a:b]}, y[a:b]) for a, b in ((0, 1000), (1000, 1300), (1300, 1600))]
    return Task("planted", inputs, outputs, *parts)
