"""Blocks around the elementwise product: one op under all of them, and the formulas of their papers written out."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from nasmyth import blocks
from nasmyth.errors import NasmythError, ShapeError
from nasmyth.graph import Graph, chain, parallel
from nasmyth.network import build
from nasmyth.ops import Linear, Mean, Multiply, Reshape, Slice


def split(first, second, join):
    """A block of two inputs on the two parts of a vector."""
    return parallel(Slice(0, 0, first), Slice(0, first, first + second), join=join)


@pytest.mark.parametrize("template, shape, products", [
    (blocks.glu(4), (3,), 1),
    (blocks.gated_mlp(2), (3,), 1),
    (blocks.squeeze_excite(), (4, 3, 3), 1),
    (split(4, 3, blocks.film()), (7,), 1),
    (parallel(chain(Slice(0, 0, 8), Reshape((2, 4))), Slice(0, 8), join=blocks.token_film()), (11,), 1),
    (split(4, 3, blocks.bilinear_fusion(2, rank=5)), (7,), 1),
    (blocks.polynomial(2, degree=5, width=3), (4,), 4),
])  # fmt: skip
def test_all_multiply_by_the_same_op(template, shape, products):
    graph = Graph.of(template, shape)
    assert [type(node.op) for node in graph.nodes].count(Multiply) == products
    joins = {type(node.op).__name__ for node in graph.nodes if len(node.inputs) > 1}
    assert joins <= {"Multiply", "Add", "RepeatLike"}


@pytest.mark.parametrize("shapes, wanted", [
    ([(3, 4, 5), (3,), (1, 4, 5)], (3, 4, 5)),
    ([(3, 1), (1, 4)], (3, 4)),
    ([(1,), (1,)], (1,)),
])  # fmt: skip
def test_a_factor_is_repeated_along_what_it_lacks(shapes, wanted):
    factors = [torch.randn(2, *shape) for shape in shapes]
    product = torch.ones(2, *wanted)
    for factor in factors:
        product = product * factor.reshape(2, *factor.shape[1:], *[1] * (len(wanted) + 1 - factor.dim()))
    assert Multiply().infer(*shapes) == wanted
    assert torch.allclose(Multiply().build(*shapes)(*factors), product)


def test_a_factor_of_other_lengths_is_refused():
    with pytest.raises(ShapeError, match="x0"):
        Multiply().infer((3, 4), (2, 4))


def test_glu_is_that_of_torch():
    network, x = build(Graph.of(blocks.glu(5), (3,)), 0), torch.randn(7, 3)
    both = torch.cat((network.value(x), network.gate.linear(x)), 1)
    assert torch.allclose(network(x), F.glu(both, 1))


def test_film_scales_and_shifts_each_channel():
    template = parallel(image=Slice(1), said=Mean("h w"), join=blocks.film())
    network, x = build(Graph.of(template, (4, 3, 5)), 0), torch.randn(2, 4, 3, 5)
    said = x.mean((2, 3))
    scale, shift = (linear(said) for linear in network.modules() if isinstance(linear, torch.nn.Linear))
    assert torch.allclose(network(x), x * (1 + scale[:, :, None, None]) + shift[:, :, None, None], atol=1e-6)


def test_bilinear_fusion_is_a_bilinear_form_of_low_rank():
    network = build(Graph.of(split(4, 3, blocks.bilinear_fusion(2, rank=5)), (7,)), 0)
    u, v, project = (linear for linear in network.modules() if isinstance(linear, torch.nn.Linear))
    forms = torch.einsum("or,ri,rj->oij", project.weight, u.weight, v.weight)
    x = torch.randn(6, 7)
    wanted = torch.einsum("bi,oij,bj->bo", x[:, :4], forms, x[:, 4:]) + project.bias
    assert torch.allclose(network(x), wanted, atol=1e-5)
    assert max(torch.linalg.matrix_rank(form) for form in forms) <= 4


@pytest.mark.parametrize("degree", [1, 2, 4])
def test_polynomial_has_its_degree(degree):
    """Along any line its differences of one order more vanish, and those of its own order do not."""
    network = build(Graph.of(blocks.polynomial(2, degree, width=6), (3,)), 0).double()
    start, way = torch.randn(2, 1, 3, dtype=torch.float64)
    with torch.no_grad():
        values = network(start + torch.arange(degree + 2, dtype=torch.float64)[:, None] * way)
    own = values.diff(n=degree, dim=0)
    assert own.diff(dim=0).abs().max() < 1e-9 * own.abs().max()


def test_polynomial_follows_the_recursion_of_its_paper():
    network, z = build(Graph.of(blocks.polynomial(2, 3, width=6), (4,)), 0), torch.randn(5, 4)
    *factors, head = (linear for linear in network.modules() if isinstance(linear, torch.nn.Linear))
    x = factors[0](z)
    for factor in factors[1:]:
        x = factor(z) * x + x
    assert torch.allclose(network(z), head(x), atol=1e-6)
    assert not any(a is b for a, b in itertools.combinations(factors, 2))


def test_bad_input_says_what_to_do():
    with pytest.raises(NasmythError, match="a degree is at least 1"):
        _ = Graph.of(blocks.polynomial(2, degree=0), (3,)).output
    with pytest.raises(ShapeError, match="join branches with parallel"):
        _ = Graph.of(chain(Linear(3), blocks.film()), (4,)).output
