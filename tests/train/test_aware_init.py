"""First weights that know the graph: their variances, what they keep, and that nothing changes where they are off."""

from __future__ import annotations

import math
import random

import pytest
import torch
from torch import nn

from nasmyth import Graph, build, chain, parallel, residual
from nasmyth.errors import NasmythError
from nasmyth.graph import Zero, cell
from nasmyth.ops import Activation, BatchNorm, Conv, Flatten, Linear, Mean
from nasmyth.spaces import nb201
from nasmyth.train import critical, initialise
from nasmyth.train.criticality import kept
from nasmyth.train.reading import Reading, readings

torch.set_num_threads(1)


def network(*parts, shape=(64,), aware=True):
    return initialise(build(Graph.of(chain(*parts), shape), 0), 0, aware=aware)


def test_how_layers_are_read():
    branch = chain(Linear(8), BatchNorm(), Activation("tanh"))
    graph = Graph.of(chain(Linear(8), parallel(Linear(8), branch, Linear(8)), Activation("relu"), Linear(2)), (8,))
    assert readings(graph) == {
        "[0]": Reading(1, None),
        "[1][0]": Reading(3, "relu"),
        "[1][1][0]": Reading(3, "tanh"),
        "[1][2]": Reading(3, "relu"),
        "[3]": Reading(1, None),
    }


def test_a_layer_in_between_hides_the_sum_and_a_skip_counts_as_a_term():
    graph = Graph.of(chain(residual(Linear(8), Activation("relu"), Linear(8)), Linear(2)), (8,))
    assert [reading.terms for reading in readings(graph).values()] == [1, 2, 1]


@pytest.mark.parametrize("terms", [1, 2, 4])
def test_variances_are_divided_by_the_terms_and_the_fan_in(terms):
    branches = [Linear(200)] * terms
    body = parallel(*branches) if terms > 1 else branches[0]
    net = network(Linear(100), body, Activation("relu"), Linear(3))
    for layer in (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 100):
        assert layer.weight.var().item() == pytest.approx(2 / (terms * 100), rel=0.05) and not layer.bias.any()


def test_convolutions_go_by_their_fan_in():
    net = network(Conv(64, 3), Activation("relu"), Conv(64, 3, groups=4), Activation("relu"), shape=(32, 4, 4))
    first, _, second, _ = (net.layer(f"[{i}]") for i in range(4))
    assert first.weight.var().item() == pytest.approx(2 / (32 * 9), rel=0.05)
    assert second.weight.var().item() == pytest.approx(2 / (16 * 9), rel=0.05)


def test_gains_are_those_of_the_activation_that_reads():
    weight, bias, _ = critical("gelu")
    net = network(Linear(300), Activation("gelu"), Linear(300, bias=False), Activation("gelu"), Linear(5), shape=(300,))
    assert net.layer("[0]").weight.var().item() == pytest.approx(weight / 300, rel=0.05)
    assert net.layer("[0]").bias.var().item() == pytest.approx(bias, rel=0.3)
    assert net.layer("[2]").weight.var().item() == pytest.approx(kept("gelu") / 300, rel=0.05)
    assert net.layer("[4]").weight.var().item() == pytest.approx(1 / 300, rel=0.15)
    for kind, gain in (("tanh", 1.0), ("relu", 2.0), ("sigmoid", 1.0)):
        layer = network(Linear(300), Activation(kind), shape=(300,)).layer("[0]")
        assert layer.weight.var().item() == pytest.approx(gain / 300, rel=0.05)


def wiring(seed):
    """A random wiring of pre-activation layers without skips, and its last sum."""
    rng = random.Random(seed)
    kept = {(i, j) for j in range(10) for i in range(j) if j == i + 1 or rng.random() < 0.4}
    edge = lambda i, j: chain(Activation("relu"), Linear(256)) if (i, j) in kept else Zero()
    return chain(Linear(256), cell(9, edge), Activation("relu"))


def test_random_wirings_keep_their_variance():
    """Terms of mean zero are independent, so a sum of d of them with 1 / d of the variance each has the variance of one."""
    off, on = [], []
    for seed in range(8):
        x = torch.randn(64, 64, generator=torch.Generator().manual_seed(seed))
        for aware, found in ((False, off), (True, on)):
            with torch.no_grad():
                found.append(math.log10(network(wiring(seed), aware=aware)(x).square().mean().item()))
    assert max(map(abs, on)) < 0.5 < min(off) and sum(off) / len(off) > 1.0


def test_off_is_as_it_was_and_the_draws_are_the_same():
    space = nb201(input=(3, 8, 8), width=4, cells=1)
    graph = space.decode(space.sample(1))
    usual, off, on = (initialise(build(graph, 0), 3, **more) for more in ({}, {"aware": False}, {"aware": True}))
    assert all(torch.equal(a, b) for a, b in zip(usual.parameters(), off.parameters(), strict=True))
    changed = 0
    for a, b in zip(usual.parameters(), on.parameters(), strict=True):
        if a.ndim > 1:
            ratio = (b / a).flatten()
            assert torch.allclose(ratio, ratio[0].expand_as(ratio), rtol=1e-4)  # the same numbers, on another scale
            changed += not torch.equal(a, b)
    assert changed


def test_a_module_without_a_graph_is_refused():
    with pytest.raises(NasmythError, match="this Sequential knows none: build"):
        initialise(nn.Sequential(nn.Linear(2, 2)), aware=True)


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    network(Flatten(), Linear(8), Activation("gelu"), Linear(2), shape=(2, 4, 4))
    network(Conv(4), Mean("h w"), Linear(2), shape=(2, 4, 4))
    after = torch.get_rng_state()
    assert torch.equal(before, after)
