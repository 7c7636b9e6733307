"""A view of the text for each label against one mean for all: multi-label texts whose labels are up to 100 times as rare.

Texts of 64 tokens out of 60; 20 labels, whose chances fall from 1 in 2 to 1 in 200 (100:1). The evidence of a label is a pair
of tokens, one behind the other, planted at a random place; the tokens of pairs also stand alone in all texts, so that
counting them tells little. 4,000 texts are trained on for 20 epochs with AdamW by embeddings of 32 features and a convolution
over three places, and then

    mean               `sequence_head`: the mean over places, one linear layer; cross-entropy of each label
    label attention    `label_head`: a query and a classifier for each label (TransICD, Biswas 2021, arXiv:2104.10652)
    and margins        the same with label-distribution-aware margins (Cao 2019, arXiv:1906.07413), `less_margin`

Macro-F1 is the mean over labels of F1 on 4,000 other texts, at the threshold that is best for the label on 4,000 further ones.
Evidence: how much of the attention that a label pays in the texts that have it lies on the four places whose view has a token
of its pair (by chance 4 in 64), and how often its largest weight does.

Targets: macro-F1 above mean pooling; attention on the planted evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.blocks import label_head, sequence_head
from nasmyth.graph import Graph, chain
from nasmyth.graph.inputs import Spec
from nasmyth.network import Network, build
from nasmyth.ops import Activation, Embedding, SequenceConv
from nasmyth.train.balance import less_margin, margins
from operators_of import spread

LABELS, TOKENS, OF_PAIRS, LENGTH, WIDTH, TEXTS = 20, 60, 20, 64, 32, 4000
CHANCES = 0.5 * 100 ** (-np.arange(LABELS) / (LABELS - 1))
"""From 1 in 2 to 1 in 200."""
EPOCHS, BATCH, RATE, MARGIN, RAREST = 20, 50, 3e-3, 1.0, 5
BODY = {"embed": Embedding(TOKENS, WIDTH), "conv": SequenceConv(WIDTH, 3), "act": Activation("relu")}


class Texts(NamedTuple):
    """Tokens N LENGTH, labels N LABELS, and where each label's pair begins, LENGTH where there is none."""

    x: Tensor
    y: Tensor
    place: Tensor


def texts(pairs: Any, rng: np.random.Generator) -> Texts:
    """Random texts with the pairs of their labels; pairs that came about by chance are taken apart."""
    x = rng.integers(0, TOKENS, (TEXTS, LENGTH))
    y = rng.random((TEXTS, LABELS)) < CHANCES
    slots = 2 * np.argsort(rng.random((TEXTS, LENGTH // 2)), 1)[:, :LABELS]  # no two labels in one place
    place, planted = np.where(y, slots, LENGTH), np.zeros((TEXTS, LENGTH + 2), dtype=bool)
    for label, pair in enumerate(pairs):
        rows = np.flatnonzero(y[:, label])
        for i in (0, 1):
            x[rows, slots[rows, label] + i] = pair[i]
            planted[rows, slots[rows, label] + i] = True
    for label, (first, second) in enumerate(pairs):
        for row, at in zip(*np.nonzero((x[:, :-1] == first) & (x[:, 1:] == second)), strict=True):
            loose = [i for i in (at, at + 1) if not planted[row, i]]
            if loose:
                x[row, loose[0]] = rng.integers(OF_PAIRS, TOKENS)
            elif not y[row, label]:  # between two that were planted side by side
                y[row, label], place[row, label] = True, at
    return Texts(torch.tensor(x), torch.tensor(y, dtype=torch.float32), torch.tensor(place))


def data(seed: int) -> list[Texts]:
    """Texts for training, for thresholds, and for the scores."""
    rng = np.random.default_rng(seed)
    every = [(a, b) for a in range(OF_PAIRS) for b in range(OF_PAIRS) if a != b]
    pairs = np.array(every)[rng.permutation(len(every))[:LABELS]]
    return [texts(pairs, rng) for _ in range(3)]


def trained(head: Any, train: Texts, margin: float, seed: int) -> Network:
    graph = Graph.of(chain(**BODY, head=head), {"x": Spec((LENGTH,), "int")})
    network, width = build(graph, seed), margins(train.y.sum(0), margin)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * TEXTS // BATCH)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS):
        for rows in torch.randperm(TEXTS, generator=generator).split(BATCH):
            optimizer.zero_grad()
            logits = less_margin(network(train.x[rows]), train.y[rows], width)
            F.binary_cross_entropy_with_logits(logits, train.y[rows]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def f1(said: Tensor, y: Tensor) -> Tensor:
    """F1 of each label, of answers ... N LABELS."""
    hit = (said & (y > 0)).sum(-2)
    return 2 * hit / (said.sum(-2) + y.sum(0)).clamp(min=1)


@torch.no_grad()
def scores(network: Network, valid: Texts, test: Texts) -> Tensor:
    """F1 of each label at its best threshold of those at the quantiles of its logits."""
    logits = network(valid.x)
    levels = torch.quantile(logits, torch.linspace(0, 1, 400), dim=0)
    best = torch.stack([f1(logits > level, valid.y) for level in levels]).argmax(0)
    return f1(network(test.x) > levels.gather(0, best[None]), test.y)


@torch.no_grad()
def evidence(network: Network, test: Texts) -> list[float]:
    """The share of attention on the places that see a planted pair, and how often the largest weight is on one of them."""
    features = network.act(network.conv(network.embed(test.x)))
    shares = network.head.pool.shares(network.head.norm(features))[test.y > 0]
    near = torch.arange(LENGTH) - test.place[test.y > 0][:, None]
    near = (near >= -1) & (near <= 2)
    return [float((shares * near).sum(1).mean()), float(near.gather(1, shares.argmax(1, keepdim=True)).float().mean())]


def table(seeds: range) -> Iterator[str]:
    heads = {
        "mean": (sequence_head(LABELS), 0.0),
        "label attention": (label_head(LABELS, inner=WIDTH), 0.0),
        "and margins": (label_head(LABELS, inner=WIDTH), MARGIN),
    }
    sets = [data(seed) for seed in seeds]
    often = torch.stack([train.y.mean(0) for train, *_ in sets]).mean(0)
    yield f"labels occur in {float(often[0]):.1%} to {float(often[-1]):.2%} of the training texts; by chance 0.062 of attention"
    yield f"{'':<18} {'macro-F1':<16} {f'of the {RAREST} rarest':<16} {'attention':<16} largest weight"
    found: dict[str, list[float]] = {}
    for name, (head, margin) in heads.items():
        rows = []
        for seed, (train, valid, test) in zip(seeds, sets, strict=True):
            network = trained(head, train, margin, seed)
            each = scores(network, valid, test)
            on = evidence(network, test) if name != "mean" else []
            rows.append([float(each.mean()), float(each[-RAREST:].mean()), *on])
        found[name] = [row[0] for row in rows]
        yield f"{name:<18} " + " ".join(f"{spread(column):<16}" for column in zip(*rows, strict=True)).rstrip()
    yield ""
    for name in list(found)[1:]:
        gain = [a - b for a, b in zip(found[name], found["mean"], strict=True)]
        yield f"{name}, macro-F1 above the mean (target: above 0)".ljust(62) + spread(gain)
