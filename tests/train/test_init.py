import math

import pytest
import torch
from torch import nn

from nasmyth.train import initialise


def test_convolutions_have_the_variance_of_he():
    for groups in (1, 64):
        net = initialise(nn.Sequential(nn.Conv2d(64, 128, 5, groups=groups), nn.ReLU()))
        fan_out = 128 / groups * 25
        assert net[0].weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)
        assert not net[0].bias.any()


def test_activations_keep_their_size_through_depthwise_layers():
    torch.manual_seed(0)
    layers = [nn.Conv2d(32, 32, 5, padding=2, groups=32, padding_mode="circular") for _ in range(8)]
    out = initialise(nn.Sequential(*(m for conv in layers for m in (conv, nn.ReLU()))))(torch.randn(8, 32, 16, 16))
    assert 0.01 < out.square().mean().item() < 100.0  # without the groups in the fan-out it would be 32 ** -8


def test_transformers_start_at_a_truncated_normal():
    net = initialise(nn.Sequential(nn.Linear(256, 256), nn.LayerNorm(256), nn.Embedding(100, 64)))
    for layer in (net[0], net[2]):
        assert layer.weight.abs().max() <= 0.04
        assert layer.weight.std().item() == pytest.approx(0.0176, rel=0.05)  # 0.02, cut at two deviations


def test_the_last_norm_of_a_branch_can_start_at_zero():
    net = initialise(nn.Sequential(nn.BatchNorm2d(4), nn.BatchNorm2d(4)), zero=["1"])
    assert net[0].weight.eq(1).all() and net[1].weight.eq(0).all()


def test_the_seed_decides_and_the_global_state_is_left_alone():
    before = torch.get_rng_state()
    one, two, other = (initialise(nn.Conv2d(3, 8, 3), seed).weight for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    net = nn.Sequential(nn.Linear(4, 4))
    before = torch.get_rng_state()
    initialise(net)
    assert torch.equal(before, torch.get_rng_state())
