"""Kernels that the input makes: normalised, guided by the context, at any resolution. And what fades, resizes, slices."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.ops import (
    ChannelSlice,
    ContMix,
    DecayingActivation,
    GlobalResponseNorm,
    PixelAttention,
    Resize,
    TransposedConv,
)
from nasmyth.testing import randomised

torch.set_num_threads(1)


def contmix(**settings):
    torch.manual_seed(0)
    op = ContMix(**{"heads": 2, "kernel": 5, "small": 3, "regions": 2, **settings})
    return randomised(op.build((8, 6, 5), (6, 6, 5), (3, 4, 4))).double()


def test_every_kernel_sums_to_one_and_keeps_constant_images():
    mix = contmix()
    query, context = torch.randn(2, 6, 9, 7).double(), torch.randn(2, 3, 5, 3).double()
    small, large = mix.kernels(query, context)
    assert small.shape == (2, 2, 9, 7, 9) and large.shape == (2, 2, 9, 7, 25)
    for kernels in (small, large):
        assert torch.allclose(kernels.sum(-1), torch.ones(2, 2, 9, 7).double()) and kernels.min() >= 0
    flat = torch.randn(2, 8, 1, 1).double().expand(2, 8, 9, 7)
    assert torch.allclose(mix(flat, query, context), flat)


def test_gathers_what_its_kernels_say_pixel_by_pixel():
    mix = contmix(heads=1, kernel=3, small=3)
    value, query, context = (torch.randn(1, c, 4, 5).double() for c in (8, 6, 3))
    out, (small, large) = mix(value, query, context), mix.kernels(query, context)
    for c, kernels in ((1, small), (6, large)):
        around = F.pad(value[:, c : c + 1], (1, 1, 1, 1), mode="replicate")[0, 0]
        for i in range(4):
            for j in range(5):
                window = around[i : i + 3, j : j + 3].flatten()
                assert torch.isclose(out[0, c, i, j], (window * kernels[0, 0, i, j]).sum())


def test_a_distant_part_of_the_context_changes_the_kernels_here():
    mix = contmix()
    query, context = torch.randn(1, 6, 8, 8).double(), torch.randn(1, 3, 8, 8).double()
    other = context.clone()
    other[..., 6:, 6:] += 1
    before, after = mix.kernels(query, context)[1], mix.kernels(query, other)[1]
    assert (before[:, :, 0, 0] - after[:, :, 0, 0]).abs().max() > 1e-3


def test_kernels_are_odd():
    with pytest.raises(SpaceError, match="kernel and small are odd"):
        ContMix(kernel=4)


def test_fading_goes_from_the_activation_to_the_identity_in_its_share_of_the_training():
    layer = DecayingActivation("relu", share=0.5).build((4,)).train()
    x = torch.tensor([[-2.0, -1.0, 0.0, 3.0]])
    for fraction, slope in ((0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (1.0, 1.0)):
        layer.set_progress(fraction)
        assert torch.allclose(layer(x), F.leaky_relu(x, slope))
    layer.set_progress(0.0)
    assert torch.equal(layer.eval()(x), x)
    with pytest.raises(SpaceError, match="share"):
        DecayingActivation(share=0.0)


def test_what_concat_joins_a_slice_takes_out():
    x, y = torch.randn(2, 3, 4, 4), torch.randn(2, 2, 4, 4)
    joined = torch.cat((x, y), 1)
    assert torch.equal(ChannelSlice(3).build((5, 4, 4))(joined), x)
    assert torch.equal(ChannelSlice(2, 3).build((5, 4, 4))(joined), y)
    with pytest.raises(ShapeError, match="the input has 5"):
        ChannelSlice(3, 3).infer((5, 4, 4))


def test_resizing_to_its_own_size_changes_nothing():
    x = torch.randn(2, 3, 4, 4)
    assert torch.allclose(Resize(4).build((3, 4, 4))(x), x)
    assert torch.allclose(Resize(8).build((1, 4, 4))(torch.full((1, 1, 4, 4), 2.0)), torch.full((1, 1, 8, 8), 2.0))


def test_a_transposed_convolution_is_the_transpose_of_the_convolution():
    up = TransposedConv(2, 4, 2).build((3, 5, 6)).double()
    x, y = torch.randn(1, 3, 5, 6).double(), torch.randn(1, 2, 10, 12).double()
    down = F.conv2d(y, up.weight, stride=2, padding=1)
    assert torch.isclose((up(x) * y).sum(), (x * down).sum())
    with pytest.raises(SpaceError, match="grows by exactly stride"):
        TransposedConv(2, 3, 2)


def test_pixel_attention_is_attention_over_the_pixels():
    x = torch.randn(2, 12, 3, 5).double()
    out = PixelAttention(2).build((12, 3, 5))(x)
    q, k, v = (part.unflatten(1, (2, 2)).flatten(3) for part in x.chunk(3, 1))
    weights = (torch.einsum("bhcn,bhcm->bhnm", q, k) / 2**0.5).softmax(-1)
    assert torch.allclose(out, torch.einsum("bhnm,bhcm->bhcn", weights, v).flatten(1, 2).unflatten(2, (3, 5)))


def test_global_response_norm_starts_as_the_identity_and_lifts_strong_channels():
    norm = GlobalResponseNorm().build((2, 4, 4))
    x = torch.stack((torch.ones(4, 4), 3 * torch.ones(4, 4)))[None]
    assert torch.equal(norm(x), x)
    torch.nn.init.ones_(norm.scale)
    assert torch.allclose(norm(x)[0, :, 0, 0], torch.tensor([1 * 1.5, 3 * 2.5]))
