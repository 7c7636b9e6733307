"""Blocks on groups of channels: what a group sees, and what it costs beside a dense block and whole attention."""

import pytest
import torch

from nasmyth import Graph
from nasmyth.blocks import conv_block, dual_path_feedforward, split_dense, subgroup_attention
from nasmyth.errors import NasmythError
from nasmyth.graph import cell
from nasmyth.network import build
from nasmyth.ops import Attention, Concat, GroupNorm, Identity
from nasmyth.testing import randomised

torch.set_num_threads(1)


def macs(template, shape):
    return Graph.of(template, shape).costs.macs


@pytest.mark.parametrize("groups", [3, 4, 6])
def test_split_dense_costs_at_most_half_of_a_dense_block(groups):
    layer = conv_block(4, norm=GroupNorm(1))
    dense = cell(groups, Identity(), vertex=layer, join=Concat())
    shape = (4 * groups, 6, 5)
    share = macs(split_dense(groups), shape) / macs(dense, shape)
    assert share == pytest.approx(2 * (2 * groups - 1) / (3 * groups**2 - groups)) and share <= 0.5


def test_all_channels_reach_what_split_dense_gives():
    torch.manual_seed(0)
    network = randomised(build(Graph.of(split_dense(3, norm=Identity()), (6, 5, 5)))).double().eval()
    x = torch.randn(1, 6, 5, 5).double()
    for channel in range(6):
        other = x.clone()
        other[:, channel] += 1
        assert (network(other) - network(x)).abs().max() > 1e-6


def test_a_group_reaches_those_behind_it_and_none_before():
    network = build(Graph.of(subgroup_attention(groups=3), (5, 6)), seed=0).double().eval()
    with torch.no_grad():  # what comes of the groups, as it is
        network.project.weight.copy_(torch.eye(6))
    x = torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(0)).double()
    for group in range(3):
        other = x.clone()
        other[..., 2 * group : 2 * group + 2] *= 3
        moved = (network(other) - network(x)).abs().amax((0, 1)).unflatten(0, (3, 2)).amax(1)
        assert not moved[:group].any() and moved[group:].min() > 1e-4


def test_one_group_is_attention_with_one_head():
    network = build(Graph.of(subgroup_attention(groups=1), (5, 6)), seed=0).double()
    whole, x = Attention(1).build((5, 6)).double(), torch.randn(2, 5, 6).double()
    query, key, value, project = (layer for layer in network.modules() if isinstance(layer, torch.nn.Linear))
    with torch.no_grad():
        whole.qkv.weight.copy_(torch.cat((query.weight, key.weight, value.weight)))
        whole.qkv.bias.copy_(torch.cat((query.bias, key.bias, value.bias)))
        whole.out.load_state_dict(project.state_dict())
    assert torch.allclose(network(x), whole(x))


def test_subgroups_cost_less_than_whole_attention():
    assert macs(subgroup_attention(groups=4), (16, 32)) < 0.6 * macs(Attention(4), (16, 32))


def test_one_half_of_the_middle_looks_around():
    template = dual_path_feedforward(2, kernel=3, dilation=2)
    network = randomised(build(Graph.of(template, (4, 9, 9)))).double().eval()
    network.paths.around.norm = torch.nn.Identity()  # looks at all of the image
    x = torch.randn(1, 4, 9, 9).double().requires_grad_()
    network(x)[0, :, 4, 4].sum().backward()
    seen = x.grad.abs().sum((0, 1)).nonzero().tolist()
    assert seen == [[i, j] for i in (2, 4, 6) for j in (2, 4, 6)]
    with torch.no_grad():
        network.narrow.weight[:, 4:] = 0
    x.grad = None
    network(x)[0, :, 4, 4].sum().backward()
    assert x.grad.abs().sum((0, 1)).nonzero().tolist() == [[4, 4]]


@pytest.mark.parametrize("template", [split_dense(4), subgroup_attention(4)], ids=["split", "attention"])
def test_groups_are_equal(template):
    shape = (6, 5, 5) if template == split_dense(4) else (5, 6)
    with pytest.raises(NasmythError, match="6 channels do not fall into 4 equal groups"):
        Graph.of(template, shape)
