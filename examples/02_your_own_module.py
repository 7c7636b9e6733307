"""A module of yours becomes part of the language: `@nasmyth.op` and one sentence about shapes.

`GatedMix` below is an ordinary `nn.Module`. Its argument `d` names an axis of its input, so nobody ever passes it: it is
read from whatever comes in. `expand` and `reach` are design choices, and may be left open with `choice(...)`.
"""

import os
from pathlib import Path

import torch
from torch import nn

import nasmyth
from nasmyth import blocks, chain, choice, ops, repeat, residual
from nasmyth.measure import macs, params
from nasmyth.search import Evolution
from nasmyth.testing import check_op
from nasmyth.train import AdamW, Crop

SPEND = os.environ.get("NASMYTH_EXAMPLE_SPEND", "60s")


@nasmyth.op("b l d -> b l d")
class GatedMix(nn.Module):
    """Mixes each place with its neighbours, feature by feature, and lets a gate decide how much of it passes."""

    def __init__(self, d: int, expand: int = 2, reach: int = 3) -> None:
        super().__init__()
        self.widen = nn.Linear(d, 2 * expand * d)
        self.mix = nn.Conv1d(expand * d, expand * d, reach, padding=reach // 2, groups=expand * d)
        self.narrow = nn.Linear(expand * d, d)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value, gate = self.widen(x).chunk(2, dim=2)
        mixed = self.mix(value.transpose(1, 2)).transpose(1, 2)
        return self.narrow(mixed * gate.sigmoid())


def search_space() -> nasmyth.Space:
    """Images as sequences of patches; every layer chooses its own way of mixing them."""
    mixer = choice(ops.Attention(heads=choice(2, 4)), GatedMix(expand=choice(1, 2), reach=choice(3, 5)))
    layer = chain(residual(ops.RMSNorm(), mixer), residual(ops.RMSNorm(), blocks.mlp(expand=choice(1, 2))))
    return nasmyth.Space(
        chain(
            patches=ops.Patchify(p=2, d=choice(16, 24, 32)),
            position=ops.LearnedPosition(),
            layers=repeat(layer, choice(1, 2, 3)),
            pool=ops.Mean("l"),
            head=ops.Linear(10),
        ),
        input=(1, 8, 8),
    )


def main() -> None:
    # The laws that every op keeps: shapes as declared at two batch sizes, gradients, JSON, ONNX. For yours, too.
    check_op(GatedMix(expand=2), (16, 8))

    space = search_space()
    print(space)
    genome = space.sample(seed=1)  # {address: choice}: the decisions that make one network
    graph = space.decode(genome)  # the network as a value: no weights, no torch
    print(genome)
    print(graph)
    print("params:", params(graph), " MACs:", macs(graph))  # GatedMix has no rule, so it is built once and counted

    task = nasmyth.read("digits")
    recipe = nasmyth.Recipe(optimizer=AdamW(lr=3e-3), augment=(Crop(1),), epochs=20)

    def evaluate(graph: nasmyth.Graph) -> dict[str, float]:
        network = nasmyth.build(graph, inputs=task.inputs, outputs=task.outputs)
        return nasmyth.fit(network, task, recipe).scores

    out = Path("out")
    out.mkdir(exist_ok=True)
    under, strategy = [macs <= 200e3], Evolution(population=8)
    with nasmyth.Study(out / "mixers.db", space, "accuracy", under, strategy, task=task) as study:
        print(study.run(evaluate, seconds=SPEND))
        best = study.best
        print(best.measures, best.genome) if best else print("nothing was finished in this time")


if __name__ == "__main__":
    main()
