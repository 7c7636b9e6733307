"""Words and items in one softmax: which item a dialogue comes to, with and without what a graph says of those mentioned.

Fifty items lie on a plane, each joined with its four nearest. In a dialogue somebody names two or three items near each
other, among words that mean little, and is told one that he did not name and that lies nearest to all of them. A causal
transformer reads the dialogue word by word and replies by one softmax over the words and the items, first a word and then
an item (`ops.WordsAndItems`); items are what two layers of `ops.MessagePassing` make of learned vectors and the graph. With
the graph's bias the network is told which items were mentioned, and scores those related to them higher; without it, it is
told that none were. Both read the same dialogues, in which items are words of their own. Figures are shares of dialogues
whose item has the highest score of all words and items, in percent. Target: more with the bias than without.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth import Graph, chain, parallel
from nasmyth.blocks import transformer
from nasmyth.graph.inputs import Spec
from nasmyth.network import build
from nasmyth.ops import Attention, Embedding, LayerNorm, LearnedPosition, MessagePassing, Weight, WordsAndItems
from operators_of import spread

ITEMS, WORDS, LENGTH, NEIGHBOURS, WIDTH = 50, 30, 12, 4, 32
DIALOGUES, TESTED, EPOCHS, BATCH = 300, 700, 30, 50


def table(seeds: range) -> Iterator[str]:
    yield f"{'items found first, in %':<28}{'trained dialogues':>20}{'new dialogues':>20}"
    found = {}
    for name, told in (("without the graph's bias", False), ("with the graph's bias", True)):
        each = [trial(seed, told) for seed in seeds]
        found[name] = [new for _, new in each]
        yield f"{name:<28}{spread([old for old, _ in each], 1):>20}{spread(found[name], 1):>20}"
    without, within = found.values()
    yield f"{'gained':<28}{'':>20}{spread([b - a for a, b in zip(without, within, strict=True)], 1):>20}"


# --- dialogues --------------------------------------------------------------------------------------------------------


def catalogue(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """How far items are apart, and the edges between near ones, both ways: 2 e."""
    apart = torch.cdist(*[torch.rand(ITEMS, 2, generator=generator)] * 2)
    near = apart.topk(NEIGHBOURS + 1, largest=False).indices[:, 1:]
    out, into = torch.arange(ITEMS).repeat_interleave(NEIGHBOURS), near.flatten()
    return apart, torch.stack((torch.cat((out, into)), torch.cat((into, out))))


def dialogues(count: int, apart: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Codes of words and items, the item that each comes to (the next code), and which items were mentioned."""
    text = torch.randint(1, WORDS, (count, LENGTH), generator=generator)
    text[:, -1] = 0  # the word that asks for an item
    mentioned, answers = torch.zeros(count, ITEMS), torch.zeros(count, dtype=torch.int64)
    for i in range(count):
        first = int(torch.randint(ITEMS, (1,), generator=generator))
        number = 2 + int(torch.randint(2, (1,), generator=generator))
        near = apart[first].topk(6, largest=False).indices
        named = near[torch.randperm(6, generator=generator)[:number]]
        mentioned[i, named] = 1.0
        places = torch.randperm(LENGTH - 1, generator=generator)[:number]
        text[i, places] = WORDS + named
        answers[i] = (apart[named].sum(0) + 1e9 * mentioned[i]).argmin()
    return text, answers, mentioned


# --- the network ------------------------------------------------------------------------------------------------------


def network(edges: Tensor, seed: int) -> nn.Module:
    read = chain(
        code=Embedding(WORDS + ITEMS, WIDTH),
        place=LearnedPosition(),
        mix=transformer(mixer=Attention(4, causal=True), expand=2),
        norm=LayerNorm(),
    )
    items = chain(
        own=Weight((ITEMS, WIDTH)),
        near=MessagePassing("sage", WIDTH),
        norm=LayerNorm(),
        far=MessagePassing("sage", WIDTH),
    )
    inputs = {"x": Spec((LENGTH,), "int"), "edges": Spec(tuple(edges.shape), "int"), "mentioned": Spec((ITEMS,))}
    return build(Graph.of(parallel(text=read, items=items, join=WordsAndItems(WORDS)), input=inputs), seed)


def trial(seed: int, told: bool) -> tuple[float, float]:
    """Recall at 1 of dialogues that were trained, and of others."""
    generator = torch.Generator().manual_seed(seed)
    apart, edges = catalogue(generator)
    text, answers, mentioned = dialogues(DIALOGUES + TESTED, apart, generator)
    told_of = mentioned * told
    net = network(edges, seed)
    reply = torch.stack(
        (text[:, -1], WORDS + answers), 1
    )  # a word, then an item; what comes before is read, and not learned
    steps = EPOCHS * DIALOGUES // BATCH
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    net.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(DIALOGUES, generator=generator).split(BATCH):
            logits = net(text[rows], edges.expand(len(rows), -1, -1), told_of[rows])[:, -2:]
            loss = F.cross_entropy(logits.flatten(0, 1), reply[rows].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        found = net(text, edges.expand(len(text), -1, -1), told_of)[:, -1].argmax(1) == WORDS + answers
    share = 100 * found.float()
    return share[:DIALOGUES].mean().item(), share[DIALOGUES:].mean().item()
