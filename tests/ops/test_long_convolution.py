"""Convolutions by Fourier transforms against sums; what shifts with its input; a place at a time."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth import Graph
from nasmyth.blocks import hyena, orchid
from nasmyth.errors import SpaceError
from nasmyth.network import build
from nasmyth.ops import Convolve, LongConv, RingConv
from nasmyth.testing import randomised

torch.set_num_threads(1)


def module(op, *shapes):
    torch.manual_seed(0)
    return randomised(op.build(*shapes)).double().eval()


def summed(h, x, lengths=None):
    """y_t = sum over s of h_(t - s) x_s, around a ring or, with zeros before the beginning, up to t."""
    places = range(len(x))
    return torch.stack([
        sum(h[(t - s) % len(x)] * x[s] for s in places if lengths == "ring" or s <= t) for t in places
    ])  # fmt: skip


@pytest.mark.parametrize("causal, ends", [(True, "zeros"), (False, "ring")], ids=["causal", "ring"])
def test_long_convolution_is_the_sum_over_all_places(causal, ends):
    conv, x = module(LongConv(width=3, bands=2, causal=causal), (7, 2)), torch.randn(1, 7, 2).double()
    assert torch.allclose(conv(x)[0], summed(conv.filter(), x[0], ends) + conv.skip * x[0])


@pytest.mark.parametrize("correlate", [False, True], ids=["convolved", "correlated"])
def test_convolve_is_the_sum_around_a_ring(correlate):
    conv = module(Convolve(correlate), (6, 2), (6, 2))
    x, h = torch.randn(6, 2).double(), torch.randn(6, 2).double()
    if correlate:
        wanted = torch.stack([sum(h[(s + t) % 6] * x[s] for s in range(6)) for t in range(6)])
    else:
        wanted = summed(h, x, "ring")
    assert torch.allclose(conv(x[None], h[None])[0], wanted / 6**0.5)


def test_a_correlation_stays_when_both_shift_and_a_convolution_moves_with_one():
    x, h = torch.randn(2, 9, 3).double(), torch.randn(2, 9, 3).double()
    correlate, convolve = Convolve(correlate=True).build((9, 3), (9, 3)), Convolve().build((9, 3), (9, 3))
    assert torch.allclose(correlate(x.roll(4, 1), h.roll(4, 1)), correlate(x, h))
    assert torch.allclose(convolve(x.roll(4, 1), h), convolve(x, h).roll(4, 1))


@pytest.mark.parametrize("template", [orchid(), hyena(causal=False)], ids=["orchid", "hyena"])
def test_what_a_ring_gives_is_shifted_with_its_input(template):
    network = build(Graph.of(template, (16, 6)), seed=0).eval()
    x = torch.randn(3, 16, 6)
    assert torch.allclose(network(x.roll(5, 1)), network(x).roll(5, 1), atol=1e-5)


def test_the_kernel_of_orchid_comes_from_its_input():
    """It is no linear map of its values: what doubles does not give what is doubled."""
    network = build(Graph.of(orchid(), (8, 4)), seed=0).double().eval()
    x, y = torch.randn(1, 8, 4).double(), torch.randn(1, 8, 4).double()
    assert not torch.allclose(network(x + y) + network(0 * x), network(x) + network(y), atol=1e-2)


@pytest.mark.parametrize("kernel", [1, 3, 4])
def test_ring_convolution_is_a_depthwise_one_with_circular_padding(kernel):
    conv, x = module(RingConv(kernel), (6, 2)), torch.randn(2, 6, 2).double()
    padded = F.pad(x.transpose(1, 2), ((kernel - 1) // 2, kernel // 2), mode="circular")
    wanted = F.conv1d(padded, conv.weight, conv.bias, groups=2).transpose(1, 2)
    assert torch.allclose(conv(x), wanted)


def test_a_ring_shorter_than_its_kernel_is_gone_around_again():
    conv = module(RingConv(5), (2, 1))
    x = torch.randn(1, 2, 1).double()
    taps, bias = conv.weight[0, 0], conv.bias
    wanted = x[0, 0] * (taps[0] + taps[2] + taps[4]) + x[0, 1] * (taps[1] + taps[3]) + bias
    assert torch.allclose(conv(x)[0, 0], wanted)


def test_a_network_of_hyena_takes_a_place_at_a_time():
    network = build(Graph.of(hyena(kernel=4), (9, 4)), seed=0).double().eval()
    x = torch.randn(2, 9, 4).double()
    state, given = network.initial_state(2), []
    for t in range(9):
        y, state = network.step(state, x[:, t])
        given.append(y)
    assert torch.allclose(torch.stack(given, 1), network(x))


def test_what_sees_later_places_does_not_stream():
    with pytest.raises(ValueError, match="sees later places"):
        LongConv(causal=False).build((5, 2)).initial_state(1)


def test_the_past_alone_reaches_a_place_of_hyena():
    network = build(Graph.of(hyena(order=3), (10, 4)), seed=0).eval()
    x = torch.randn(1, 10, 4)
    other = x.clone()
    other[:, 6:] += 1
    assert torch.allclose(network(x)[:, :6], network(other)[:, :6], atol=1e-5)
    assert not torch.allclose(network(x)[:, 6:], network(other)[:, 6:], atol=1e-2)


@pytest.mark.parametrize("make, said", [
    (lambda: RingConv(0), "kernel must be at least 1"),
    (lambda: LongConv(width=0), "at least 1"),
], ids=["kernel", "width"])  # fmt: skip
def test_bad_settings_are_refused(make, said):
    with pytest.raises(SpaceError, match=said):
        make()
