"""Layers that are no recurrences, taken a place at a time: what they keep, and where their positions end."""

import pytest
import torch

from nasmyth.blocks import transformer
from nasmyth.graph import Graph, chain
from nasmyth.graph.op import state_count
from nasmyth.network import build
from nasmyth.ops import Attention, GroupedAttention, LearnedPosition, Linear, SequenceConv, SinCosPosition

torch.set_num_threads(1)

D, L = 6, 7


def taken(module, x, *more):
    state, found = module.initial_state(len(x)), []
    for place in range(x.shape[1]):
        y, state = module.step(state, x[:, place], *(other[:, place] for other in more))
        found.append(y)
    return torch.stack(found, 1)


@pytest.mark.parametrize("op", [Attention(2, causal=True), SequenceConv(4, 3, causal=True), GroupedAttention(causal=True)],
                         ids=lambda op: type(op).__name__)  # fmt: skip
@pytest.mark.parametrize("hidden", [[], [0, 1], [3, 6], list(range(L))])
def test_what_a_mask_hides_is_hidden_place_by_place(op, hidden):
    module, x = op.build((L, D)), torch.randn(2, L, D)
    mask = torch.ones(2, L)
    mask[1, hidden] = 0
    torch.testing.assert_close(taken(module, x, mask), module(x, mask))


@pytest.mark.parametrize("op", [Attention(2), SequenceConv(4, 3)])
def test_what_sees_later_places_says_so(op):
    with pytest.raises(ValueError, match="it sees later places; build it with causal=True"):
        op.build((L, D)).initial_state(2)


@pytest.mark.parametrize("op", [LearnedPosition(), SinCosPosition()])
def test_positions_end(op):
    module, x = op.build((L, D)), torch.randn(2, L + 1, D)
    torch.testing.assert_close(taken(module, x[:, :L]), module(x[:, :L]))
    with pytest.raises(ValueError, match="there are 7 positions, and one more place came; build it for more"):
        taken(module, x)


def test_a_stream_may_be_longer_than_what_the_layer_was_built_for():
    op = GroupedAttention(k=4, window=3, positions="rotary", causal=True)
    module, x = op.build((L, D)), torch.randn(1, 5 * L, D)
    torch.testing.assert_close(taken(module, x), module(x))


def test_what_is_kept_grows_with_the_length_up_to_the_window():
    def kept(op, length, *more):
        return state_count(op, ((length, D), *more), (length, D))

    assert [kept(Attention(2, causal=True), length) for length in (1, 4)] == [2 * D, 8 * D]
    assert kept(Attention(2, causal=True), 4, (4,)) == 8 * D + 4 and kept(Attention(2), 4) == 0
    op = GroupedAttention(groups=1, queries=4, k=3, window=5, causal=True)
    assert [kept(op, length) for length in (2, 5, 50)] == [12, 30, 30]


MIXERS = [
    GroupedAttention(groups=1, queries=2, k=4, positions="alibi", causal=True),
    GroupedAttention(k=4, positions="rotary", window=2, causal=True),
    GroupedAttention(k=4, positions="relative", causal=True),
    chain(SequenceConv(D, 3, causal=True), Attention(2, causal=True)),
]


@pytest.mark.parametrize("mixer", MIXERS, ids=range(len(MIXERS)))
def test_transformers_of_any_of_these_mixers_take_places_one_by_one(mixer):
    template = chain(where=SinCosPosition(), mix=transformer(mixer=mixer, expand=2), head=Linear(3))
    network, x = build(Graph.of(template, (L, D)), 0).eval(), torch.randn(2, L, D)
    state, found = network.initial_state(2), []
    for place in range(L):
        y, state = network.step(state, x[:, place])
        found.append(y)
    torch.testing.assert_close(torch.stack(found, 1), network(x))
