"""Layers of the Poincaré ball against its geometry: distances, the hyperboloid, inverses, plain layers of no curvature."""

import math

import pytest
import torch
import torch.nn.functional as F

from nasmyth import blocks, chain
from nasmyth.errors import SpaceError
from nasmyth.graph import Graph
from nasmyth.network import build
from nasmyth.ops import FromBall, MobiusAdd, PoincareBatchNorm, PoincareConv, PoincareLinear, ToBall

torch.set_num_threads(1)


def points(*shape, most=0.9, curvature=1.0):
    """Random points of the ball, up to that share of the radius."""
    torch.manual_seed(0)
    way = F.normalize(torch.randn(*shape, dtype=torch.float64), dim=1)
    return way * most * torch.rand(shape[0], 1, *shape[2:], dtype=torch.float64) / math.sqrt(curvature)


def module(op, *shapes):
    torch.manual_seed(1)
    made = op.build(*shapes).double().eval()
    for parameter in made.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.3)
    return made


def distance(x, y):
    """In the ball of curvature -1, by the formula of arccosh."""
    gaps = (x - y).square().sum(1) / ((1 - x.square().sum(1)) * (1 - y.square().sum(1)))
    return (1 + 2 * gaps).acosh()


def add(x, y, curvature=1.0):
    return MobiusAdd(curvature).build(x.shape[1:], y.shape[1:])(x, y)


def test_to_the_ball_and_back():
    v = points(20, 4) * 3
    made = ToBall(0.7).build((4,))(v)
    assert made.norm(dim=1).max() < 1 / math.sqrt(0.7)
    assert torch.allclose(FromBall(0.7).build((4,))(made), v)


def test_a_sum_moves_all_points_alike():
    """It has the origin as its zero, is undone on the left, and keeps distances."""
    x, y, z = points(30, 4).split(10)
    assert torch.allclose(add(x, torch.zeros_like(x)), x) and torch.allclose(add(torch.zeros_like(x), x), x)
    assert torch.allclose(add(-x, add(x, y)), y)
    assert torch.allclose(distance(add(x, y), add(x, z)), distance(y, z))
    assert torch.allclose(add(x / 2, y / 2, curvature=4.0), add(x, y) / 2)


@pytest.mark.parametrize("curvature", [1.0, 0.3])
def test_linear_is_the_formula_of_its_paper(curvature):
    layer, x = module(PoincareLinear(3, "normal", curvature), (4,)), points(6, 4, curvature=curvature)
    root, wanted = math.sqrt(curvature), []
    for point in x:
        factor = 2 / (1 - curvature * point @ point)
        w = []
        for z, r in zip(layer.weight, layer.bias, strict=True):
            inner = factor * root * point @ z / z.norm() * torch.cosh(2 * root * r)
            distant = torch.asinh(inner - (factor - 1) * torch.sinh(2 * root * r))
            w.append(torch.sinh(2 * z.norm() * distant) / root)
        w = torch.stack(w)
        wanted.append(w / (1 + (1 + curvature * w @ w).sqrt()))
    assert torch.allclose(layer(x), torch.stack(wanted))


def test_without_curvature_it_is_the_plain_layer():
    layer, x = module(PoincareLinear(3, curvature=1e-10), (4,)), points(6, 4)
    assert torch.allclose(
        layer(x), 2 * F.linear(x, layer.weight) - 2 * layer.weight.norm(dim=1) * layer.bias, atol=1e-8
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_the_linear_layer_on_patches_of_the_hyperboloid(stride):
    layer, x = module(PoincareConv(3, 3, stride, curvature=0.5), (2, 5, 6)), points(4, 2, 5, 6, curvature=0.5)
    flat = PoincareLinear(3, curvature=0.5).build((18,)).double()
    flat.weight.data, flat.bias.data = layer.weight.data.flatten(1), layer.bias.data
    u = 2 * x / (1 - 0.5 * x.square().sum(1, keepdim=True))
    patches = F.unfold(u, 3, padding=1, stride=stride).transpose(1, 2).flatten(0, 1)
    patches = patches / (1 + (1 + 0.5 * patches.square().sum(1, keepdim=True)).sqrt())
    assert patches.norm(dim=1).max() < 0.99 / math.sqrt(0.5)
    made = layer(x)
    assert torch.allclose(made.flatten(2), flat(patches).unflatten(0, (4, -1)).transpose(1, 2))


def test_identity_starts_keep_points_and_normal_ones_lose_them():
    x = points(4, 8, 5, 5).float()
    deep = {init: chain(*[PoincareConv(8, init=init)] * 20) for init in ("identity", "normal")}
    assert torch.allclose(build(Graph.of(deep["identity"], (8, 5, 5)), 0)(x), x, atol=1e-4)
    assert build(Graph.of(deep["normal"], (8, 5, 5)), 0)(x).norm(dim=1).max() < 1e-3
    wider = PoincareLinear(16).build((8,))(x[:, :, 0, 0] / 10)
    assert torch.allclose(wider.norm(dim=1), x[:, :, 0, 0].norm(dim=1) / 10, rtol=0.01)


def test_nothing_leaves_the_ball():
    """Whatever comes in: what lies outside is taken as the point in the same direction, just inside."""
    x = torch.randn(4, 6, 5, 5) * 100
    network = build(Graph.of(chain(*[blocks.poincare_block(6)] * 8), (6, 5, 5)), 0).train()
    for parameter in network.parameters():
        parameter.data.normal_(std=3)
    assert network(x).norm(dim=1).max() < 1 and network(x).isfinite().all()
    edge = 0.996 * F.normalize(x, dim=1)
    layer = PoincareConv(3, init="normal").build((6, 5, 5))
    assert torch.allclose(layer(x), layer(edge), atol=1e-4)


@pytest.mark.parametrize("mean", ["midpoint", "frechet"])
def test_a_norm_centres_and_scales(mean):
    norm, x = PoincareBatchNorm(mean).build((5, 3, 2)).double(), 0.1 + 0.3 * points(40, 5, 3, 2)
    rows = norm(x).movedim(1, -1).reshape(-1, 5)
    centre = getattr(norm, mean)(rows)
    assert centre.norm() < 1e-5 if mean == "frechet" else centre.norm() < 0.05
    assert math.isclose(float(distance(rows, torch.zeros_like(rows)).square().mean().detach()), 1, rel_tol=1e-4)


def test_the_midpoint_of_two_is_halfway():
    x, y = points(2, 4).split(1)
    middle = PoincareBatchNorm().build((4,)).midpoint(torch.cat((x, y)))
    halves = torch.cat((distance(x, middle), distance(middle, y)))
    assert torch.allclose(halves, distance(x, y) / 2)


def test_the_frechet_mean_has_the_least_squared_distances():
    x = points(50, 3)
    mean = PoincareBatchNorm("frechet").build((3,)).double().frechet(x)
    least = distance(x, mean).square().mean()
    for way in torch.cat((torch.eye(3), -torch.eye(3))).double():
        assert distance(x, mean + 0.01 * way).square().mean() > least


def test_running_statistics_come_to_those_of_the_data():
    norm, x = PoincareBatchNorm().build((4,)).double(), 0.3 + 0.3 * points(200, 4)
    for _ in range(200):
        trained = norm(x)
    assert torch.allclose(norm.eval()(x), trained, atol=1e-6)


@pytest.mark.parametrize("op, wrong, message", [
    (ToBall, {"curvature": 0.0}, "above 0"),
    (PoincareLinear, {"out": 3, "init": "identical"}, "init is one of identity, normal.*identity"),
    (PoincareConv, {"out": 3, "kernel": 2}, "kernel is an odd number"),
    (PoincareBatchNorm, {"mean": "center"}, "mean is one of midpoint, frechet"),
    (PoincareBatchNorm, {"curvature": -1.0}, "above 0"),
])  # fmt: skip
def test_bad_input_says_what_to_do(op, wrong, message):
    with pytest.raises(SpaceError, match=message):
        op(**wrong)
