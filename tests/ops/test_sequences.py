"""Attention, patches, positions and reshapes against PyTorch's own, inverses and definitions."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.ops import (
    Attention,
    ChannelShuffle,
    Columns,
    Flatten,
    LearnedPosition,
    Patchify,
    SinCosPosition,
    ToImage,
    ToSequence,
    Upsample,
)

torch.set_num_threads(1)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_that_of_pytorch(causal):
    length, d, heads = 6, 8, 2
    ours = Attention(heads, causal=causal).build((length, d))
    theirs = nn.MultiheadAttention(d, heads, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    x = torch.randn(3, length, d)
    mask = nn.Transformer.generate_square_subsequent_mask(length) if causal else None
    assert torch.allclose(ours(x), theirs(x, x, x, attn_mask=mask, need_weights=False)[0], atol=1e-6)


def test_heads_must_divide_the_features():
    with pytest.raises(ShapeError, match=r"axis d=\(heads k\) has length 6, not a multiple of 4"):
        Attention(heads=4).infer((5, 6))


def test_patchify_projects_each_patch_row_by_row():
    x = torch.randn(2, 3, 6, 4)
    module = Patchify(p=2, d=5).build((3, 6, 4))
    patches = F.unfold(x, 2, stride=2).transpose(1, 2)
    assert torch.allclose(module(x), patches @ module.weight.flatten(1).T + module.bias, atol=1e-5)


def test_patches_must_tile_the_image():
    with pytest.raises(ShapeError, match=r"axis \(h p\) has length 224, not a multiple of 15"):
        Patchify(p=15).infer((3, 224, 224))


def test_sines_and_cosines_of_places():
    length, d = 7, 6
    added = SinCosPosition(longest=1000.0).build((length, d))(torch.zeros(1, length, d))[0]
    for place in range(length):
        for i in range(d // 2):
            angle = place / 1000 ** (2 * i / d)
            assert added[place, i].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert added[place, i + d // 2].item() == pytest.approx(math.cos(angle), abs=1e-5)


def test_learned_positions_are_added():
    module, x = LearnedPosition().build((4, 3)), torch.randn(2, 4, 3)
    assert torch.equal(module(x) - module.position, x + module.position - module.position)


def test_image_to_sequence_and_back():
    x = torch.randn(2, 3, 4, 5)
    sequence = ToSequence().build((3, 4, 5))(x)
    assert torch.equal(sequence[:, 7], x[:, :, 1, 2])
    assert torch.equal(ToImage(4).build((20, 3))(sequence), x)


def test_shuffle_deals_channels_out():
    x = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert ChannelShuffle(2).build((6, 1, 1))(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_flatten_of_anything():
    assert Flatten().infer((3, 4, 5)) == (60,) and Flatten().infer((7,)) == (7,)


def test_upsample_repeats_pixels():
    x = torch.randn(1, 2, 2, 3)
    assert torch.equal(Upsample(2).build((2, 2, 3))(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    with pytest.raises(SpaceError, match="mode is"):
        Upsample(mode="cubic")


def test_each_column_has_weights_of_its_own():
    module = Columns((0, 0, 3, 4), d=5).build((4,))
    x = torch.tensor([[0.5, -1.0, 2.0, 3.0]])
    got, table = module(x)[0], module.embedding.weight
    assert torch.allclose(got[0], 0.5 * module.weight[0, 0] + module.bias[0])
    assert torch.allclose(got[1], -1.0 * module.weight[1, 0] + module.bias[1])
    assert torch.equal(got[2], table[2]) and torch.equal(got[3], table[3 + 3])


@pytest.mark.parametrize("code", [-1.0, 3.0, 99.0])
def test_unknown_codes_are_missing(code):
    module = Columns((3, 4), d=5).build((2,))
    got = module(torch.tensor([[code, 1.0], [0.0, 1.0]]))
    assert torch.equal(got[0], got[1])


@pytest.mark.parametrize("numbers", ["periodic", "plr"])
def test_periodic_numbers(numbers):
    module = Columns((0, 0), d=4, numbers=numbers, frequencies=3, sigma=1.0).build((2,))
    x = torch.tensor([[0.3, -0.7]])
    for column in range(2):
        angle = 2 * math.pi * module.frequency[column] * x[0, column]
        wanted = torch.cat((angle.sin(), angle.cos())) @ module.weight[column] + module.bias[column]
        wanted = wanted.relu() if numbers == "plr" else wanted
        assert torch.allclose(module(x)[0, column], wanted, atol=1e-6)


def test_numbers_in_bins():
    """Equation 1 of Gorishniy et al. 2022, with bins that end at the quantiles of a normal distribution."""
    module = Columns((0,), d=4, numbers="ple", frequencies=4).build((1,)).double()
    edges = [-2.1539, -0.6745, 0.0, 0.6745, 2.1539]
    assert module.edges.tolist() == pytest.approx(edges, abs=1e-4)
    for x in (-5.0, -0.5, 0.3, 2.0, 6.0):
        shares = [(x - low) / (high - low) for low, high in itertools.pairwise(edges)]
        held = [min(shares[0], 1), *(min(max(share, 0), 1) for share in shares[1:-1]), max(shares[-1], 0)]
        wanted = torch.tensor(held, dtype=torch.float64) @ module.weight[0] + module.bias[0]
        assert torch.allclose(module(torch.tensor([[x]], dtype=torch.float64))[0, 0], wanted, atol=1e-3)


@pytest.mark.parametrize("bad", [(), (3, 0), (-1,), 4])
def test_columns_out_of_order_are_refused(bad):
    with pytest.raises(SpaceError, match=r"numbers \(0\) come first|cardinalities must be a tuple"):
        Columns(bad)


def test_columns_and_row_must_agree():
    with pytest.raises(ShapeError, match="must have length 3, got 5"):
        Columns((0, 0, 4)).infer((5,))
