"""EvoNorm: published layers against their formulas in plain PyTorch, the notation, running statistics, rejection."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import GenomeError, SpaceError
from nasmyth.graph import Graph
from nasmyth.network import build
from nasmyth.ops import Function, Moment
from nasmyth.space import Space
from nasmyth.space.fill import fill
from nasmyth.spaces import evonorm
from nasmyth.spaces.evonorm import NODES, PUBLISHED, good_enough, layer, stable, text, written
from nasmyth.testing import Wired

SMALL = {"input": (3, 8, 8), "width": 8, "blocks": 1, "nodes": 8, "groups": 2}
C, GROUPS = 8, 4


def module(name, training=False):
    """A published layer on eight channels, with learned numbers that are not what they start from."""
    genome = written(PUBLISHED[name])
    filled, _ = fill(layer(groups=GROUPS), lambda key, hole: hole.validate(genome[key], key))
    torch.manual_seed(1)
    made = Wired(Graph.of(filled, (C, 5, 6))).double().train(training)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.5)
        for name, buffer in made.named_buffers():
            buffer.normal_() if name.endswith("mean") else buffer.uniform_(0.5, 2.0)
    return made


def learned(made):
    """The vectors beta, gamma and v, by the number of the state that they are."""
    found = {key.split("n")[1][0]: p[:, None, None] for key, p in made.named_parameters()}
    return found.get("2"), found.get("3"), found.get("4")


def var(x, dims):
    return x.var(dims, unbiased=False, keepdim=True)


def group_std(x):
    parts = x.unflatten(1, (GROUPS, -1))
    return (var(parts, (2, 3, 4)) + 1e-5).sqrt().expand_as(parts).flatten(1, 2)


def reference(name, x, beta, gamma, v, batch_mean, batch_var):
    if name == "bn-relu":
        return F.relu((x - batch_mean) / (batch_var + 1e-5).sqrt() * gamma + beta)
    if name == "gn-silu":
        weight, bias = gamma.flatten(), beta.flatten()
        return F.silu(F.group_norm(x, GROUPS, weight, bias, 1e-5))
    if name == "b0":
        instance = (var(x, (2, 3)) + 1e-5).sqrt()
        return x / torch.maximum((batch_var + 1e-5).sqrt(), v * x + instance) * gamma + beta
    return x * torch.sigmoid(v * x) / group_std(x) * gamma + beta


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_layers_are_their_formulas_in_training(name):
    torch.manual_seed(0)
    made, x = module(name, training=True), torch.randn(6, C, 5, 6, dtype=torch.float64) * 2 + 1
    wanted = reference(name, x, *learned(made), x.mean((0, 2, 3), keepdim=True), var(x, (0, 2, 3)))
    assert torch.allclose(made(x), wanted, atol=1e-9)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_layers_are_their_formulas_afterwards(name):
    torch.manual_seed(0)
    made, x = module(name), torch.randn(6, C, 5, 6, dtype=torch.float64) * 2 + 1
    kept = {key.rpartition(".")[2]: buffer[:, None, None] for key, buffer in made.named_buffers()}
    wanted = reference(name, x, *learned(made), kept.get("running_mean"), kept.get("running_var"))
    assert torch.allclose(made(x), wanted, atol=1e-9)
    assert torch.allclose(made(x[:1]), made(x)[:1])  # an example does not depend on the others


def test_running_statistics_are_those_of_batch_norm():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(C).double().train()
    mean, std = (Moment(kind, "batch").build((C, 5, 6)).double().train() for kind in ("mean", "std"))
    for _ in range(5):
        x = torch.randn(4, C, 5, 6, dtype=torch.float64) * 3 + 2
        norm(x), mean(x), std(x)
    assert torch.allclose(mean.running_mean, norm.running_mean)
    assert torch.allclose(std.running_var, norm.running_var)


def test_a_layer_is_the_same_everywhere_and_learns():
    space = evonorm(**{**SMALL, "nodes": NODES})
    graph = space.decode(written(PUBLISHED["s0"]))
    places = sum(node.address.endswith("n4.from0") for node in graph.nodes)
    assert places == 2 * 3 + 1  # two a block and the last
    network = build(graph)
    network(torch.randn(4, 3, 8, 8)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_notation_goes_there_and_back():
    space, rng = evonorm(**SMALL), random.Random(0)
    for _ in range(50):
        genome = space.sample(rng)
        assert written(text(genome), nodes=8) == genome == space.validate(genome)
    short = written("neg x; add 5 zero", nodes=8)
    assert text(short).endswith("neg x; add 11 zero") and space.validate(short) == short


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("men batch x", "node 5: there is no function 'men'"),
        ("mean bach x", "node 5: there is no function 'mean bach'; did you mean 'mean batch'"),
        ("neg x; add 5", "node 6: 'add' takes 2 nodes, got 1"),
        ("neg x; neg 6", "node 6: '6' is none of x, zero"),
        ("neg x; neg 3", "node 6: '3' is none of x, zero"),
        ("neg x;" * 11, "has 11 nodes, and may have 1 to 10"),
    ],
)
def test_what_is_wrong_with_a_layer_is_said(line, said):
    with pytest.raises(GenomeError, match=said):
        written(line)


def test_size():
    """One node: a function of one of five (20 functions), or of two of them (4)."""
    one = Space(layer(1), (8, 4, 4))
    assert one.size == 5 * 20 + 5 * 5 * 4 == len(list(one.enumerate()))
    assert Space(layer(2), (8, 4, 4)).size == one.size * (6 * 20 + 6 * 6 * 4)


def test_samples_build_and_run():
    space, rng = evonorm(**SMALL), random.Random(0)
    for _ in range(60):
        network = build(space.decode(space.sample(rng))).eval()
        with torch.no_grad():
            assert network(torch.randn(2, 3, 8, 8)).shape == (2, 10)


def test_unknown_primitives_are_refused():
    with pytest.raises(SpaceError, match="did you mean 'square'"):
        Function("sqare")
    with pytest.raises(SpaceError, match="over is one of batch"):
        Moment(over="bach")


def test_rejection():
    assert stable([1.0, 1e7]) and not stable([1.0, 1e9]) and not stable([float("nan")])
    assert good_enough(0.25, classes=10) and not good_enough(0.15, classes=10) and not good_enough(float("nan"), 10)
