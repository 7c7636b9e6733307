"""Measuring latency must not change how this process computes."""

import torch

from nasmyth.graph import Graph, chain
from nasmyth.measure import latency
from nasmyth.ops import Conv, Linear, Mean


def test_small_numbers_are_not_flushed_to_zero_afterwards():
    graph = Graph.of(chain(Conv(4), Mean("h w"), Linear(2)), (1, 8, 8))
    assert latency("cpu")(graph) > 0
    assert float(torch.tensor(1e-310, dtype=torch.float64) * 0.5) > 0
    assert 1e-310 * 0.5 > 0
