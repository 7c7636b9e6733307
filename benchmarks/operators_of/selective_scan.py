"""A chain of ever smaller selective state spaces, each taught by the one before it, and all of them together.

Digits (8 by 8, from scikit-learn; 1,200 to learn from, 597 to test) as sequences of their 8 rows. The teacher has two mamba
blocks; students have one or two, narrower. A student learns from labels and from the outputs of who teaches it, half and half
(Hinton 2015, arXiv:1503.02531, temperature 3). chain: teacher, first, second, last. direct: the last, taught by the teacher
itself. alone: the last, by labels. all students: their outputs, each weighted by the log-odds of its accuracy on what it
learned from, as weak learners are. step: the largest difference of the trained teacher's outputs a place at a time from those
for the whole.

Targets: at 5 % of the teacher's multiply-accumulates the chain's last is no worse than the one taught directly; all students
are within 1 point of the teacher at no more than 65 % of its multiply-accumulates; step at most 1e-5.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth import Graph, blocks, chain, ops, repeat, residual
from nasmyth.measure import macs
from nasmyth.network import build
from operators_of import spread

SHARES = (0.42, 0.18, 0.05)
"""Of the teacher's multiply-accumulates, at most: the students of the chain."""
TEACHER = (48, 2, 8)
"""Width, blocks, state."""
BATCH = 80


def table(seeds: range) -> Iterator[str]:
    teacher = _graph(*TEACHER)
    students = [_within(share * macs(teacher)) for share in SHARES]
    found = [_one(teacher, students, seed) for seed in seeds]
    share = [macs(graph) / macs(teacher) for graph in students]
    costs = {"teacher": 1.0, "chain: first": share[0], "chain: second": share[1], "chain: last": share[2]}
    costs |= {"direct: last": share[2], "alone: last": share[2], "all students": sum(share)}
    yield f"{'':<16} {'MACs':>6} {'% right':>16}"
    for name, cost in costs.items():
        yield f"{name:<16} {cost:>6.1%} {spread([100 * one[name] for one in found], 1):>16}"
    yield f"\nchain minus direct, points     {spread([100 * (one['chain: last'] - one['direct: last']) for one in found], 1)}"
    yield f"all students minus teacher     {spread([100 * (one['all students'] - one['teacher']) for one in found], 1)}"
    yield f"step                           {max(one['step'] for one in found):.0e}"


def _graph(width: int, depth: int, state: int) -> Graph:
    body = repeat(residual(ops.RMSNorm(), blocks.mamba(state)), depth)
    layers = chain(stem=ops.Linear(width), body=body, norm=ops.RMSNorm(), head=ops.Linear(10))
    return Graph.of(layers, (8, 8))


def _within(budget: float) -> Graph:
    """The costliest student that the budget allows."""
    graphs = [_graph(width, depth, 4) for width in range(4, 48) for depth in (1, 2)]
    return max((graph for graph in graphs if macs(graph) <= budget), key=macs)


def _one(teacher: Graph, students: list[Graph], seed: int) -> dict[str, float]:
    data = _digits(seed)
    first = _trained(teacher, data, None, seed)
    taught = [first]
    for graph in students:
        taught.append(_trained(graph, data, taught[-1], seed))
    direct, alone = (_trained(students[-1], data, by, seed) for by in (first, None))
    x, y, test_x, test_y = data
    names = ("teacher", "chain: first", "chain: second", "chain: last", "direct: last", "alone: last")
    found = {name: _right(_out(n, test_x), test_y) for name, n in zip(names, (*taught, direct, alone), strict=True)}
    votes = torch.zeros(len(test_y), 10)
    for network in taught[1:]:
        right = min(_right(_out(network, x), y), 1 - 1 / len(y))
        votes += math.log(right / (1 - right)) * _out(network, test_x).softmax(1)
    return {**found, "all students": _right(votes, test_y), "step": _step_gap(first, test_x)}


def _digits(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    from sklearn.datasets import load_digits

    found = load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(seed))
    x, y = torch.tensor(found.images, dtype=torch.float32)[order] / 8 - 1, torch.tensor(found.target)[order]
    return x[:1200], y[:1200], x[1200:], y[1200:]


def _trained(graph: Graph, data: Any, teacher: Any, seed: int, epochs: int = 16, heat: float = 3.0) -> Any:
    torch.manual_seed(seed)
    x, y, _, _ = data
    network = build(graph, seed=seed)
    steps = epochs * (len(x) // BATCH)
    adam = torch.optim.AdamW(network.parameters(), lr=5e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(adam, 5e-3, total_steps=steps)
    soft = None if teacher is None else (_out(teacher, x) / heat).softmax(1)
    for _ in range(epochs):
        for part in torch.randperm(len(x)).split(BATCH):
            out = network(x[part])[:, -1]
            loss = F.cross_entropy(out, y[part])
            if soft is not None:
                loss = (loss + heat**2 * F.cross_entropy(out / heat, soft[part])) / 2
            adam.zero_grad()
            loss.backward()
            adam.step()
            rate.step()
    return network.eval()


@torch.no_grad()
def _out(network: Any, x: Tensor) -> Tensor:
    """What is said at the last row."""
    out: Tensor = network(x)[:, -1]
    return out


def _right(out: Tensor, y: Tensor) -> float:
    return (out.argmax(1) == y).float().mean().item()


@torch.no_grad()
def _step_gap(network: Any, x: Tensor) -> float:
    whole, state, gap = network(x), network.initial_state(len(x)), 0.0
    for place in range(x.shape[1]):
        y, state = network.step(state, x[:, place])
        gap = max(gap, (y - whole[:, place]).abs().max().item())
    return gap
