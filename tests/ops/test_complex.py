"""Complex convolutions and masks against PyTorch's own complex numbers."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth import Graph
from nasmyth.blocks import complex_dense, complex_masks
from nasmyth.errors import SpaceError
from nasmyth.network import build
from nasmyth.ops import ComplexConv, ComplexMask
from nasmyth.testing import randomised

torch.set_num_threads(1)


def as_complex(x):
    return torch.complex(x[:, 0::2], x[:, 1::2])


@pytest.mark.parametrize("settings", [{}, {"kernel": 5, "stride": 2}, {"dilation": 2}, {"kernel": 1}])
def test_complex_convolution_is_complex_arithmetic(settings):
    torch.manual_seed(0)
    conv, x = ComplexConv(3, **settings).build((4, 7, 6)), torch.randn(2, 4, 7, 6)
    kernel, dilation = settings.get("kernel", 3), settings.get("dilation", 1)
    weight = torch.complex(conv.real, conv.imaginary)
    wanted = F.conv2d(as_complex(x), weight, None, settings.get("stride", 1), dilation * (kernel // 2), dilation)
    assert torch.allclose(as_complex(conv(x)), wanted, atol=1e-6)


def test_turning_all_phases_turns_what_comes_out():
    conv, x = ComplexConv(2).build((4, 5, 5)).double(), torch.randn(1, 4, 5, 5).double()
    turn = torch.polar(torch.tensor(1.0), torch.tensor(0.7)).to(torch.complex128)
    turned = torch.view_as_real(as_complex(x) * turn).movedim(-1, 2).flatten(1, 2)
    assert torch.allclose(as_complex(conv(turned)), as_complex(conv(x)) * turn)


def test_a_mask_turns_phases_freely_and_scales_up_to_its_bound():
    mask, x = torch.randn(2, 4, 3, 3).double() * 3, torch.randn(2, 4, 3, 3).double()
    masked = as_complex(ComplexMask(1.5).build((4, 3, 3), (4, 3, 3))(mask, x)) / as_complex(x)
    m = as_complex(mask)
    assert torch.allclose(masked, 1.5 * torch.tanh(m.abs() / 1.5) * torch.sgn(m))
    assert masked.abs().max() < 1.5


def test_a_small_mask_is_the_product():
    mask, x = torch.randn(1, 2, 3, 3).double() * 1e-3, torch.randn(1, 2, 3, 3).double()
    masked = as_complex(ComplexMask().build((2, 3, 3), (2, 3, 3))(mask, x))
    assert torch.allclose(masked, as_complex(mask) * as_complex(x), atol=1e-8)


def test_a_dense_layer_reads_each_state_at_its_own_dilation():
    nodes = Graph.of(complex_dense(2, layers=3), (4, 9, 9)).nodes
    dilations = [node.op.dilation for node in nodes if isinstance(node.op, ComplexConv)]
    assert sorted(dilations) == [1, 1, 1, 2, 2, 4]


def test_masks_work_on_the_first_complex_channel_one_after_another():
    graph = Graph.of(complex_masks(complex_dense(1, layers=1), tasks=2), (4, 5, 5))
    network = randomised(build(graph)).double().eval()
    x = torch.randn(1, 4, 5, 5).double()
    silent = x.clone()
    silent[:, :2] = 0
    assert not network(silent).any() and network(x).abs().max() > 1e-3
    assert [type(node.op) for node in graph.nodes].count(ComplexMask) == 2


@pytest.mark.parametrize("make, said", [
    (lambda: ComplexConv(2, kernel=4), "kernel is odd; write kernel=5"),
    (lambda: ComplexMask(0.0), "above 0"),
], ids=["kernel", "bound"])  # fmt: skip
def test_bad_settings_are_refused(make, said):
    with pytest.raises(SpaceError, match=said):
        make()
