"""Sets: sorting by a set encoder that no order touches, and a search for the order in which answers are best given.

`sort`: three networks learn to sort 5 to 10 numbers, in equal steps at equal width, and answer with the places of the
numbers. `sequence to sequence` reads them by an LSTM and answers, from its last state, with one of ten symbols; `pointer
network` points at what that LSTM has made of each number; `read, process, write` is `blocks.read_process_write`. The latter
two, whose symbols are places, are also tried where nothing keeps them from pointing at a place twice. Figures are shares of
answers that are right from first to last, in percent. Target: at least 10 points above sequence to sequence; and what is
understood of a set moves by no more than 1e-6 where it is shuffled.

`planted`: four values follow each other, each a noisy function of the one before, and are shown in a hidden order, the same
in all examples. A training with `OrderSearch` is then asked in which of the 24 orders its loss is least. Target: the hidden
one in at least 90 % of runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth import Graph, chain, op, parallel
from nasmyth.blocks import read_process_write
from nasmyth.forms import Classes, NamedInputs, TokenInput
from nasmyth.network import build
from nasmyth.ops import Embedding, Identity, Mean, Pointer, SetProcess, Slice
from nasmyth.train import AdamW, OrderSearch, Recipe, Split, Task, fit, order_losses
from operators_of import spread

TRAINED, WIDTH, BATCH, STEPS, TESTED = range(5, 11), 32, 64, 500, 500
VALUES, PLACES, RUNS = 12, 4, 4
"""Values of the planted sequences, how many follow each other, and runs for each seed."""


def table(seeds: range) -> Iterator[str]:
    yield f"{'sort, answers right in %':<40}" + "".join(f"{f'{n} numbers':>18}" for n in (5, 10)) + f"{'5 to 10':>18}"
    for name, make in GRAPHS.items():
        networks = [trained(make, seed) for seed in seeds]
        each = [[right(network, n) for n in TRAINED] for network in networks]
        shown = [[e[0] for e in each], [e[-1] for e in each], [sum(e) / len(e) for e in each]]
        yield f"{name:<40}" + "".join(f"{spread(values, 1):>18}" for values in shown)
    yield f"the set encoder's output moves by {max(moved(network) for network in networks):.1e} where its input is shuffled"
    runs = [planted(RUNS * seed + i) for seed in seeds for i in range(RUNS)]
    found = sum(first for first, _ in runs)
    yield f"order search finds the planted order of {PLACES} in {found} of {len(runs)} runs"
    gaps = [gap for _, gap in runs]
    yield f"the loss in the planted order is below that in the next best by {spread(gaps)} nats"


# --- sorting ----------------------------------------------------------------------------------------------------------


@op("b l d -> b l out", name="ReadInOrder", ordered="l", mixes="l d")
class ReadInOrder(nn.LSTM):
    """An LSTM along the sequence."""

    def __init__(self, d: int, out: int) -> None:
        super().__init__(d, out, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = super().forward(x)[0]
        return found


def set_to_sequence(n: int, once: bool = True) -> Graph:
    return Graph.of(read_process_write(WIDTH, steps=5, once=once), input={"x": (n, 1), "targets": (n,)})


def pointer_network(n: int, once: bool = True) -> Graph:
    """The decoder points at what the LSTM has made of each number, and starts from its last state."""
    point = parallel(Identity(), chain(Slice(0, n - 1, n), Mean("l")), join=Pointer(WIDTH, once=once))
    return Graph.of(chain(ReadInOrder(WIDTH), point), input={"x": (n, 1), "targets": (n,)})


def sequence_to_sequence(n: int) -> Graph:
    """The last state alone is seen; it stands for the first of ten symbols, and the others are learned."""
    point = parallel(Identity(), Mean("l"), join=Pointer(WIDTH, extra=TRAINED[-1] - 1))
    return Graph.of(chain(ReadInOrder(WIDTH), Slice(0, n - 1, n), point), input={"x": (n, 1), "targets": (n,)})


GRAPHS: dict[str, Callable[[int], Graph]] = {
    "sequence to sequence": sequence_to_sequence,
    "pointer network": pointer_network,
    "pointer network, may point twice": partial(pointer_network, once=False),
    "read, process, write, may point twice": partial(set_to_sequence, once=False),
    "read, process, write": set_to_sequence,
}


def trained(make: Callable[[int], Graph], seed: int) -> dict[int, nn.Module]:
    """One network at each size, all with the same weights."""
    networks = {n: build(make(n), seed) for n in TRAINED}
    first = networks[TRAINED[0]]
    weights = dict(first.named_parameters())
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(weights.values(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS)
    for step in range(STEPS):
        n = TRAINED[step % len(TRAINED)]
        x = torch.rand(BATCH, n, 1, generator=generator)
        y = x.squeeze(2).argsort(1)
        logits = torch.func.functional_call(networks[n].train(), weights, (x, y))
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        schedule.step()
    for network in networks.values():
        network.load_state_dict(first.state_dict())
        network.eval()
    return networks


@torch.no_grad()
def right(networks: dict[int, nn.Module], n: int) -> float:
    x = torch.rand(TESTED, n, 1, generator=torch.Generator().manual_seed(10_000 + n))
    y = x.squeeze(2).argsort(1)
    return 100 * (networks[n](x, y).argmax(2) == y).all(1).float().mean().item()


@torch.no_grad()
def moved(networks: dict[int, nn.Module]) -> float:
    """How far what is understood of a set moves, at most, where its elements come in another order."""
    network = networks[10]
    encoder = next(module for module in network.modules() if isinstance(module, SetProcess.module))
    read = network.layer("read.second")(network.layer("read.act")(network.layer("read.first")(torch.rand(100, 10, 1))))
    return float((encoder(read) - encoder(read[:, torch.randperm(10)])).abs().max())


# --- a planted order --------------------------------------------------------------------------------------------------


def planted(run: int) -> tuple[bool, float]:
    """Whether the hidden order has the least loss, and by how much it is below the best of the others."""
    generator = torch.Generator().manual_seed(run)
    follows = torch.randint(VALUES, (VALUES,), generator=generator)
    values = [torch.randint(VALUES, (1600,), generator=generator)]
    for _ in range(PLACES):
        noise = torch.rand(1600, generator=generator) < 0.1
        values.append(torch.where(noise, torch.randint(VALUES, (1600,), generator=generator), follows[values[-1]]))
    chained = torch.stack(values[1:], 1)
    hidden = torch.randperm(PLACES, generator=generator)
    order = tuple(hidden.argsort().tolist())  # puts what is shown back into the order in which it came about
    task = planted_task(values[0][:, None], 1 + chained[:, hidden])
    graph = Graph.of(
        chain(
            code=Embedding(VALUES, 24),
            point=parallel(Identity(), Mean("l"), join=Pointer(32, extra=VALUES, cell="gru")),
        ),
        input=task.input,
    )
    network = build(graph, run)
    recipe = Recipe(optimizer=AdamW(lr=5e-3), epochs=10, batch=50, clip=1.0)
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
