"""Does depth that is shared want experts in its feed-forward layer, and norms of its own?

WideNet (Xue 2021, arXiv:2107.11817): attention and a mixture of experts whose weights serve all four depths, with layer norms
for each depth. On scikit-learn's digits in four patches, 32 features: against a network of four blocks that share nothing;
against one dense block applied four times, whose feed-forward layer is so wide that it has at least as many
parameters; and against WideNet whose norms are shared as well. Accuracy on a third of the digits. Targets: no worse than
the shared dense block; within half a point of the unshared network with at most 0.75 of its parameters; shared norms are
worse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from nasmyth import Graph, chain, ops, repeat
from nasmyth.blocks import transformer, wide_transformer
from nasmyth.measure import macs, params
from nasmyth.network import build
from nasmyth.train.auxiliary import auxiliary_losses
from operators_of import spread

DEPTH, WIDTH, STEPS, BATCH = 4, 32, 250, 64
MIXTURE = ops.MixtureOfExperts(4, 2, 2 * WIDTH)
BODIES = {
    "nothing shared": repeat(transformer(expand=2), DEPTH),
    "WideNet": wide_transformer(DEPTH, experts=4, k=2, expand=2),
    "shared, dense": repeat(transformer(expand=8.2), DEPTH, tied=True),
    "WideNet, shared norms": repeat(transformer(feedforward=MIXTURE), DEPTH, tied=True),
}


def table(seeds: range) -> Iterator[str]:
    yield f"{'network':<24}{'parameters':>11}{'MACs':>9}  accuracy, %"
    found: dict[str, list[float]] = {}
    for name, body in BODIES.items():
        template = chain(
            ops.Patchify(4, WIDTH), ops.LearnedPosition(), body, ops.LayerNorm(), ops.Mean("l"), ops.Linear(10)
        )
        graph = Graph.of(template, input=(1, 8, 8))
        found[name] = [trained(graph, seed) for seed in seeds]
        yield f"{name:<24}{params(graph):>11.0f}{macs(graph) / 1e3:>8.0f}k  {spread(found[name], 2)}"
    yield ""
    for name in BODIES:
        if name != "WideNet":
            gains = [ours - theirs for ours, theirs in zip(found["WideNet"], found[name], strict=True)]
            yield f"WideNet less {name}, of one seed: {spread(gains, 2)} points"


def trained(graph: Graph, seed: int) -> float:
    """Test accuracy in percent."""
    data = load_digits()
    parts = train_test_split(data.images, data.target, test_size=1 / 3, random_state=seed, stratify=data.target)
    x, test, y, wanted = (torch.as_tensor(part) for part in parts)
    x, test = (((images.float() - 4.9) / 6.0).unsqueeze(1) for images in (x, test))
    generator = torch.Generator().manual_seed(seed)
    network: Any = build(graph, seed=seed).train()
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.05)
    with auxiliary_losses(network) as extra:
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = 3e-3 * min(1.0, (step + 1) / 30) * (1 - step / STEPS)
            rows = torch.randint(len(x), (BATCH,), generator=generator)
            loss = F.cross_entropy(network(x[rows]), y[rows]) + sum(extra)
            extra.clear()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.eval()
    with torch.no_grad():
        return 100 * float((network(test).argmax(1) == wanted).float().mean())
