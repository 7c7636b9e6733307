"""Norms against their formulas."""

import pytest
import torch

from nasmyth.errors import ShapeError
from nasmyth.ops import BatchNorm, GroupNorm, LayerNorm, LayerNorm2d, RMSNorm, TokenBatchNorm

torch.set_num_threads(1)


def standardised(x, dims, eps):
    return (x - x.mean(dims, keepdim=True)) / (x.var(dims, keepdim=True, correction=0) + eps).sqrt()


@pytest.mark.parametrize("norm, shape, dims", [
    (BatchNorm(), (4, 5, 6), (0, 2, 3)),
    (BatchNorm(), (4,), 0),
    (TokenBatchNorm(), (5, 4), (0, 1)),
    (TokenBatchNorm(), (4,), 0),
    (LayerNorm(), (5, 4), 2),
    (LayerNorm2d(), (4, 5, 6), 1),
    (GroupNorm(groups=1), (4, 5, 6), (1, 2, 3)),
    (GroupNorm(groups=4), (4, 5, 6), (2, 3)),
])  # fmt: skip
def test_mean_and_variance_over_the_right_axes(norm, shape, dims):
    x = torch.randn(8, *shape) * 3 + 1
    assert torch.allclose(norm.build(shape).train()(x), standardised(x, dims, norm.eps), atol=1e-5)


def test_rms_norm_divides_by_the_root_mean_square():
    x = torch.randn(3, 5, 4)
    wanted = x / (x.square().mean(2, keepdim=True) + 1e-6).sqrt()
    assert torch.allclose(RMSNorm().build((5, 4))(x), wanted, atol=1e-6)


@pytest.mark.parametrize("norm, shape", [(BatchNorm(momentum=1.0), (4, 5, 5)), (TokenBatchNorm(momentum=1.0), (5, 4))])
def test_batch_statistics_are_kept_for_evaluation(norm, shape):
    module, x = norm.build(shape), torch.randn(50, *shape) + 2
    trained = module.train()(x)
    assert torch.allclose(module.eval()(x), trained, atol=1e-2)  # the running variance is the unbiased one


def test_groups_must_divide_the_channels():
    with pytest.raises(ShapeError, match="not a multiple of 4"):
        GroupNorm(groups=4).infer((6, 3, 3))
