"""Convolutions against the signature's promise, PyTorch's own padding, and a convolution written out in full."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from nasmyth.errors import ShapeError
from nasmyth.ops import AvgPool, Conv, DepthwiseConv, MaxPool

torch.set_num_threads(1)


@pytest.mark.parametrize("cls", [lambda **k: Conv(2, **k), DepthwiseConv])
def test_output_is_the_ceiling_for_every_kernel_stride_dilation_and_size(cls):
    for kernel, stride, dilation, h in itertools.product(range(1, 6), range(1, 5), (1, 2, 3), range(1, 10)):
        conv = cls(kernel=kernel, stride=stride, dilation=dilation)
        wanted = (2, -(-h // stride), -(-(h + 1) // stride))
        assert conv.infer((2, h, h + 1)) == wanted
        assert tuple(conv.build((2, h, h + 1))(torch.zeros(1, 2, h, h + 1)).shape[1:]) == wanted, conv


@pytest.mark.parametrize("cls", [MaxPool, AvgPool])
def test_pools_give_the_ceiling_too(cls):
    for kernel, stride, h in itertools.product(range(1, 6), range(1, 5), range(1, 10)):
        if kernel % 2 or kernel == stride:
            pool = cls(kernel, stride)
            assert tuple(pool.build((2, h, h))(torch.zeros(1, 2, h, h)).shape[1:]) == pool.infer((2, h, h)), pool


@pytest.mark.parametrize("kernel, dilation", [(1, 1), (3, 1), (3, 2), (5, 1), (2, 2)])
def test_odd_spans_are_padded_alike_on_all_sides(kernel, dilation):
    x = torch.randn(2, 4, 9, 8)
    module = Conv(6, kernel, stride=2, groups=2, dilation=dilation, bias=True).build((4, 9, 8))
    pad = dilation * (kernel - 1) // 2
    assert torch.allclose(module(x), F.conv2d(x, module.weight, module.bias, 2, pad, dilation, 2), atol=1e-6)


def test_a_kernel_as_wide_as_its_stride_cuts_patches():
    x = torch.randn(2, 3, 8, 12)
    module = Conv(5, kernel=4, stride=4).build((3, 8, 12))
    patches = F.unfold(x, 4, stride=4)
    assert torch.allclose(module(x).flatten(2), module.weight.flatten(1) @ patches, atol=1e-5)


def test_groups_must_divide_both_sides():
    with pytest.raises(ShapeError, match=r"axis c=\(groups n\) has length 4, not a multiple of 3"):
        Conv(6, groups=3).infer((4, 5, 5))
    with pytest.raises(ShapeError, match=r"axis out=\(groups m\) has length 6, not a multiple of 4"):
        Conv(6, groups=4).infer((4, 5, 5))


@pytest.mark.parametrize("settings", [{"kernel": 0}, {"stride": 0}, {"dilation": 0}])
def test_settings_below_one_are_refused(settings):
    (name,) = settings
    for conv in (Conv(4, **settings), DepthwiseConv(**settings)):
        with pytest.raises(ShapeError, match=f"{name}.* at least 1"):
            conv.infer((4, 5, 5))
