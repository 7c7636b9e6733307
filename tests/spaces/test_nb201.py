"""NAS-Bench-201: its notation, its size, its counts; and, where they are, the published tables."""

from __future__ import annotations

import random

import pytest
from published import few, published

from nasmyth.errors import GenomeError
from nasmyth.measure import macs, params
from nasmyth.spaces import nb201
from nasmyth.spaces.nb201 import OPERATIONS, genome, published_costs, text
from nasmyth.testing import Wired

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"


def test_size_and_notation():
    space = nb201()
    assert space.size == 5**6
    every = list(space.enumerate())
    assert len({text(one) for one in every}) == 15_625
    assert all(genome(text(one)) == one for one in every[::97])
    assert [OPERATIONS[genome(CELL)[edge]] for edge in ("0->1", "0->2", "1->2")] == [
        "nor_conv_3x3", "none", "skip_connect"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (CELL.replace("avg_pool_3x3~0", "avg_pool_5x5~0"),
            "state 3, edge 0: there is no operation 'avg_pool_5x5'.*avg_pool_3x3"),
        (CELL.replace("none~1", "none~2"), "state 3, edge 1: 'none~2', expected 'operation~1'"),
        (CELL.replace("|none~0|skip", "|skip"), "state 2 .* has 1 edges and must have 2"),
        ("|none~0|", "1 states joined by"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_cell_is_said(cell, said):
    with pytest.raises(GenomeError, match=said):
        genome(cell)


def test_dead_operations_are_counted_by_the_tables_and_not_by_us():
    space = nb201()
    dead = genome("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")  # state 1 leads nowhere
    alive = genome("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    assert space.decode(dead) == space.decode(alive)
    assert published_costs(dead)[0] > published_costs(alive)[0] == params(space.decode(dead))


def test_published_costs_are_those_of_the_graph_where_nothing_is_dead():
    space, rng = nb201(), random.Random(0)
    for _ in range(20):
        one = {edge: rng.choice((1, 2, 3, 4)) for edge in genome(CELL)}  # no "none": all alive
        graph = space.decode(one)
        assert published_costs(one) == (params(graph), macs(graph))


table = published(
    "nb201_cifar10.parquet",
    {
        "arch_str": [
            "|skip_connect~0|+|avg_pool_3x3~0|skip_connect~1|+|nor_conv_3x3~0|none~1|none~2|",
            "|skip_connect~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|",
            "|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|nor_conv_1x1~0|none~1|none~2|",
            "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|",
            "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        ],
        "params": [316_346, 129_306, 157_306, 400_346, 802_426],
        "flops_m": [43.17249, 15.64737, 19.57953, 54.96897, 113.95137],
    },
)
"""Five rows of NATS-Bench's topology space."""


def test_the_published_table_has_the_same_parameters_and_macs(table):
    for row in few(table, 200):
        ours = published_costs(genome(row.arch_str))
        assert ours[0] == row.params
        assert ours[1] + 10 == round(row.flops_m * 1e6), "the table adds the biases of the last layer"


def test_networks_have_the_parameters_that_are_counted():
    """Random ones of the published size; a published table adds what is dead, and the graph has none of that."""
    space = nb201()
    for seed in range(40):
        one = space.sample(seed)
        graph = space.decode(one)
        built = sum(parameter.numel() for parameter in Wired(graph).parameters())
        assert built == params(graph) <= published_costs(one)[0]
