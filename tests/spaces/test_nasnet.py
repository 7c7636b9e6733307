"""NASNet: its size, its notation, NASNet-A, unused states, and drop path that rises."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from nasmyth.errors import GenomeError
from nasmyth.forms.fitting import fit_image_input
from nasmyth.forms.outputs import fit_classes
from nasmyth.measure import params
from nasmyth.network import build
from nasmyth.ops import ScheduledDropPath
from nasmyth.spaces import nasnet, spaces
from nasmyth.spaces.nasnet import NASNET_A, OPERATIONS, genome, text
from nasmyth.testing import check_space
from nasmyth.train import Recipe, Split, Task, fit


def small(**options):
    named = spaces.get("nasnet")
    return named(**named.small, **options)


def test_size_and_notation():
    """Two of 2 to 6 states and two of 13 operations a block, five blocks, two cells."""
    space = nasnet()
    assert len(OPERATIONS) == 13
    assert space.size == (math.factorial(6) ** 2 * 13**10) ** 2
    for seed in range(200):
        one = space.sample(seed)
        assert genome(text(one)) == one
    assert text(genome(NASNET_A)) == NASNET_A


def test_laws_at_a_small_size():
    check_space(small(), samples=10)


def test_nasnet_a_joins_what_nothing_reads():
    graph = nasnet().decode(genome(NASNET_A))
    joins = [node for node in graph.nodes if type(node.op).__name__ == "Concat" and node.address.endswith("join.out")]
    assert [len(node.inputs) for node in joins] == [5] * 6 + [3] + [5] * 6 + [3] + [5] * 6
    assert graph.nodes[-2].shape == (5 * 128,)


def test_with_the_joins_of_the_authors_network_it_is_of_the_published_size(monkeypatch):
    """NASNet-A (6 @ 768) has 3.3 M parameters and 768 channels at its end (table 1 of the paper): their network joins one
    state more than what nothing reads, as the space says."""
    released = {"normal": (0, 2, 3, 4, 5, 6), "reduce": (3, 4, 5, 6)}
    module = sys.modules["nasmyth.spaces.nasnet"]
    ours = module._cell
    monkeypatch.setattr(module, "_cell", lambda kind, drop: ours(kind, drop).replace(output=released[kind]))
    graph = nasnet().decode(genome(NASNET_A))
    assert graph.nodes[-2].shape == (768,)
    assert round(params(graph) / 1e6, 1) == 3.3


def test_in_a_reduction_cell_only_its_inputs_are_strided():
    """Whatever is chosen, the outputs of five cells (normal, reduction, normal, reduction, normal) are of these sizes."""
    space = small()
    for seed in range(20):
        nodes = space.decode(space.sample(seed)).nodes
        sizes = [node.shape[1:] for node in nodes if node.address.endswith(("from0.norm", "from1.norm"))]
        assert set(sizes) == {(8, 8), (4, 4), (2, 2)}
        assert all(h == w for _, h, w in (node.shape for node in nodes if type(node.op).__name__ in ("Add", "Concat")))


@pytest.mark.parametrize("drop_path", [0.0, 0.3])
def test_samples_build_and_run(drop_path):
    space = small(drop_path=drop_path)
    for seed in range(6):
        network = build(space.decode(space.sample(seed)), seed=seed)
        answer = network.train()(torch.randn(2, *space.input))
        assert tuple(answer.shape) == (2, 10) and bool(answer.isfinite().all())
        assert sum(p.numel() for p in network.parameters()) == params(network.graph)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("normal sep_conv_5x5@1", "normal sep_conv_9x9@1"), "normal cell, block 2: there is no operation 'sep_conv_9x9'"),
        (("identity@3", "identity@5"), "reduce cell, block 5: 'identity@5', expected a state from 0 to 4"),
        (("identity@3", "identity"), "reduce cell, block 5: 'identity', expected a state"),
        (("identity@3+", ""), "reduce cell, block 5: 'avg_pool_3x3@2', expected 'operation@state.operation@state'"),
        (("reduce ", ""), "expected 'normal', 5 blocks, 'reduce', 5 blocks"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_text_is_said(changed, said):
    with pytest.raises(GenomeError, match=said):
        genome(NASNET_A.replace(*changed))


# --- ScheduledDropPath --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
def test_the_rate_rises_linearly(progress):
    layer = ScheduledDropPath(0.4).build((1,)).train()
    layer.set_progress(progress)
    torch.manual_seed(0)
    out = layer(torch.ones(20_000, 1))
    rate = 0.4 * progress
    assert abs(float((out == 0).float().mean()) - rate) < 4 * math.sqrt(0.25 / 20_000)
    assert torch.allclose(out[out != 0], torch.tensor(1 / (1 - rate))), "what is kept is scaled up"
    assert torch.equal(layer.eval()(torch.ones(5, 1)), torch.ones(5, 1))


def test_the_rate_rises_over_the_cells():
    graph = nasnet(drop_path=0.4).decode(genome(NASNET_A))
    rates = [node.op.rate for node in graph.nodes if isinstance(node.op, ScheduledDropPath)]
    assert rates == sorted(rates) and rates[0] == pytest.approx(0.4 / 20) and rates[-1] == pytest.approx(0.4)


def task(images=36):
    """Noise of ten classes, a third of it to train on."""
    x = np.random.default_rng(0).integers(0, 255, (images, 8, 8, 3)).astype("uint8")
    labels = np.arange(images) % 10
    inputs, outputs = fit_image_input(x), fit_classes(labels)
    whole = Split(inputs.encode(x), outputs.encode(labels))
    return Task("noise", inputs, outputs, *(whole.take(torch.arange(i, images, 3)) for i in range(3)))


def test_training_tells_the_layers_its_progress():
    noise = task()
    space = small(drop_path=0.3)
    network = build(space.decode(genome(NASNET_A)), inputs=noise.inputs, outputs=noise.outputs)
    layer = next(module for module in network.modules() if hasattr(module, "set_progress"))
    seen = []
    layer.register_forward_pre_hook(lambda layer, _: seen.append(layer.progress) if layer.training else None)
    fit(network, noise, Recipe(batch=4, epochs=2), device="cpu")
    assert seen == pytest.approx([(step + 0.5) / 6 for step in range(6)])
