"""Networks for the tests: sampled from the default spaces, with statistics as training would have left them."""

import random
import string

import torch

from nasmyth.forms import Classes, Column, ImageInput, TableInput, Values
from nasmyth.graph import Graph, chain, repeat, residual
from nasmyth.network import build
from nasmyth.ops import Activation, BatchNorm, Conv, Linear, Mean
from nasmyth.spaces.images import images
from nasmyth.spaces.tabular import tables

PHOTO = ImageInput(12, 12, 1, (0.3,), (0.2,))
NUMBERS = (
    Column("label", center=3.0, scale=2.0, fill=1.0, missing=True),
    Column("when.month", center=6.0, scale=3.0, fill=6.0),
    Column("warped", fill=0.5, center=1.0, knots=(0.0, 0.5, 4.0), heights=(-2.0, 0.0, 3.0)),
)
TABLE = TableInput((*NUMBERS, Column("color", "category", vocabulary=("red", "2", 'a "quoted" \\ name'))))
CLASSES = Classes(("cat", 'a "dog"', "eel", "it's a fox"))
PRICES = Values(("price", "rooms"), (2e5, 3.0), (1e5, 0.5))


def tiny(input=(1, 12, 12), out=4, tied=False):
    """A graph with a norm, a sum, and a body that is applied twice."""
    body = chain(Conv(6), Activation())
    template = chain(
        stem=chain(Conv(6), BatchNorm()),
        stages=repeat(residual(Conv(6), BatchNorm()), 2),
        again=repeat(body, 2, tied=tied),
        head=chain(Mean("h w"), Linear(out)),
    )
    return Graph.of(template, input)


def classifier(seed=0):
    return stir(build(tiny(), seed, PHOTO, CLASSES), seed)


def sampled(domain, count, first=0):
    """Networks of up to 40,000 parameters from the default space of a domain."""
    space = images((1, 12, 12), 4) if domain == "images" else tables(TABLE.cardinalities, 2)
    inputs, outputs = (PHOTO, CLASSES) if domain == "images" else (TABLE, PRICES)
    seed, found = first, []
    while len(found) < count:
        graph = space.decode(space.sample(seed))
        if graph.costs.params < 40_000:
            found.append(stir(build(graph, seed, inputs, outputs), seed))
        seed += 1
    return found


def stir(network, seed=0):
    """Weights and statistics that are nowhere near zero or one: an untrained network equals too much."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif tensor.is_floating_point():
                tensor.add_(0.1 * torch.randn(tensor.shape, generator=generator))
    return network.eval()


def pictures(n, seed=0):
    return torch.randint(256, (n, 12, 12, 1), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def rows(n, seed=0):
    """A raw table with missing and unknown values, and a date that two columns could be read from."""
    rng = random.Random(seed)
    return {
        "label": [rng.choice((None, rng.gauss(3, 4), float("nan"))) for _ in range(n)],
        "when": [f"2024-{rng.randint(1, 12):02}-0{rng.randint(1, 9)}" for _ in range(n)],
        "warped": [rng.uniform(-2, 6) for _ in range(n)],
        "color": [rng.choice(("red", 2, 2.0, None, "".join(rng.choices(string.ascii_letters, k=3)))) for _ in range(n)],
        "not used": [0] * n,
    }
