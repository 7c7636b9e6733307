"""Counting by running, against formulas: the layers that PyTorch's own counter is blind to."""

import pytest
import torch
from torch import nn

from nasmyth.graph.graph import Graph
from nasmyth.graph.op import op, ops
from nasmyth.ops.found.counted import count, count_macs

torch.set_num_threads(1)


def test_lstm_counts_the_products_of_its_gates():
    length, d, h = 7, 5, 6
    module = nn.LSTM(d, h, batch_first=True).eval()
    assert count_macs(module, ((length, d),)) == length * 4 * h * (d + h)


@pytest.mark.parametrize("kind, gates", [(nn.GRU, 3), (nn.RNN, 1)])
def test_other_recurrent_layers(kind, gates):
    length, d, h = 4, 3, 5
    module = kind(d, h, num_layers=2, batch_first=True).eval()
    assert count_macs(module, ((length, d),)) == length * gates * (h * (d + h) + h * (h + h))


def test_attention_of_pytorch_counts_scores_and_sums():
    length, d = 6, 8
    module = nn.MultiheadAttention(d, 2, batch_first=True).eval()
    assert count_macs(module, ((length, d),) * 3) == 4 * length * d * d + 2 * length * length * d


def test_transformer_layer_of_pytorch():
    length, d, hidden = 5, 8, 12
    module = nn.TransformerEncoderLayer(d, 2, hidden, batch_first=True).eval()
    macs = 4 * length * d * d + 2 * length * length * d + 2 * length * d * hidden
    assert count_macs(module, ((length, d),)) == macs


def test_fast_paths_are_on_again_afterwards():
    before = torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()
    count_macs(nn.Linear(2, 3), ((2,),))
    assert (torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()) == before


def test_op_without_rules_is_counted_once_and_leaves_the_random_state_alone():
    built = []

    @op("b d -> b out")
    class Ruleless(nn.Module):
        def __init__(self, d: int, out: int) -> None:
            super().__init__()
            built.append(d)
            self.inner = nn.Linear(d, out)
            self.norm = nn.BatchNorm1d(out)
            self.register_buffer("scratch", torch.zeros(9), persistent=False)

        def forward(self, x):
            return self.norm(self.inner(x))

    try:
        assert Graph.of(Ruleless(3), (5,)).costs.unknown == ((Ruleless(3), ((5,),), False),)
        state = torch.random.get_rng_state()
        assert count(Ruleless(3), ((5,),)) == count(Ruleless(3), ((5,),)) == (18 + 6, 7, 15)
        assert built == [5]
        assert torch.equal(torch.random.get_rng_state(), state)
    finally:
        del ops._items["Ruleless"]
