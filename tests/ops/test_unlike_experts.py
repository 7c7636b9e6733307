"""Gated sums of unlike experts, and hash grids, against plain loops and PyTorch's own interpolation."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth import Graph, chain, ops, parallel
from nasmyth.blocks import mlp
from nasmyth.errors import FieldError, ShapeError, SpaceError
from nasmyth.network import build
from nasmyth.train.auxiliary import auxiliary_losses


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_likeliest_are_added_up(k):
    torch.manual_seed(0)
    gate, experts = torch.randn(4, 3), [torch.randn(4, 5) for _ in range(3)]
    module = ops.GatedSum(k).build((3,), (5,), (5,), (5,))
    wanted = torch.zeros(4, 5)
    for b in range(4):
        scores = gate[b].softmax(0)
        best = scores.argsort(descending=True)[:k]
        total = scores[best].sum() if k > 1 else 1.0
        for i in best.tolist():
            wanted[b] += scores[i] / total * experts[i][b]
    assert torch.allclose(module(gate, *experts), wanted)


def test_experts_of_any_kind():
    template = parallel(ops.Linear(2), mlp(2), chain(ops.LayerNorm(), mlp(5)), join=ops.GatedSum())
    network = build(Graph.of(template, input=(4, 6)))
    with auxiliary_losses(network) as losses:
        assert network.train()(torch.randn(3, 4, 6)).shape == (3, 4, 6)
    assert len(losses) == 1 and float(losses[0].detach()) > 0


@pytest.mark.parametrize(
    "template, message",
    [
        (parallel(ops.Linear(3), mlp(1), mlp(2), join=ops.GatedSum()), "tells 3 experts apart, and 2 come in: write"),
        (parallel(ops.Linear(2), mlp(1), mlp(2), join=ops.GatedSum(3)), "3 of 2 experts cannot be chosen"),
        (parallel(ops.Linear(2), ops.Linear(4), mlp(2), join=ops.GatedSum()), "d is 4 in one place and 6"),
    ],
)
def test_what_a_gated_sum_refuses(template, message):
    with pytest.raises(ShapeError, match=message):
        Graph.of(template, input=(4, 6))
    with pytest.raises(SpaceError, match="k=0"):
        ops.GatedSum(0)


def test_where_all_corners_fit_a_grid_is_bilinear():
    torch.manual_seed(0)
    module = ops.HashGrid(levels=1, features=3, table=64, coarsest=7, finest=7).build((2,)).double()
    torch.nn.init.normal_(module.corners)
    x = torch.rand(50, 2, dtype=torch.float64)
    corners = module.corners[:64].T.reshape(1, 3, 8, 8)  # the first coordinate is the faster one
    wanted = F.grid_sample(corners, (x * 2 - 1)[None, None], align_corners=True)[0, :, 0].T
    assert torch.allclose(module(x), wanted)


def test_a_hash_is_the_exclusive_or_of_corners_times_primes():
    torch.manual_seed(0)
    module = ops.HashGrid(levels=1, features=1, table=8, coarsest=9, finest=9).build((3,)).double()
    torch.nn.init.normal_(module.corners)
    x = torch.rand(20, 3, dtype=torch.float64)
    for point, told in zip(x.tolist(), module(x)[:, 0].tolist(), strict=True):
        low = [int(9 * c) for c in point]
        wanted = 0.0
        for bits in range(8):
            up = [bits >> i & 1 for i in range(3)]
            weight = 1.0
            for c, l, u in zip(point, low, up, strict=True):
                weight *= (9 * c - l) if u else 1 - (9 * c - l)
            a, b, c = (l + u for l, u in zip(low, up, strict=True))
            wanted += weight * float(module.corners[(a ^ (b * 2654435761) ^ (c * 805459861)) % 8, 0])
        assert told == pytest.approx(wanted)


def test_what_a_hash_grid_refuses():
    for fields, message in (({"levels": 0}, "levels=0"), ({"coarsest": 8, "finest": 4}, "exchange the two")):
        with pytest.raises(SpaceError, match=message):
            ops.HashGrid(**fields)
    with pytest.raises(FieldError, match="7 numbers are the most"):
        ops.HashGrid().build((8,))
