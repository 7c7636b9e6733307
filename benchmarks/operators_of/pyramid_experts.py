"""Does a pyramid of experts beside fixed layers do what a uniform mixture of 0.6 times more parameters does?

Four causal transformer blocks predict the next of 32 bytes of the source of Python's standard library. Uniform: 8 experts in
every layer, 2 for each place. Pyramid-residual (Rajbhandari 2022, arXiv:2201.05596): a fixed layer and one of 2, 2, 4 and 4
experts, which costs each place as much. Loss in nats on files that were not trained on. Then students of two layers,
trained on the bytes and on what the pyramid says of them (a Kullback-Leibler distance of equal weight), until the end,
or until 0.6 of the steps and on the bytes alone from there (staged, its section 4.2). Targets: within 1 % of the uniform
loss with at most 0.6 of the parameters; a distillation that stops early is no worse than a full one.
"""

from __future__ import annotations

import argparse
import ast
import csv
import inspect
import json
import textwrap
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth import Graph, chain, ops
from nasmyth.blocks import expert_transformer
from nasmyth.graph import Spec
from nasmyth.measure import active_params, params
from nasmyth.network import Network, build
from nasmyth.train.auxiliary import auxiliary_losses
from operators_of import spread

LENGTH, WIDTH, STEPS, BATCH, STOP = 32, 48, 250, 8, 0.6
UNIFORM = expert_transformer((8, 8, 8, 8), k=2, expand=2, causal=True)
PYRAMID = expert_transformer((2, 2, 4, 4), k=1, expand=2, causal=True, fixed=True)
STUDENT = expert_transformer((2, 4), k=1, expand=2, causal=True, fixed=True)


def table(seeds: range) -> Iterator[str]:
    yield f"{'network':<28}{'parameters':>11}{'active':>8}  loss"
    runs = [compared(seed) for seed in seeds]
    for name in runs[0]:
        graph = model({"uniform": UNIFORM, "pyramid-residual": PYRAMID}.get(name, STUDENT))
        losses = [losses[name] for losses in runs]
        yield f"{name:<28}{params(graph):>11.0f}{active_params(graph):>8.0f}  {spread(losses)}"
    yield ""
    for ours, theirs in (("pyramid-residual", "uniform"), ("student, stopped early", "student, to the end")):
        gaps = [100 * (run[ours] / run[theirs] - 1) for run in runs]
        yield f"{ours} less {theirs}, of one seed: {spread(gaps, 2)} %"


def model(body: Any) -> Graph:
    ends = ops.LayerNorm(), ops.Linear(128)
    return Graph.of(
        chain(ops.Embedding(128, WIDTH), ops.LearnedPosition(), body, *ends), input={"x": Spec((LENGTH,), "int")}
    )


def compared(seed: int) -> dict[str, float]:
    uniform, teacher = learned(UNIFORM, seed), learned(PYRAMID, seed)
    full, staged = (learned(STUDENT, seed, teacher, until) for until in (1.0, STOP))
    networks = {"uniform": uniform, "pyramid-residual": teacher}
    networks |= {
        "student, to the end": full,
        "student, stopped early": staged,
        "student, alone": learned(STUDENT, seed),
    }
    return {name: tested(network) for name, network in networks.items()}


def source(*modules: Any) -> Tensor:
    """The bytes of modules; what is beyond ASCII is one byte."""
    text = "".join(inspect.getsource(module) for module in modules).encode("ascii", "replace")
    return torch.frombuffer(bytearray(text), dtype=torch.uint8).long()


def batch(data: Tensor, count: int, generator: torch.Generator) -> Tensor:
    starts = torch.randint(len(data) - LENGTH - 1, (count, 1), generator=generator)
    return data[starts + torch.arange(LENGTH + 1)]


def learned(body: Any, seed: int, teacher: Network | None = None, until: float = 0.0) -> Network:
    """Trained on bytes, and for a share of the steps on what a teacher says of them."""
    data, generator = source(argparse, inspect), torch.Generator().manual_seed(seed)
    network = build(model(body), seed=seed).train()
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3, weight_decay=0.05)
    with auxiliary_losses(network) as extra:
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = 4e-3 * min(1.0, (step + 1) / 20) * (1 - step / STEPS)
            x = batch(data, BATCH, generator)
            told = network(x[:, :-1]).flatten(0, 1)
            loss = F.cross_entropy(told, x[:, 1:].flatten()) + sum(extra)
            extra.clear()
            if teacher is not None and step < until * STEPS:
                with torch.no_grad():
                    known = teacher(x[:, :-1]).flatten(0, 1).log_softmax(-1)
                distance = F.kl_div(told.log_softmax(-1), known, reduction="batchmean", log_target=True)
                loss = loss + distance
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


@torch.no_grad()
def tested(network: Network) -> float:
    x = batch(source(ast, csv, json.decoder, textwrap), 400, torch.Generator().manual_seed(0))
    return float(F.cross_entropy(network(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()))
