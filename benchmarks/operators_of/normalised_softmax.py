"""Unseen classes told by the distance of their embeddings, after training without pairs: normalised softmax against triplets.

Digits of 8 by 8 pixels (scikit-learn): six classes are trained, drawn anew for each seed, four are never seen. The network is
two convolutions and an embedding of 32 features, trained by AdamW on batches of 64, each shifted by up to a pixel:

    normalised softmax   `CosineLinear`: unit embeddings, unit class weights, scaled (Pereira 2021, arXiv:2102.03243)
    plain softmax        `Linear`
    triplets             unit embeddings, the hardest positive and negative of each batch (Hermans 2017, arXiv:1703.07737)
    pixels, untrained    the images in the place of embeddings

Triplets have twice the training time (processor seconds) of the others. Few-shot: five examples of each unseen class make a
head by `CosineLinear.imprint`, the others are classified by it (mean of 20 draws). Open set: seen test examples against unseen
ones, AUROC of how sure the answer is: by the head's largest probability (plain) or cosine (normalised), and by the largest
cosine with the mean embedding of a class in training. The triplets' margin is the one with the better few-shot accuracy.

Targets: few-shot accuracy no worse than the triplets', AUROC above plain softmax's, both by the head.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from torch import Tensor

from nasmyth.blocks import conv_block
from nasmyth.graph import Graph, chain
from nasmyth.network import Network, build
from nasmyth.ops import CosineLinear, Flatten, Linear, MaxPool
from operators_of import spread

SEEN, SHOTS, DRAWS, BATCH, WIDTH = 6, 5, 20, 64, 32
SECONDS = 2.0
"""Processor time of a training; triplets have twice that."""
SCALES, MARGINS = (4.0, 16.0, 64.0), (0.1, 0.5)
EMBED = chain(conv_block(16), conv_block(32), pool=MaxPool(), flat=Flatten(), embed=Linear(WIDTH))


class Data(NamedTuple):
    """Images and labels: seen classes in two parts, and those that are not seen."""

    x: Tensor
    y: Tensor
    held: Tensor
    held_y: Tensor
    new: Tensor
    new_y: Tensor


def read(seed: int) -> Data:
    digits = load_digits()
    x, y = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1, torch.tensor(digits.target)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(seed))
    y = order.argsort()[y]  # the first six of a random order are seen
    seen, new = torch.nonzero(y < SEEN).flatten(), torch.nonzero(y >= SEEN).flatten()
    seen = seen[torch.randperm(len(seen), generator=torch.Generator().manual_seed(seed))]
    held, train = seen[: len(seen) // 3], seen[len(seen) // 3 :]
    return Data(x[train], y[train], x[held], y[held], x[new], y[new] - SEEN)


def hardest(embedded: Tensor, y: Tensor, margin: float) -> Tensor:
    """The triplet loss of each example with the furthest of its class and the nearest of another in its batch."""
    apart = torch.cdist(embedded, embedded)
    alike = y[:, None] == y
    furthest = apart.masked_fill(~alike, 0.0).amax(1)
    nearest = apart.masked_fill(alike, 10.0).amin(1)
    return (furthest - nearest + margin).relu().mean()


def train(network: Network, data: Data, loss: Callable[[Tensor, Tensor], Tensor], seconds: float, seed: int) -> int:
    """Train for so much processor time, the rate falling to zero; gives how many steps that were."""
    optimizer, generator = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2), torch.Generator()
    generator.manual_seed(seed)
    network.train()
    start, steps = time.process_time(), 0
    while (over := (time.process_time() - start) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - over)
        rows = torch.randint(len(data.x), (BATCH,), generator=generator)
        optimizer.zero_grad()
        shifts = (torch.randint(3, (2,), generator=generator) - 1).tolist()
        loss(network(data.x[rows].roll(shifts, (2, 3))), data.y[rows]).backward()
        optimizer.step()
        steps += 1
    network.eval()
    return steps


def few_shot(embedded: Tensor, y: Tensor, seed: int) -> float:
    """Accuracy on unseen classes of a head made of a few examples of each."""
    generator, found = torch.Generator().manual_seed(seed), []
    classes = int(y.max()) + 1
    for _ in range(DRAWS):
        order = torch.randperm(len(y), generator=generator)
        shots = torch.cat([order[y[order] == c][:SHOTS] for c in range(classes)])
        rest = torch.ones(len(y), dtype=torch.bool)
        rest[shots] = False
        head = CosineLinear(classes).build((embedded.shape[1],))
        head.imprint(embedded[shots], y[shots])
        found.append(float((head(embedded[rest]).argmax(1) == y[rest]).float().mean()))
    return sum(found) / DRAWS


@torch.no_grad()
def scores(embed: Callable[[Tensor], Tensor], head: Any, data: Data, seed: int) -> list[float]:
    """Few-shot accuracy on unseen classes; AUROC of telling seen from unseen by the head, if there is one, and by the means
    of the classes in training; and accuracy on seen ones by these means."""
    trained, known, new = embed(data.x), embed(data.held), embed(data.new)
    means = CosineLinear(SEEN).build(trained.shape[1:])
    means.imprint(trained, data.y)
    told = [few_shot(new, data.new_y, seed)]
    for one in (head, means):
        if one is not None:
            plain = isinstance(one, Linear.module)
            sure = [(one(x).softmax(1) if plain else one(x)).amax(1) for x in (known, new)]
            told.append(float(roc_auc_score([1] * len(known) + [0] * len(new), torch.cat(sure))))
        else:
            told.append(float("nan"))
    return [*told, float((means(known).argmax(1) == data.held_y).float().mean())]


def softmaxed(head: Any, seed: int) -> list[float]:
    """Scores after training with a head and cross-entropy, and the number of steps."""
    data, network = read(seed), build(Graph.of(chain(embed=EMBED, head=head), (1, 8, 8)), seed)
    steps = train(network, data, F.cross_entropy, SECONDS, seed)
    body = build(Graph.of(chain(embed=EMBED), (1, 8, 8))).eval()
    body.load_state_dict({name: x for name, x in network.state_dict().items() if not name.startswith("head.")})
    return [*scores(body, network.head, data, seed), steps]


def tripled(margin: float, seed: int) -> list[float]:
    """The same after training with triplets, for twice the time."""
    data, network = read(seed), build(Graph.of(chain(embed=EMBED), (1, 8, 8)), seed)
    steps = train(network, data, lambda out, y: hardest(F.normalize(out, dim=1), y, margin), 2 * SECONDS, seed)
    return [*scores(network, None, data, seed), steps]


def untrained(seed: int) -> list[float]:
    """Scores of the images as they are."""
    return [*scores(lambda x: x.flatten(1), None, read(seed), seed), 0]


def table(seeds: range) -> Iterator[str]:
    rows: dict[str, list[tuple[str, Callable[[int], list[float]]]]] = {
        "normalised": [(f"scale {s:g}", partial(softmaxed, CosineLinear(SEEN, s))) for s in SCALES],
        "plain": [("", partial(softmaxed, Linear(SEEN)))],
        "pixels, untrained": [("", untrained)],
        "triplets": [(f"margin {m:g}", partial(tripled, m)) for m in MARGINS],
    }
    yield f"{'':<26} {'few-shot accuracy':<18} {'AUROC by head':<16} {'AUROC by means':<16} {'seen accuracy':<16} s, steps"
    all_found: dict[str, list[list[float]]] = {}
    for name, settings in rows.items():
        for setting, run in settings:
            found = all_found[f"{name} {setting}".strip()] = [run(seed) for seed in seeds]
            few, head, means, seen, steps = zip(*found, strict=True)
            told = f"{spread(few):<18} {'' if head[0] != head[0] else spread(head):<16} {spread(means):<16} {spread(seen):<16}"
            seconds = {"triplets": 2 * SECONDS, "pixels, untrained": 0.0}.get(name, SECONDS)
            yield f"{name + ' ' + setting:<26} {told} {seconds:g}, {sum(steps) // len(steps)}"
    triplets = [found for name, found in all_found.items() if name.startswith("triplets")]
    best = max(triplets, key=lambda found: sum(row[0] for row in found))
    yield "\nabove the others, seed by seed (targets: 0 or more; above 0)"
    yield f"{'':<26} {'few-shot, best triplets':<26} AUROC by head, plain softmax"
    for name, found in all_found.items():
        if name.startswith("normalised"):
            few, head = (
                spread([a[i] - b[i] for a, b in zip(found, other, strict=True)])
                for i, other in enumerate((best, all_found["plain"]))
            )
            yield f"{name:<26} {few:<26} {head}"
