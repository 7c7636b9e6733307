"""Three languages in sequence: do added experts keep the first better than a dense network that goes on?

A language of 24 symbols uses 16 of them, in which the two before tell the next but for one time in ten. A causal
transformer of two layers learns one after another. Growing (Lifelong-MoE, Chen 2023, arXiv:2305.12281): two experts, then two
more for each new language, the old ones and their columns of the gate held, and its answers on the new language kept near
those of the network before by a Kullback-Leibler distance. Dense: a feed-forward layer of equal active MACs that simply
goes on. Beside it the dense one with the same distance. Loss in nats on new sequences of the first language and of the last.
Target: the loss on the first grows at most 0.3 times as much as that of the dense one; held weights are equal to the
bit; the MACs of a place are constant but for the columns of the gate.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth import Graph, chain, ops
from nasmyth.blocks import transformer
from nasmyth.graph import Spec
from nasmyth.measure import macs
from nasmyth.network import Network, build
from nasmyth.train.auxiliary import auxiliary_losses
from nasmyth.transform import add_experts
from operators_of import spread

SYMBOLS, USED, LENGTH, WIDTH, STEPS, BATCH, NEAR = 24, 16, 24, 32, 200, 24, 2.0
WAYS = {"dense": (False, 0.0), "dense, kept near": (False, NEAR), "growing, kept near": (True, NEAR)}


def table(seeds: range) -> Iterator[str]:
    yield f"{'network':<20}{'MACs':>16}  {'first, before':<15}{'first, after':<15}{'growth':<15}last"
    grown: dict[str, list[float]] = {}
    for name, (growing, near) in WAYS.items():
        runs = [lifelong(growing, near, seed) for seed in seeds]
        first, last, end, costs = zip(*runs, strict=True)
        grown[name] = [b - a for a, b in zip(first, last, strict=True)]
        figures = "".join(f"{spread(values):<15}" for values in (first, last, grown[name]))
        yield f"{name:<20}{costs[0]:>16}  {figures}{spread(end)}"
    ratios = [a / b for a, b in zip(grown["growing, kept near"], grown["dense"], strict=True)]
    yield f"\ngrowth of growing over that of dense, of one seed: {spread(ratios, 2)}"
    yield "held weights after all languages: equal to the bit"


def model(growing: bool) -> Graph:
    hidden = 2 * WIDTH
    wide = chain(ops.Linear(hidden, False), ops.Activation("gelu"), ops.Linear(WIDTH, False))
    body = transformer(
        mixer=ops.Attention(2, causal=True), feedforward=ops.MixtureOfExperts(2, 1, hidden) if growing else wide
    )
    template = chain(
        ops.Embedding(SYMBOLS, WIDTH), ops.LearnedPosition(), body, body, ops.LayerNorm(), ops.Linear(SYMBOLS)
    )
    return Graph.of(template, input={"x": Spec((LENGTH,), "int")})


def language(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The symbols that it uses, and what follows two of them."""
    used = torch.randperm(SYMBOLS, generator=generator)[:USED]
    return used, torch.randint(USED, (USED, USED), generator=generator)


def sequences(of: tuple[Tensor, Tensor], count: int, generator: torch.Generator) -> Tensor:
    used, follows = of
    said = [*torch.randint(USED, (2, count), generator=generator)]
    while len(said) <= LENGTH:
        free = torch.randint(USED, (count,), generator=generator)
        noise = torch.rand(count, generator=generator) < 0.1
        said.append(torch.where(noise, free, follows[said[-2], said[-1]]))
    return used[torch.stack(said, 1)]


def lifelong(growing: bool, near: float, seed: int) -> tuple[float, float, float, str]:
    """The loss on the first language after it and after all, on the last, and MACs of a place at first and at last."""
    generator = torch.Generator().manual_seed(seed)
    languages = [language(generator) for _ in range(3)]
    network: Any = build(model(growing), seed=seed)
    costs, held, before = [macs(network.graph)], {}, 0.0
    for i, of in enumerate(languages):
        teacher = copy.deepcopy(network).eval() if i else None
        if i and growing:
            network = add_experts(network, 2, seed=seed + 100 * i)
            held = {name: p.detach().clone() for name, p in network.named_parameters() if not p.requires_grad}
        learn(network, of, teacher, near, generator)
        if any(not torch.equal(dict(network.named_parameters())[name], old) for name, old in held.items()):
            raise AssertionError("a held weight has changed")
        if not i:
            before = loss_on(network, languages[0], generator)
    costs.append(macs(network.graph))
    told = " to ".join(f"{cost / LENGTH / 1e3:.2f}k" for cost in costs)
    return before, loss_on(network, languages[0], generator), loss_on(network, languages[-1], generator), told


def learn(
    network: Network, of: tuple[Tensor, Tensor], teacher: Network | None, near: float, generator: torch.Generator
) -> None:
    network.train()
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 4e-3)
    with auxiliary_losses(network) as extra:
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = 4e-3 * min(1.0, (step + 1) / 20) * (1 - step / STEPS)
            x = sequences(of, BATCH, generator)
            told = network(x[:, :-1]).flatten(0, 1)
            loss = F.cross_entropy(told, x[:, 1:].flatten()) + sum(extra)
            extra.clear()
            if teacher is not None and near:
                with torch.no_grad():
                    known = teacher(x[:, :-1]).flatten(0, 1).log_softmax(-1)
                loss = loss + near * F.kl_div(told.log_softmax(-1), known, reduction="batchmean", log_target=True)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def loss_on(network: Network, of: tuple[Tensor, Tensor], generator: torch.Generator) -> float:
    x = sequences(of, 500, generator)
    return float(F.cross_entropy(network.eval()(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()))
