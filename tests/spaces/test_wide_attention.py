"""Wide attention: a constant number of heads in one line, and what that costs."""

from __future__ import annotations

import pytest

from nasmyth import Space, chain, choice, repeat
from nasmyth.blocks import sequence_head, transformer
from nasmyth.errors import SpaceError
from nasmyth.graph import Graph
from nasmyth.measure import macs, params
from nasmyth.ops import Attention, HeadAttention, Patchify
from nasmyth.spaces import wide_attention


def test_a_constant_number_of_heads_in_one_line():
    layers = choice(1, 2, 4, 8, 16, name="layers")
    body = repeat(transformer(heads=16 // layers), layers)  # the line
    space = Space(chain(Patchify(p=4, d=32), body, sequence_head(10)), (3, 8, 8))
    assert space.size == 5
    for genome in space.enumerate():
        attention = [node.op for node in space.decode(genome).nodes if isinstance(node.op, Attention)]
        assert sum(op.heads for op in attention) == 16 and len(attention) == genome["layers"]


def test_wide_attention_costs_as_much_however_it_is_shared_out():
    space = wide_attention()
    assert space.size == 4
    costs = {}
    for genome in space.enumerate():
        nodes = space.decode(genome).nodes
        attention = [(node.op, nodes[node.inputs[0]].shape) for node in nodes if isinstance(node.op, HeadAttention)]
        assert sum(op.heads for op, _ in attention) == 48
        costs[genome["layers"]] = sum(macs(Graph.of(op, shape)) for op, shape in attention)
    assert len(set(costs.values())) == 1
    shallow, deep = (params(space.decode({"layers": n})) for n in (1, 6))
    assert shallow < deep / 2, "the paper: a single wide layer is half the size"


def test_heads_that_cannot_be_shared_out_are_refused():
    with pytest.raises(SpaceError, match="48 heads cannot be shared out evenly among 5 layers"):
        wide_attention(depths=(1, 5))
