"""Spaces of sequences: networks that answer each place see nothing later, and take a sequence a place at a time."""

import pytest
import torch

from nasmyth.measure import params
from nasmyth.network import build
from nasmyth.spaces import mixers, recurrent, sequence_convolutions, texts
from nasmyth.spaces.sequences import SMALL
from nasmyth.spaces.texts import FAMILIES

torch.set_num_threads(1)


@pytest.mark.parametrize("make", [mixers, recurrent, sequence_convolutions])
@pytest.mark.parametrize("seed", range(4))
def test_networks_stream(make, seed):
    space = make(**SMALL, each=True).narrow(params <= 100_000)
    network = build(space.decode(space.sample(seed)), seed).eval()
    tokens = torch.randint(9, (2, 10), generator=torch.Generator().manual_seed(seed))
    state, outputs = network.initial_state(batch=2), []
    with torch.no_grad():
        for place in range(10):
            output, state = network.step(state, tokens[:, place])
            outputs.append(output)
        torch.testing.assert_close(torch.stack(outputs, 1), network(tokens), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", [mixers, recurrent, sequence_convolutions])
def test_features_are_projected(make):
    space = make((10, 5), classes=4).narrow(params <= 100_000)
    graph = space.decode(space.sample(0))
    assert graph.nodes[1].op.__class__.__name__ == "Linear" and graph.output == (4,)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
@pytest.mark.parametrize("each", [False, True])
def test_families_are_of_the_space_and_grow_with_their_width(kind, each):
    space = texts(**SMALL, each=each)
    sizes = [params(space.decode(space.validate(FAMILIES[kind](width)))) for width in (4, 32, 64, 96)]
    assert sizes == sorted(set(sizes))
