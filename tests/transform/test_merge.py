"""Merging: the same function with fewer layers."""

import pytest
import torch

import nasmyth
from nasmyth import blocks
from nasmyth.blocks.vanilla import FORMS
from nasmyth.graph import Graph, chain, repeat, residual
from nasmyth.network import Network, build
from nasmyth.ops import Activation, BatchNorm, Conv, DecayingActivation, DepthwiseConv, Linear, Mean, TokenBatchNorm
from nasmyth.spaces import vanillanet
from nasmyth.spaces.nb201 import nb201
from nasmyth.testing import randomised
from nasmyth.train import SGD, Recipe, fit, initialise
from nasmyth.train.evaluation import predict_logits
from nasmyth.transform import merge

torch.set_num_threads(1)


def network(template, shape, dtype=torch.float64):
    return stirred(Graph.of(template, shape)).to(dtype)


def stirred(graph):
    """A network with nothing at its initial value, norm statistics included."""
    torch.manual_seed(0)
    return randomised(build(graph, seed=1)).eval()


def kinds(net):
    return [type(node.op).__name__ for node in net.graph.nodes[1:]]


def far(one, other):
    x = torch.randn(3, *one.graph.input, dtype=next(one.parameters()).dtype)
    with torch.no_grad():
        a, b = one(x), other(x)
    return float((a - b).abs().max() / a.abs().max())


@pytest.mark.parametrize("template, shape, left", [
    (chain(Conv(5, 3, 2), BatchNorm()), (3, 7, 6), ["Conv"]),
    (chain(Conv(6, 4, 3, bias=True, groups=3), BatchNorm(1e-2)), (3, 7, 6), ["Conv"]),
    (chain(DepthwiseConv(5), BatchNorm()), (3, 7, 6), ["DepthwiseConv"]),
    (chain(Conv(5, 3), BatchNorm(), DecayingActivation(), Conv(4, 1), BatchNorm()), (3, 5, 6), ["Conv"]),
    (chain(Conv(5, 1), Conv(4, 1, bias=True), Conv(2, 1)), (3, 5, 6), ["Conv"]),
    (chain(Linear(5), BatchNorm(), DecayingActivation(), Linear(4, bias=False)), (3,), ["Linear"]),
    (chain(Linear(5), TokenBatchNorm(), Linear(4)), (6, 3), ["Linear"]),
    (chain(Conv(5, 1), Activation(), Conv(4, 1)), (3, 5, 6), ["Conv", "Activation", "Conv"]),
    (chain(Conv(5, 1), Conv(4, 3)), (3, 5, 6), ["Conv", "Conv"]),  # its padding would be of another colour
    (chain(Conv(5, 3), Conv(4, 1, 2)), (3, 5, 6), ["Conv", "Conv"]),
    (chain(Linear(6), BatchNorm()), (3, 6), ["Linear", "BatchNorm"]),  # that one is over places
    (residual(Conv(3, 1), Conv(3, 1)), (3, 5, 6), ["Conv", "Add"]),
], ids=str)  # fmt: skip
def test_what_becomes_one_and_what_does_not(template, shape, left):
    net = network(template, shape)
    merged = merge(net)
    assert kinds(merged) == left
    assert far(net, merged) < 1e-12


def test_what_another_layer_reads_stays():
    net = network(chain(Conv(3, 1), residual(BatchNorm())), (3, 5, 5))
    assert kinds(merge(net)) == ["Conv", "BatchNorm", "Add"]


def test_a_layer_that_stands_twice_stays():
    net = network(repeat(chain(Conv(3, 3), BatchNorm()), 2, tied=True), (3, 5, 5))
    assert kinds(merge(net)) == ["Conv", "BatchNorm"] * 2


def test_the_network_stays_and_the_merged_one_says_where_it_comes_from():
    net = network(chain(Conv(3, 3), BatchNorm(), Mean("h w"), Linear(2)), (3, 5, 5), torch.float32)
    before = {name: t.clone() for name, t in net.state_dict().items()}
    merged = merge(net)
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items()) and net.history == ()
    assert merged.history == ({"transform": "merge"},) and not merged.training
    assert next(merged.parameters()).dtype == torch.float32
    again = Network.from_bytes(merged.to_bytes())
    assert far(merged, again) == 0


def test_any_network_computes_the_same():
    space = nb201(input=(3, 8, 8), width=4, cells=1)
    for seed in range(4):
        graph = space.decode(space.sample(seed))
        net = stirred(graph).double()
        assert far(net, merge(net)) < 1e-10


def test_a_vanillanet_merges_into_the_network_that_its_paper_deploys():
    small = {"input": (1, 8, 8), "classes": 10, "widths": (4,), "patch": 1}
    deep, plain, merged = (vanillanet(**small, form=form) for form in FORMS)
    for genome in deep.enumerate():
        for space in (deep, plain):
            net = stirred(space.decode(genome))
            one = merge(net)
            assert far(net, one) < 1e-5
            assert one.graph.key == merged.decode(genome).key


def test_what_was_trained_with_twice_the_layers_is_deployed_with_half_of_them():
    task = nasmyth.read("digits")
    graph = vanillanet((1, 8, 8), 10, widths=(4,), depths=(5,), patch=1).decode({"depth": 5, "series": 1, "width": 4})
    net = build(graph, 0, task.inputs, task.outputs)
    fit(initialise(net), task, Recipe(optimizer=SGD(lr=0.05), batch=64, epochs=1), device="cpu")
    fading = [layer for layer in net.modules() if hasattr(layer, "faded")]
    assert len(fading) == 5 and all(layer.faded > 0.95 for layer in fading)
    merged = merge(net)
    before, after = (predict_logits(n, task.inputs, task.valid.x) for n in (net, merged))
    assert (before - after).abs().max() < 1e-5 * before.abs().max()
    assert len(merged.graph.nodes) < len(graph.nodes) / 2 and merged.outputs is task.outputs


def test_a_series_of_zero_is_a_plain_activation():
    assert kinds(stirred(Graph.of(blocks.series_activation(0), (3, 4, 4)))) == ["Activation"]
