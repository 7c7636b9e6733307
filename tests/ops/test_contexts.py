"""Contexts: what a query is told of them, against loops, of any number of pairs in any order."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth.blocks import neural_process, read_process_write
from nasmyth.graph import Graph
from nasmyth.network import build
from nasmyth.ops import ContextAttention, ContextMean

D, Q = 6, 2


def given():
    torch.manual_seed(0)
    return torch.randn(3, 5, D), torch.randn(3, 4, Q), torch.tensor([[1.0, 0.0, 1.0, 1.0, 0.0]]).expand(3, -1)


def attention(heads=2):
    torch.manual_seed(1)
    return ContextAttention(heads).build((5, D), (4, Q)).eval()


def test_every_query_is_told_the_mean_of_what_is_known():
    x, queries, mask = given()
    got = ContextMean().build((5, D), (4, Q))(x, queries, mask)
    assert torch.allclose(got[:, :, :D], x[:, [0, 2, 3]].mean(1, keepdim=True).expand(-1, 4, -1), atol=1e-6)
    assert torch.equal(got[:, :, D:], queries)


def test_attention_is_a_softmax_over_the_context_for_each_head():
    x, queries, _ = given()
    layer = attention()
    q, (k, v) = layer.query(queries), layer.key_value(x).chunk(2, 2)
    heads = []
    for part in (slice(0, 3), slice(3, 6)):
        weights = (q[:, :, part] @ k[:, :, part].transpose(1, 2) / 3**0.5).softmax(2)
        heads.append(weights @ v[:, :, part])
    wanted = F.linear(torch.cat(heads, 2), layer.out.weight, layer.out.bias)
    assert torch.allclose(layer(x, queries), torch.cat((wanted, queries), 2), atol=1e-6)


@pytest.mark.parametrize("make", [lambda: ContextMean().build((5, D), (4, Q)), attention], ids=["mean", "attention"])
def test_pairs_that_are_not_known_tell_nothing(make):
    layer, (x, queries, mask) = make(), given()
    assert torch.allclose(layer(x, queries, mask), layer(x[:, [0, 2, 3]], queries), atol=1e-6)
    assert torch.allclose(layer(x, queries), layer(x[:, torch.randperm(5)], queries), atol=1e-6)
    nothing = layer(x, queries, torch.zeros(3, 5))
    assert not bool(nothing[:, :, :D].any()) and torch.equal(nothing[:, :, D:], queries)
    assert torch.equal(layer(x[:, :0], queries), nothing)


@pytest.mark.parametrize("heads", [0, 2])
def test_a_neural_process_answers_each_query_by_itself(heads):
    graph = Graph.of(neural_process(3, width=8, heads=heads), input={"x": (5, D), "queries": (4, Q)})
    network, (x, queries, _) = build(graph).eval(), given()
    found = network(x, queries)
    assert found.shape == (3, 4, 3)
    moved = torch.cat((queries[:, :2], queries[:, 2:] + 1), 1)
    again = network(x, moved)
    assert torch.allclose(again[:, :2], found[:, :2], atol=1e-6) and not torch.allclose(again[:, 2:], found[:, 2:])


def test_a_set_is_written_alike_whatever_order_it_comes_in():
    network = build(Graph.of(read_process_write(8, steps=3), input={"x": (6, 2), "targets": (6,)})).eval()
    x, order = torch.randn(4, 6, 2), torch.randperm(6)
    there, shuffled = network(x, torch.zeros(4, 6)), network(x[:, order], torch.zeros(4, 6))
    assert torch.allclose(there[:, :, order], shuffled, atol=1e-6)
