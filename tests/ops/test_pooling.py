"""Pooling against definitions written out in full."""

import pytest
import torch

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.ops import AttentionPool, AvgPool, MaxPool, Mean
from nasmyth.space import choice

torch.set_num_threads(1)


def windows(x, kernel, stride):
    """Every window of each image as a vector of the pixels that exist, by its place in the output."""
    h, w = x.shape[-2:]
    before = 0 if kernel == stride else kernel // 2
    for i in range(-(-h // stride)):
        for j in range(-(-w // stride)):
            top, left = i * stride - before, j * stride - before
            yield i, j, x[..., max(0, top) : top + kernel, max(0, left) : left + kernel].flatten(2)


@pytest.mark.parametrize("kernel, stride", [(2, 2), (3, 1), (3, 2), (3, 3), (5, 2), (1, 2)])
def test_windows_hold_what_exists(kernel, stride):
    x = torch.randn(2, 3, 7, 8)
    largest, mean = (cls(kernel, stride).build((3, 7, 8))(x) for cls in (MaxPool, AvgPool))
    for i, j, window in windows(x, kernel, stride):
        assert torch.equal(largest[:, :, i, j], window.amax(2))
        assert torch.allclose(mean[:, :, i, j], window.mean(2), atol=1e-6)


def test_even_kernels_are_refused_unless_they_tile():
    with pytest.raises(SpaceError, match="kernel is odd, or equal to the stride"):
        MaxPool(2, stride=1)
    AvgPool(choice(2, 3), stride=1)  # a decision still to be made


@pytest.mark.parametrize("axes, shape, dims", [("h w", (3, 4, 5), (2, 3)), ("w h", (3, 4, 5), (2, 3)), ("l", (4, 5), 1),
                                               ("d", (4, 5), 2), ("c", (3, 4, 5), 1)])  # fmt: skip
def test_mean_over_named_axes(axes, shape, dims):
    x = torch.randn(2, *shape)
    assert torch.allclose(Mean(axes).build(shape)(x), x.mean(dims), atol=1e-6)


@pytest.mark.parametrize("axes", ["", "q", "h l", "c h w", "l d"])
def test_mean_over_other_axes_is_refused(axes):
    with pytest.raises(SpaceError, match="axes are some of"):
        Mean(axes)


def test_mean_says_what_it_takes():
    with pytest.raises(ShapeError, match=r"takes the axes \(c h w\)"):
        Mean("h w").infer((4, 5))


def test_attention_pool_weighs_places_by_a_softmax_for_each_head():
    length, d, heads = 5, 6, 2
    pool = AttentionPool(heads=heads).build((length, d)).double()
    x = torch.randn(3, length, d, dtype=torch.float64)
    key, value = pool.key_value(x).chunk(2, 2)
    pooled = []
    for head in range(heads):
        part = slice(head * d // heads, (head + 1) * d // heads)
        weight = (key[..., part] @ pool.query[head, 0] / (d // heads) ** 0.5).softmax(1)
        pooled.append((weight[..., None] * value[..., part]).sum(1))
    assert torch.allclose(pool(x), pool.out(torch.cat(pooled, 1)))
