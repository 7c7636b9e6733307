"""A vector beside a map: what is orthogonal to it, and itself at every place."""

import pytest
import torch

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.ops import Orthogonal, RepeatLike


@pytest.mark.parametrize("axis, shape", [("c", (6, 3, 4)), ("d", (5, 6))])
def test_nothing_of_the_vector_is_left(axis, shape):
    module = Orthogonal(axis).build(shape, (6,))
    features, vector = torch.randn(4, *shape) * 30, torch.randn(4, 6)
    left = module(features, vector)
    rows = left.flatten(2).transpose(1, 2) if axis == "c" else left
    units = vector / vector.norm(dim=1, keepdim=True)
    assert torch.einsum("bnc,bc->bn", rows, units).abs().max() < 1e-5  # in float32, of features of 30
    whole = (features.flatten(2).transpose(1, 2) if axis == "c" else features).double()
    share = torch.einsum("bnc,bc,bd->bnd", whole, units.double(), units.double())
    assert torch.allclose(rows.double(), whole - share, atol=1e-4)


def test_of_a_vector_of_zeros_nothing_is_taken_out():
    features = torch.randn(2, 3, 4, 4)
    assert torch.equal(Orthogonal().build((3, 4, 4), (3,))(features, torch.zeros(2, 3)), features)


@pytest.mark.parametrize("axis, like", [("c", (2, 4, 5)), ("d", (5, 2))])
def test_repeated_at_every_place(axis, like):
    vector = torch.randn(3, 7)
    repeated = RepeatLike(axis).build((7,), like)(vector, torch.randn(3, *like))
    places = repeated.flatten(2).unbind(2) if axis == "c" else repeated.unbind(1)
    assert len(places) == (20 if axis == "c" else 5) and all(torch.equal(place, vector) for place in places)


def test_bad_input_says_what_to_do():
    with pytest.raises(SpaceError, match="axis is 'c'"):
        RepeatLike("h")
    with pytest.raises(ShapeError, match="c"):
        Orthogonal().infer((4, 3, 3), (5,))
