"""Lengths of paths: sums that are added up node by node are those of the paths, listed one by one."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from core_toys import SHAPE, Wide
from torch import nn

from nasmyth.errors import NasmythError
from nasmyth.graph import Graph, Identity, Zero, cell, chain, op, parallel, repeat, residual
from nasmyth.graph.lengths import is_layer, lengths
from nasmyth.ops import Activation, BatchNorm, Linear, Mean


def listed(graph):
    """Every path as (weighted layers, kernel places, share), from the inputs on."""
    nodes = graph.nodes

    def to(i):
        node = nodes[i]
        if not node.inputs:
            yield (0, 0, Fraction(1))
            return
        if isinstance(node.op, Zero):
            return
        layer = is_layer(node, tuple(nodes[j].shape for j in node.inputs))
        area = getattr(node.op, "kernel", 1) ** 2 if layer else 0
        for j in node.inputs:
            for length, places, share in to(j):
                yield (length + layer, places + area, share / len(node.inputs))

    return list(to(len(nodes) - 1))


def random_graph(seed):
    rng = random.Random(seed)
    two = chain(Wide(4, kernel=3), BatchNorm(), Wide(4, kernel=1))
    edges = (Zero(), Identity(), Wide(4, kernel=1), Wide(4, kernel=3), Activation("relu"), two)
    return Graph.of(
        chain(Wide(4), cell(rng.choice((2, 3, 4)), lambda i, j: rng.choice(edges)), Wide(2, kernel=1)), SHAPE
    )


@pytest.mark.parametrize("seed", range(60))
def test_sums_are_those_of_the_paths_listed_one_by_one(seed):
    graph = random_graph(seed)
    paths, found = listed(graph), lengths(graph)
    assert found.sums == tuple(sum(n**k for n, _, _ in paths) for k in range(4))
    assert found.areas == tuple(sum(a * n**k for n, a, _ in paths) for k in range(3))
    assert found.bare == sum(n == 0 for n, _, _ in paths)
    shared = lengths(graph, shares=True)
    assert shared.sums == tuple(sum(s * n**k for n, _, s in paths) for k in range(4))
    assert shared.areas == tuple(sum(s * a * n**k for n, a, s in paths) for k in range(3))


def test_a_chain_has_one_path_and_residual_blocks_double_them():
    assert lengths(Graph.of(repeat(Wide(3), 7), SHAPE)).sums == (1, 7, 49, 343)
    many = lengths(Graph.of(repeat(residual(Wide(4)), 200), SHAPE))
    assert many.paths == 2**200 and many.sums[1] * 2 == 200 * many.paths and many.bare == 1
    assert lengths(Graph.of(repeat(residual(Wide(4)), 200), SHAPE), shares=True).sums[:2] == (1, 100)


def test_what_has_no_products_is_no_layer():
    assert lengths(Graph.of(chain(BatchNorm(), Activation("relu"), Mean("h w")), SHAPE)).sums == (1, 0, 0, 0)
    assert lengths(Graph.of(chain(BatchNorm(), Mean("h w"), Linear(3)), SHAPE)).sums == (1, 1, 1, 1)


@op("b c h w -> b c h w")
class Doubling(nn.Module):
    """Has no rules, and no weights."""

    def forward(self, x):
        return 2 * x


@op("b c h w -> b c h w")
class Mixing(nn.Module):
    """Has no rules, and weights."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(c, c, 1)

    def forward(self, x):
        return self.inner(x)


def test_an_op_without_rules_is_built_to_see():
    assert lengths(Graph.of(chain(Doubling(), Mixing(), Doubling()), SHAPE)).sums == (1, 1, 1, 1)


def test_nothing_gets_through_a_zero():
    graph = Graph.of(chain(Wide(4), Zero(), Wide(4)), SHAPE)
    assert lengths(graph).sums == (0, 0, 0, 0) and lengths(graph).bare == 0


def test_one_part_is_looked_at():
    twice = parallel(Wide(3), Wide(3))
    graph = Graph.of(chain(stem=Wide(3), body=repeat(residual(twice), 3)), SHAPE)
    assert lengths(graph, "body[1]").sums == (3, 2, 2, 2) and lengths(graph).paths == 27
    skips = Graph.of(chain(stem=Wide(3), body=chain(Identity(), Wide(3))), SHAPE)
    assert lengths(skips, "body[0]").sums == (1, 0, 0, 0)  # a part of skips alone leaves nothing behind
    with pytest.raises(NasmythError, match="did you mean 'body'"):
        lengths(graph, "bodi[0]")
    with pytest.raises(NasmythError, match="has no graph"):
        lengths(3)
