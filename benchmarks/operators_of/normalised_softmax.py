"""Unseen classes told by the distance of their embeddings, after training without pairs: normalised softmax against triplets.

Digits of 8 by 8 pixels (scikit-learn): six classes are trained, drawn anew for each seed, four are never seen. The network is
two convolutions and an embedding of 32 features; three heads are trained on it with AdamW, batches of 64:

    normalised softmax   `CosineLinear`: unit embeddings, unit class weights, scale 16 (Pereira 2021, arXiv:2102.03243)
    plain softmax        `Linear`
    triplets             unit embeddings, margin 0.2, the hardest positive and negative of each batch (Hermans 2017,
                         arXiv:1703.07737)

Triplets have twice the training time (processor seconds) of the other two, and their best margin of three. Few-shot: five
examples of each unseen class make a head by `CosineLinear.imprint`, the others are classified by it (mean of 20 draws).
Open set: seen test examples against unseen ones, AUROC of how sure the answer is: the largest probability of plain softmax, the largest
cosine with a class weight of the normalised one, with a class mean of the triplets.

Targets: few-shot accuracy no worse than the triplets', AUROC above plain softmax's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

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
SECONDS = 3.0
"""Processor time of a training; triplets have twice that."""
MARGINS = (0.1, 0.2, 0.5)
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


def trained(
    network: Network, data: Data, loss: Callable[[Tensor, Tensor], Tensor], seconds: float, seed: int
) -> tuple[Network, int]:
    """The network after so much processor time, the rate falling to zero; and how many steps that were."""
    optimizer, generator = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2), torch.Generator()
    generator.manual_seed(seed)
    network.train()
    start, steps = time.process_time(), 0
    while (over := (time.process_time() - start) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - over)
        rows = torch.randint(len(data.x), (BATCH,), generator=generator)
        optimizer.zero_grad()
        loss(network(data.x[rows]), data.y[rows]).backward()
        optimizer.step()
        steps += 1
    return network.eval(), steps


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
def scores(embed: Callable[[Tensor], Tensor], sure: Callable[[Tensor], Tensor], data: Data, seed: int) -> list[float]:
    """Few-shot accuracy on unseen classes, and AUROC of telling seen from unseen by how sure the answer is."""
    known, new = sure(data.held), sure(data.new)
    truth = [1] * len(known) + [0] * len(new)
    return [few_shot(embed(data.new), data.new_y, seed), float(roc_auc_score(truth, torch.cat((known, new))))]


def softmaxed(head: object, data: Data, seed: int, seconds: float) -> tuple[list[float], float, int]:
    """Scores after training with a head and cross-entropy, its accuracy on the seen classes, and its steps."""
    network, steps = trained(
        build(Graph.of(chain(embed=EMBED, head=head), (1, 8, 8)), seed), data, F.cross_entropy, seconds, seed
    )
    body, plain = build(Graph.of(chain(embed=EMBED), (1, 8, 8)), seed).eval(), isinstance(head, Linear)
    body.load_state_dict({k: v for k, v in network.state_dict().items() if not k.startswith("head")})

    def sure(x: Tensor) -> Tensor:
        logits = network(x)
        return (logits.softmax(1) if plain else logits).amax(1)

    with torch.no_grad():
        accuracy = float((network(data.held).argmax(1) == data.held_y).float().mean())
    return scores(body, sure, data, seed), accuracy, steps


def tripled(margin: float, data: Data, seed: int, seconds: float) -> tuple[list[float], float, int]:
    """The same after training with triplets; seen classes are told by the nearest mean of the training examples."""
    network, steps = trained(
        build(Graph.of(chain(embed=EMBED), (1, 8, 8)), seed),
        data,
        lambda out, y: hardest(F.normalize(out, dim=1), y, margin),
        seconds,
        seed,
    )
    with torch.no_grad():
        head = CosineLinear(SEEN).build((WIDTH,))
        head.imprint(network(data.x), data.y)
        accuracy = float((head(network(data.held)).argmax(1) == data.held_y).float().mean())
    return scores(network, lambda x: head(network(x)).amax(1), data, seed), accuracy, steps


def table(seeds: range) -> Iterator[str]:
    rows = {
        f"normalised softmax, {SECONDS:g} s": lambda data, seed: softmaxed(CosineLinear(SEEN), data, seed, SECONDS),
        f"plain softmax, {SECONDS:g} s": lambda data, seed: softmaxed(Linear(SEEN), data, seed, SECONDS),
        **{
            f"triplets, margin {margin:g}, {2 * SECONDS:g} s": (
                lambda data, seed, margin=margin: tripled(margin, data, seed, 2 * SECONDS)
            )
            for margin in MARGINS
        },
    }
    yield f"{'':<28} {'few-shot accuracy':<18} {'open-set AUROC':<18} {'seen accuracy':<18} steps"
    found: dict[str, list[tuple[list[float], float, int]]] = {}
    for name, run in rows.items():
        found[name] = [run(read(seed), seed) for seed in seeds]
        few, auroc = (spread([one[0][i] for one in found[name]]) for i in (0, 1))
        seen = spread([one[1] for one in found[name]])
        yield f"{name:<28} {few:<18} {auroc:<18} {seen:<18} {sum(one[2] for one in found[name]) // len(seeds)}"
    ours, plain, *triplets = found
    best = max(triplets, key=lambda name: sum(one[0][0] for one in found[name]))
    few = [a[0][0] - b[0][0] for a, b in zip(found[ours], found[best], strict=True)]
    auroc = [a[0][1] - b[0][1] for a, b in zip(found[ours], found[plain], strict=True)]
    yield ""
    yield f"few-shot accuracy above the best triplets (target: 0 or more)   {spread(few)}"
    yield f"AUROC above plain softmax (target: above 0)                      {spread(auroc)}"
