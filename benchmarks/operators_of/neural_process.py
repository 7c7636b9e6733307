"""Neural processes: what a user is interested in at a time, from a sparse and irregular history.

A user's interest in each of four subjects rises and falls at a pace and with a phase of its own; at 24 irregular times he
looks at what interests him most, now and then at something else. A network is told some of these events and asked which
subject it is at eight other times. `blocks.neural_process`, by the mean and by attention, against a GRU over the events in
their order, whose last state a network of the same size decodes with the time that is asked for. All see the same features,
and train on histories of which a random share, up to 0.7, is missing. Figures are accuracies in percent, of users never
seen. Target: more than the GRU where half of the events are missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth import Graph
from nasmyth.blocks import neural_process
from nasmyth.network import build
from operators_of import spread

SUBJECTS, EVENTS, ASKED, WIDTH = 4, 24, 8, 48
BATCH, STEPS, TESTED = 64, 500, 2000
MISSING = (0.0, 0.5, 0.75)


def table(seeds: range) -> Iterator[str]:
    yield (
        f"{'accuracy in %, events missing':<32}"
        + "".join(f"{share:>18.0%}" for share in MISSING)
        + f"{'parameters':>12}"
    )
    found: dict[str, list[list[float]]] = {}
    for name, make in MODELS.items():
        networks = [trained(make(seed), seed) for seed in seeds]
        found[name] = [[accuracy(network, share) for network in networks] for share in MISSING]
        size = sum(p.numel() for p in networks[0].parameters())
        yield f"{name:<32}" + "".join(f"{spread(values, 1):>18}" for values in found[name]) + f"{size:>12,}"
    for name in list(MODELS)[1:]:
        gains = [[a - b for a, b in zip(*pair, strict=True)] for pair in zip(found[name], found["GRU"], strict=True)]
        yield f"{name + ' above the GRU':<32}" + "".join(f"{spread(values, 1):>18}" for values in gains)


# --- users ------------------------------------------------------------------------------------------------------------


def users(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Events in their order, features of the times that are asked for, and the subjects there."""
    times = torch.rand(count, EVENTS + ASKED, generator=generator)
    times[:, :EVENTS] = times[:, :EVENTS].sort(1).values
    pace = 0.5 + 1.5 * torch.rand(count, SUBJECTS, generator=generator)
    phase = torch.rand(count, SUBJECTS, generator=generator)
    interest = torch.sin(2 * math.pi * (pace[:, None] * times[:, :, None] + phase[:, None]))
    looked = interest.argmax(2)
    strays = torch.rand(looked.shape, generator=generator) < 0.1
    looked = torch.where(strays, torch.randint(SUBJECTS, looked.shape, generator=generator), looked)
    angles = 2 * math.pi * times[:, :, None] * torch.tensor([0.5, 1.0, 2.0, 4.0])
    features = torch.cat((times[:, :, None], angles.sin(), angles.cos()), 2)
    events = torch.cat((features, F.one_hot(looked, SUBJECTS)), 2)[:, :EVENTS]
    return events, features[:, EVENTS:], looked[:, EVENTS:]


def known(count: int, missing: Tensor | float, generator: torch.Generator) -> Tensor:
    return (torch.rand(count, EVENTS, generator=generator) >= missing).float()


# --- networks ---------------------------------------------------------------------------------------------------------


class GRU(nn.Module):
    """Events in their order; what is missing is passed over, and time goes on."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.cell = nn.GRUCell(9 + SUBJECTS, WIDTH)
        layers = [
            nn.Linear(WIDTH + 9, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, SUBJECTS),
        ]
        self.decode = nn.Sequential(*layers)

    def forward(self, events: Tensor, queries: Tensor, mask: Tensor) -> Tensor:
        h = events.new_zeros(len(events), WIDTH)
        for event, there in zip(events.unbind(1), mask.unbind(1), strict=True):
            h = torch.where(there.unsqueeze(1) > 0, self.cell(event, h), h)
        told = torch.cat((h.unsqueeze(1).expand(-1, queries.shape[1], -1), queries), 2)
        found: Tensor = self.decode(told)
        return found


def process(heads: int) -> Callable[[int], nn.Module]:
    shapes = {"x": (EVENTS, 9 + SUBJECTS), "queries": (ASKED, 9), "mask": (EVENTS,)}
    graph = Graph.of(neural_process(SUBJECTS, width=WIDTH, heads=heads), input=shapes)
    return lambda seed: build(graph, seed)


MODELS: dict[str, Callable[[int], nn.Module]] = {
    "GRU": GRU,
    "neural process, mean": process(0),
    "neural process, attention": process(4),
}


def trained(network: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=STEPS)
    network.train()
    for _ in range(STEPS):
        events, queries, looked = users(BATCH, generator)
        mask = known(BATCH, 0.7 * torch.rand(BATCH, 1, generator=generator), generator)
        loss = F.cross_entropy(network(events, queries, mask).flatten(0, 1), looked.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return network


@torch.no_grad()
def accuracy(network: nn.Module, missing: float) -> float:
    generator = torch.Generator().manual_seed(10_000)
    events, queries, looked = users(TESTED, generator)
    found = network.eval()(events, queries, known(TESTED, missing, generator)).argmax(2)
    return 100 * (found == looked).float().mean().item()
