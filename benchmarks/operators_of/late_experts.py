"""Six dialects of two families: are experts in the last layers alone enough, and is one a family enough?

A dialect is a language of 10 symbols in which the two symbols before tell the next: it is drawn uniformly with
probability 0.1, else it is what its family says after these two, but for one of eight contexts, where each dialect has a word
of its own. A transformer of 4 layers predicts the next symbol of 32; its feed-forward layers with experts are a fixed
layer beside experts, of which each place passes the one of its dialect, or of its family (hybrid routing, Zheng 2024,
arXiv:2410.10626). Loss on new sequences, in nats. Targets: late experts (2 of 4 layers) no worse than experts in all
layers, with fewer parameters; experts of families within 1 % of those of dialects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth import Graph, chain, ops, parallel
from nasmyth.blocks import mlp, transformer
from nasmyth.graph import Spec
from nasmyth.measure import params
from nasmyth.network import build
from nasmyth.train.auxiliary import auxiliary_losses
from operators_of import spread

SYMBOLS, LENGTH, WIDTH, STEPS, BATCH = 10, 32, 32, 250, 16
DIALECTS, FAMILIES = 6, 2
LAYERS = {
    "in all layers, by dialect": ((1, 1, 1, 1), DIALECTS),
    "late, by dialect": ((0, 0, 1, 1), DIALECTS),
    "late, by family": ((0, 0, 1, 1), FAMILIES),
}


def table(seeds: range) -> Iterator[str]:
    yield f"{'experts':<28}{'parameters':>11}  loss"
    found: dict[str, list[float]] = {}
    for name, (layers, experts) in LAYERS.items():
        graph = model(layers, experts)
        found[name] = [trained(graph, experts, seed) for seed in seeds]
        yield f"{name:<28}{params(graph):>11.0f}  {spread(found[name], 4)}"
    every, late, family = found.values()
    yield f"\nlate less all layers, of one seed: {spread(differences(late, every), 2)} %"
    yield f"families less dialects, of one seed: {spread(differences(family, late), 2)} %"


def differences(ours: list[float], theirs: list[float]) -> list[float]:
    return [100 * (a / b - 1) for a, b in zip(ours, theirs, strict=True)]


def model(layers: tuple[int, ...], experts: int) -> Graph:
    routed = parallel(fixed=mlp(1), routed=ops.MixtureOfExperts(experts, 1, WIDTH, given=True))
    body = [transformer(mixer=ops.Attention(2, causal=True), feedforward=routed if n else mlp(2)) for n in layers]
    template = chain(
        ops.Embedding(SYMBOLS, WIDTH), ops.LearnedPosition(), *body, norm=ops.LayerNorm(), head=ops.Linear(SYMBOLS)
    )
    return Graph.of(template, input={"x": Spec((LENGTH,), "int"), "expert": Spec((LENGTH,))})


def languages(generator: torch.Generator) -> Tensor:
    """What follows two symbols, in each dialect: dialects symbols symbols."""
    size = (SYMBOLS, SYMBOLS)
    family = torch.randint(SYMBOLS, (FAMILIES, *size), generator=generator)
    own = torch.randint(SYMBOLS, (DIALECTS, *size), generator=generator)
    differs = torch.rand(DIALECTS, *size, generator=generator) < 1 / 8
    return torch.where(differs, own, family[torch.arange(DIALECTS) % FAMILIES])


def sequences(follows: Tensor, dialect: Tensor, generator: torch.Generator) -> Tensor:
    """A sequence of each dialect, one symbol longer than what the network reads."""
    n = len(dialect)
    said = [*torch.randint(SYMBOLS, (2, n), generator=generator)]
    while len(said) <= LENGTH:
        free = torch.randint(SYMBOLS, (n,), generator=generator)
        noise = torch.rand(n, generator=generator) < 0.1
        said.append(torch.where(noise, free, follows[dialect, said[-2], said[-1]]))
    return torch.stack(said, 1)


def trained(graph: Graph, experts: int, seed: int) -> float:
    """The loss on new sequences after training."""
    generator = torch.Generator().manual_seed(seed)
    follows = languages(generator)
    network: Any = build(graph, seed=seed)

    def loss_of(count: int) -> Tensor:
        dialect = torch.randint(DIALECTS, (count,), generator=generator)
        x = sequences(follows, dialect, generator)
        expert = (dialect % experts).float().unsqueeze(1).expand(-1, LENGTH)
        return F.cross_entropy(network(x[:, :-1], expert).flatten(0, 1), x[:, 1:].flatten())

    optimizer = torch.optim.AdamW(network.parameters(), 4e-3, weight_decay=0.01)
    network.train()
    with auxiliary_losses(network) as extra:
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = 4e-3 * min(1.0, (step + 1) / 20) * (1 - step / STEPS)
            loss = loss_of(BATCH) + sum(extra)
            extra.clear()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.eval()
    with torch.no_grad():
        return float(loss_of(1000))
