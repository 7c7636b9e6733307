"""Descriptors of images: what is fused is orthogonal to the global vector, and both fusions cost the same."""

import torch
import torch.nn.functional as F

from nasmyth import blocks, ops
from nasmyth.graph import Graph, chain, parallel
from nasmyth.network import build

torch.set_num_threads(1)


def test_fusion_joins_the_vector_to_what_is_orthogonal_to_it():
    template = parallel(local=ops.Identity(), vector=ops.Mean("h w"), join=blocks.orthogonal_fusion(3))
    network, x = build(Graph.of(template, (4, 5, 6)), 0), torch.randn(2, 4, 5, 6)
    vector = x.mean((2, 3))
    new = x.mean((2, 3)) - vector  # the mean of what is left is what is left of the mean: here nothing
    (linear,) = (module for module in network.modules() if isinstance(module, torch.nn.Linear))
    assert torch.allclose(network(x), linear(torch.cat((new, vector), 1)), atol=1e-5)
    joined = build(Graph.of(parallel(*template.branches, join=blocks.orthogonal_fusion(3, False)), (4, 5, 6)), 0)
    (linear,) = (module for module in joined.modules() if isinstance(module, torch.nn.Linear))
    assert torch.allclose(joined(x), linear(torch.cat((vector, vector), 1)), atol=1e-5)


def test_both_fusions_cost_the_same():
    costs = [Graph.of(blocks.dolg(8, ops.Conv(6, stride=2), 4, (1, 2), way), (3, 8, 8)).costs for way in (True, False)]
    assert costs[0].params == costs[1].params and costs[0].macs == costs[1].macs


def test_attention_weighs_pixels():
    network, x = build(Graph.of(blocks.attentive(4), (3, 5, 6)), 0).eval(), torch.randn(2, 3, 5, 6)
    found = dict(network.named_modules())
    features = next(m for m in found.values() if isinstance(m, torch.nn.BatchNorm2d))(network.conv(x))
    norm = next(m for m in found.values() if isinstance(m, torch.nn.LayerNorm))
    score = next(m for m in found.values() if isinstance(m, torch.nn.Conv2d) and m.out_channels == 1)
    assert torch.allclose(network(x), norm(features) * F.softplus(score(features.relu())), atol=1e-6)


def test_a_branch_sees_as_far_as_its_dilation():
    network, x = build(Graph.of(chain(blocks.multi_atrous(2, (1, 3), 2)), (1, 9, 9)), 0), torch.zeros(1, 1, 9, 9)
    convs = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert sorted(conv.dilation[0] for conv in convs) == [1, 1, 3]
    x[..., 4, 4] = 1
    for conv in convs[:2]:
        reached = (conv(x) - conv.bias[:, None, None]).abs().sum((0, 1)).nonzero() - 4
        assert set(reached.flatten().abs().tolist()) == {0, conv.dilation[0]}
