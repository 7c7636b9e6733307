"""The scale of learning rates: the published formula, spelled path by path."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from nasmyth import Graph, chain, parallel, repeat, residual
from nasmyth.errors import NasmythError
from nasmyth.ops import Activation, BatchNorm, Conv, DepthwiseConv, Flatten, Linear, Mean
from nasmyth.train import rate_scale

VECTOR, IMAGE = (8,), (3, 8, 8)


def layers(n):
    return repeat(chain(Linear(8), Activation("relu")), n)


@pytest.mark.parametrize("depths", [(1,), (7,), (1, 2), (3, 3, 5), (1, 2, 4, 8)])
def test_it_is_the_published_formula(depths):
    body = parallel(*map(layers, depths)) if len(depths) > 1 else layers(*depths)
    graph = Graph.of(chain(Linear(8), body, Linear(2)), VECTOR)
    assert rate_scale(graph) == pytest.approx(sum((n + 2) ** 3 for n in depths) ** -0.5)
    assert rate_scale(graph, shares=True) == pytest.approx((sum((n + 2) ** 3 for n in depths) / len(depths)) ** -0.5)
    assert rate_scale(graph, within="[1]") == pytest.approx(sum(n**3 for n in depths) ** -0.5)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_convolutions_of_one_kernel_divide_it(kernel):
    convs = chain(Conv(4, kernel), BatchNorm(), residual(Conv(4, kernel), DepthwiseConv(kernel)))
    assert rate_scale(Graph.of(convs, IMAGE)) == pytest.approx((1**3 + 3**3) ** -0.5 / kernel)


def test_a_head_among_convolutions_is_a_layer_of_one_place():
    graph = Graph.of(chain(Conv(4, 3), Conv(4, 3), Mean("h w"), Linear(2)), IMAGE)
    assert rate_scale(graph) == pytest.approx((3**3 * (9 + 9 + 1) / 3) ** -0.5)


def test_more_paths_than_a_float_holds():
    blocks = 2000
    graph = Graph.of(repeat(residual(Linear(8)), blocks), VECTOR)
    cubes = blocks**2 * (blocks + 3) / 8  # the mean of L^3, where L is a sum of so many coin throws
    assert rate_scale(graph, shares=True) == pytest.approx(cubes**-0.5)
    assert rate_scale(graph) == pytest.approx(math.exp(-0.5 * (blocks * math.log(2) + math.log(cubes))))


def test_where_nothing_learns_there_is_no_rate():
    with pytest.raises(NasmythError, match="nothing to train"):
        rate_scale(Graph.of(chain(Activation("relu"), Flatten()), IMAGE))


def test_it_is_read_without_torch():
    program = """
import sys; sys.modules["torch"] = None
sys.path.insert(0, "tests")
from core_toys import SHAPE, Wide
from nasmyth import Graph, repeat
from nasmyth.train import rate_scale
assert abs(rate_scale(Graph.of(repeat(Wide(4), 4), SHAPE)) - 1 / 24) < 1e-12
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
