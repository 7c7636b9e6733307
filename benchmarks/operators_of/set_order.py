"""Sets: sorting by a set encoder that no order touches.

Three networks learn to sort 5 to 10 numbers, in equal steps at equal width, and answer with the places of the numbers.
`sequence to sequence` reads them by an LSTM and answers, from its last state, with one of ten symbols; `pointer network` points
at what that LSTM has made of each number; `read, process, write` is `blocks.read_process_write`. The latter two, whose symbols
are places, are also tried where nothing keeps them from pointing at a place twice. Figures are shares of answers that are right
from first to last, in percent. Target: at least 10 points above sequence to sequence; and what is understood of a set moves by
no more than 1e-6 where it is shuffled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth import Graph, chain, op, parallel
from nasmyth.blocks import read_process_write
from nasmyth.network import build
from nasmyth.ops import Identity, Mean, Pointer, SetProcess, Slice
from operators_of import spread

TRAINED, WIDTH, BATCH, STEPS, TESTED = range(5, 11), 32, 64, 500, 500


def table(seeds: range) -> Iterator[str]:
    yield f"{'sort, answers right in %':<40}" + "".join(f"{f'{n} numbers':>18}" for n in (5, 10)) + f"{'5 to 10':>18}"
    for name, make in GRAPHS.items():
        networks = [trained(make, seed) for seed in seeds]
        each = [[right(network, n) for n in TRAINED] for network in networks]
        shown = [[e[0] for e in each], [e[-1] for e in each], [sum(e) / len(e) for e in each]]
        yield f"{name:<40}" + "".join(f"{spread(values, 1):>18}" for values in shown)
    yield f"the set encoder's output moves by {max(moved(network) for network in networks):.1e} where its input is shuffled"


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
