"""Grouped attention against plain loops over heads and places, and PyTorch's own; cross-attention against PyTorch's own."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph import Graph, Spec, chain
from nasmyth.graph.op_axes import op_axes
from nasmyth.network import build
from nasmyth.ops import CrossAttention, GroupedAttention
from nasmyth.ops.found.counted import count

torch.set_num_threads(1)

D, L = 6, 9


def made(op, length=L):
    torch.manual_seed(0)
    module = op.build((length, D)).double()
    for parameter in module.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.3)
    return module


def score(op, module, head, query, key, i, j):
    """The score that place i gives to place j, by the definitions of the papers."""
    group, number = divmod(head, op.queries)
    product = query[i] @ key[j]
    if op.positions == "rotary":  # the real part of query times conjugate key, each turned by its place
        half = op.k // 2
        turn = [complex(math.cos(a), math.sin(a)) for a in ((i - j) * op.longest ** (-m / half) for m in range(half))]
        a, b = torch.complex(query[i, :half], query[i, half:]), torch.complex(key[j, :half], key[j, half:])
        product = (a * b.conj() * torch.tensor(turn)).real.sum()
    product = product / math.sqrt(op.k)
    if op.positions == "alibi":
        product = product - 2 ** (-8 * (head + 1) / (op.groups * op.queries)) * abs(i - j)
    if op.positions == "relative":
        product = product + module.apart[group, number, max(-op.reach, min(op.reach, i - j)) + op.reach]
    return product


def by_hand(op, module, x, mask=None):
    """One example, head by head and place by place."""
    length, found = len(x), []
    for head in range(op.groups * op.queries):
        query = module.query(x).unflatten(1, (-1, op.k))[:, head]
        key, value = module.key_value(x).unflatten(1, (2, op.groups, op.k))[:, :, head // op.queries].unbind(1)
        rows = []
        for i in range(length):
            seen = [j for j in range(length) if (j <= i or not op.causal) and (not op.window or abs(i - j) < op.window)]
            seen = [j for j in seen if mask is None or mask[j] or i == j]
            shares = torch.stack([score(op, module, head, query, key, i, j) for j in seen]).softmax(0)
            rows.append(shares @ value[seen])
        found.append(torch.stack(rows))
    return module.out(torch.cat(found, 1))


KINDS = [
    GroupedAttention(groups=groups, queries=queries, k=4, positions=positions, causal=causal, window=window, reach=2)
    for groups, queries in ((1, 3), (2, 2))
    for positions in ("none", "rotary", "alibi", "relative")
    for causal in (False, True)
    for window in (0, 1, 2, 5, 20)
]


@pytest.mark.parametrize("positions", ["none", "rotary", "alibi", "relative"])
@pytest.mark.parametrize("causal", [False, True])
def test_every_head_and_place_by_hand(positions, causal):
    """Whole sequences and windows; in blocks where these are narrow. The last place alone is masked, and the first two."""
    mask = torch.tensor([0, 0, 1, 1, 1, 0, 1, 1, 0])
    for op in KINDS:
        if op.positions == positions and op.causal == causal:
            module, x = made(op), torch.randn(2, L, D).double()
            wanted = torch.stack([by_hand(op, module, one) for one in x])
            torch.testing.assert_close(module(x), wanted, msg=f"{op}")
            wanted = torch.stack([by_hand(op, module, one, mask) for one in x])
            torch.testing.assert_close(module(x, mask.expand(2, L)), wanted, msg=f"{op} with a mask")


def test_one_query_a_group_is_attention_of_pytorch():
    op = GroupedAttention(groups=3, queries=1, k=2)
    module, theirs = made(op), nn.MultiheadAttention(D, 3, batch_first=True, dtype=torch.float64)
    theirs.in_proj_weight.data = torch.cat((module.query.weight, module.key_value.weight))
    theirs.in_proj_bias.data = torch.cat((module.query.bias, module.key_value.bias))
    theirs.out_proj.load_state_dict(module.out.state_dict())
    x = torch.randn(2, L, D).double()
    torch.testing.assert_close(module(x), theirs(x, x, x, need_weights=False)[0])


def test_shared_keys_are_those_of_pytorch():
    op = GroupedAttention(groups=2, queries=3, k=2, causal=True)
    module, x = made(op), torch.randn(2, L, D).double()
    query = module.query(x).unflatten(2, (6, 2)).transpose(1, 2)
    key, value = module.key_value(x).unflatten(2, (2, 2, 2)).permute(2, 0, 3, 1, 4)
    wanted = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(module(x), module.out(wanted.transpose(1, 2).flatten(2)))


@pytest.mark.parametrize("mask", [torch.zeros(2, L), torch.eye(L)[:2]])
@pytest.mark.parametrize("window", [0, 2])
def test_a_mask_that_hides_everything_leaves_each_place_itself(mask, window):
    module = made(GroupedAttention(k=4, window=window, positions="alibi"))
    x = torch.randn(2, L, D).double().requires_grad_()
    found = module(x, mask)
    found.sum().backward()
    assert found.isfinite().all() and x.grad.isfinite().all()
    if not mask.any():
        alone = module.out(module.key_value(x)[:, :, 8:].unflatten(2, (2, 1, 4)).expand(2, L, 2, 2, 4).flatten(2))
        torch.testing.assert_close(found, alone)


def test_narrow_windows_cost_in_proportion_to_the_length():
    op = GroupedAttention(k=4, window=4, causal=True)
    costs = [count(op, ((length, D),))[2] for length in (64, 128, 256)]
    assert costs[2] == 2 * costs[1] == 4 * costs[0]
    whole = [count(op.replace(window=0), ((length, D),))[2] for length in (64, 128, 256)]
    assert whole[2] > 3 * whole[1]


@pytest.mark.parametrize("positions", ["rotary", "alibi", "relative"])
def test_positions_are_distances_and_no_length_is_too_long(positions):
    """What stands in front of a causal window does not change what is seen in it."""
    op = GroupedAttention(k=4, window=3, positions=positions, causal=True)
    module, x = made(op, 5), torch.randn(1, 40, D).double()
    torch.testing.assert_close(module(x)[:, 30:], module(x[:, 28:])[:, 2:])


@pytest.mark.parametrize("op", [op for op in KINDS if op.causal], ids=repr)
def test_a_place_at_a_time(op):
    module, x = made(op), torch.randn(2, L, D).double()
    state, found = module.initial_state(2), []
    for place in range(L):
        y, state = module.step(state, x[:, place])
        found.append(y)
        assert all(kept.shape[2] == min(place + 1, op.window or L) for kept in state[:2])
    torch.testing.assert_close(torch.stack(found, 1), module(x))


@pytest.mark.parametrize("name", ["groups", "queries", "k"])
def test_what_is_taken_away_goes_from_all_weights_at_once(name):
    """Without one unit of a name the smaller op does what the larger one does where nothing is read from that unit."""
    op = GroupedAttention(groups=3, queries=2, k=4, positions="alibi")
    module, x = made(op), torch.randn(2, L, D).double()
    axes = op_axes(op, ((L, D),), (L, D)).weights
    small = op.replace(**{name: getattr(op, name) - 1})
    state = module.state_dict()
    for weight, tensor in axes.items():
        for dim, axis in enumerate(tensor):
            kept = [i for i, place in enumerate(axis.places) if (name, 1) not in place]
            state[weight] = state[weight].index_select(dim, torch.tensor(kept))
    pruned = small.build((L, D)).double()
    pruned.load_state_dict(state)
    gone = [i for i, place in enumerate(axes["out.weight"][1].places) if (name, 1) in place]
    module.out.weight.data[:, gone] = 0
    if name == "k":  # products are of fewer features, and scaled by their number
        where = [i for i, place in enumerate(axes["query.weight"][0].places) if (name, 1) in place]
        module.query.weight.data[where], module.query.bias.data[where] = 0, 0
        module.query.weight.data *= math.sqrt(4 / 3)
        module.query.bias.data *= math.sqrt(4 / 3)
    torch.testing.assert_close(pruned(x), module(x))


def test_what_sees_later_places_cannot_be_taken_a_place_at_a_time():
    with pytest.raises(ValueError, match="later places; build it with causal=True"):
        made(GroupedAttention()).initial_state(1)


def test_the_mask_of_a_graph_is_handed_in():
    graph = Graph.of(chain(GroupedAttention(k=4)), {"x": (L, D), "mask": Spec((L,), "bool")})
    network, x = build(graph, 0), torch.randn(2, L, D)
    short = network(x, torch.arange(L) < torch.tensor([[5], [9]]))
    other = x.clone()
    other[0, 5:] = 0
    torch.testing.assert_close(network(other, torch.arange(L) < torch.tensor([[5], [9]]))[0, :5], short[0, :5])
    assert not torch.allclose(network(other, torch.ones(2, L, dtype=torch.bool))[0, :5], short[0, :5])


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"groups": 0}, "groups must be at least 1"),
        ({"queries": 0}, "queries must be at least 1"),
        ({"k": 0}, "k must be at least 1"),
        ({"window": -1}, "window must be at least 0"),
        ({"reach": 0}, "reach must be at least 1"),
        ({"positions": "sinusoid"}, "positions is one of 'none', 'rotary', 'alibi', 'relative'"),
        ({"k": 5, "positions": "rotary"}, "so k is even; try k=6"),
    ],
)
def test_what_cannot_be_is_refused(wrong, message):
    with pytest.raises(SpaceError, match=message):
        GroupedAttention(**wrong)


def test_cross_attention_is_that_of_pytorch():
    op, theirs = CrossAttention(heads=3, k=2), nn.MultiheadAttention(D, 3, kdim=4, vdim=4, batch_first=True)
    module = op.build((5, D), (L, 4))
    theirs.q_proj_weight.data, (theirs.k_proj_weight.data, theirs.v_proj_weight.data) = (
        module.query.weight.data,
        module.key_value.weight.data.chunk(2),
    )
    theirs.in_proj_bias.data = torch.cat((module.query.bias, module.key_value.bias)).detach()
    theirs.out_proj.load_state_dict(module.out.state_dict())
    x, memory, mask = torch.randn(2, 5, D), torch.randn(2, L, 4), torch.arange(L) < torch.tensor([[3], [9]])
    wanted = theirs(x, memory, memory, key_padding_mask=~mask, need_weights=False)[0]
    torch.testing.assert_close(module(x, memory, mask), wanted)


def test_of_a_memory_that_is_hidden_all_is_seen():
    module = CrossAttention(heads=2, k=2).build((5, D), (L, 4))
    x, memory = torch.randn(2, 5, D), torch.randn(2, L, 4)
    torch.testing.assert_close(module(x, memory, torch.zeros(2, L)), module(x, memory))


def test_cross_attention_needs_a_memory():
    with pytest.raises(ShapeError, match="reads 'memory'"):
        CrossAttention().infer((5, D))
    with pytest.raises(SpaceError, match="heads must be at least 1"):
        CrossAttention(heads=0)
