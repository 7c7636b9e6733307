"""A pool and a classifier for each label, and classes as directions, against plain loops and definitions."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth.blocks import cosine_head, label_head
from nasmyth.errors import SpaceError
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import CosineLinear, LabelLinear, LabelPool

torch.set_num_threads(1)


@pytest.mark.parametrize("inner", [0, 3])
def test_each_label_weighs_the_places_by_its_own_query(inner):
    module, x = LabelPool(4, inner).build((5, 6)), torch.randn(2, 5, 6)
    pooled = module(x)
    for b in range(2):
        for label in range(4):
            score = [module.query[label] @ (module.inner(place).tanh() if inner else place) for place in x[b]]
            wanted = torch.stack(score).softmax(0) @ x[b]
            torch.testing.assert_close(pooled[b, label], wanted)
    torch.testing.assert_close(module.shares(x).sum(2), torch.ones(2, 4))


def test_what_a_mask_hides_weighs_nothing_and_of_nothing_all_places_do():
    module, x = LabelPool(4, 3).build((5, 6)), torch.randn(3, 5, 6)
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
    shares, pooled = module.shares(x, mask), module(x, mask)
    assert (shares[1, :, [0, 3, 4]] == 0).all()
    torch.testing.assert_close(pooled[1:2], module(x[1:2, 1:3]))
    torch.testing.assert_close(pooled[2], module(x)[2])


def test_each_label_has_a_classifier_of_its_own():
    module, x = LabelLinear().build((4, 6)), torch.randn(2, 4, 6)
    for label in range(4):
        wanted = F.linear(x[:, label], module.weight[label : label + 1], module.bias[label : label + 1])
        torch.testing.assert_close(module(x)[:, label], wanted[:, 0])


def test_logits_are_cosines_whatever_the_lengths():
    module, x = CosineLinear(3, scale=5.0).build((4,)), torch.randn(7, 4)
    wanted = 5 * F.cosine_similarity(x[:, None], module.weight[None], dim=2)
    torch.testing.assert_close(module(x), wanted)
    torch.testing.assert_close(module(3 * x), wanted)


def test_imprinted_classes_are_found_by_their_distance():
    """The largest logit is that of the mean direction that is nearest on the sphere."""
    torch.manual_seed(0)
    centre = torch.randn(3, 8)
    y = torch.arange(3).repeat(5)
    x = centre[y] + 0.1 * torch.randn(15, 8)
    module = CosineLinear(3).build((8,))
    module.imprint(x, y)
    means = torch.stack([F.normalize(F.normalize(x[y == c], dim=1).mean(0), dim=0) for c in range(3)])
    torch.testing.assert_close(module.weight.data, means)
    other = torch.randn(50, 8)
    nearest = torch.cdist(F.normalize(other, dim=1), means).argmin(1)
    assert torch.equal(module(other).argmax(1), nearest)
    with pytest.raises(ValueError, match=r"classes \[2\] have no example; give at least one of each"):
        module.imprint(x[y < 2], y[y < 2])


def test_heads_are_templates_of_these():
    network = build(Graph.of(chain(head=label_head(7, inner=3)), (5, 6)), 0)
    assert network(torch.randn(2, 5, 6)).shape == (2, 7)
    embedding = build(Graph.of(chain(head=cosine_head(3, width=4, scale=2.0)), (5,)), 0)
    assert embedding(torch.randn(9, 5)).abs().max() <= 2.0 + 1e-5


@pytest.mark.parametrize("make, message", [
    (lambda: LabelPool(0), "labels must be at least 1"),
    (lambda: LabelPool(2, inner=-1), "inner must be at least 0"),
    (lambda: CosineLinear(2, scale=0.0), "scale is above 0"),
], ids=range(3))  # fmt: skip
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(SpaceError, match=message):
        make()
