"""Blocks that look at the whole image: OverLoCK and LowFormer. Their published sizes, and other resolutions."""

import pytest
import torch

from nasmyth import blocks
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Activation, BatchNorm, MaxPool, PixelAttention
from nasmyth.testing import randomised

torch.set_num_threads(1)
SMALL = blocks.overlock(5, (4, 8, 8, 12), (1, 1, 1, 1), (1, 1), (2, 2), (5, 5, 5, 3), 3, 2, 2, 2, 16, stride=1)


@pytest.mark.parametrize("settings, params, macs", [
    ({}, 16e6, 2.6e9),
    ({"widths": (64, 128, 256, 512), "depths": (4, 4, 6, 2), "focus": (12, 2), "heads": (4, 8)}, 33e6, 5.5e9),
    ({"widths": (64, 128, 320, 512), "depths": (6, 6, 8, 3), "focus": (16, 3), "heads": (8, 16)}, 56e6, 9.7e9),
], ids=["extra tiny", "tiny", "small"])  # fmt: skip
def test_overlock_has_the_size_of_its_paper(settings, params, macs):
    costs = Graph.of(blocks.overlock(1000, **settings), (3, 224, 224)).costs
    assert costs.params == pytest.approx(params, rel=0.03) and costs.macs == pytest.approx(macs, rel=0.03)


def test_overlock_runs_at_resolutions_that_it_has_not_seen():
    network = build(Graph.of(SMALL, (3, 16, 16))).eval()
    for size in ((16, 16), (24, 24), (17, 30), (40, 8)):
        assert network(torch.randn(2, 3, *size)).shape == (2, 5)


def test_the_overview_reaches_every_pixel_of_the_focus():
    """A change in one corner changes what is computed in the opposite one, which plain kernels would not see."""
    graph = Graph.of(blocks.overlock_focus(2, heads=2, kernel=3, small=3, regions=2), (12, 12, 12))
    torch.manual_seed(0)
    network = randomised(build(graph)).eval().double()
    x = torch.randn(1, 12, 12, 12).double()
    other = x.clone()
    other[:, 8:10, 11, 11] += 3  # the context alone
    assert (network(x) - network(other))[0, :8, 0, 0].abs().max() > 1e-6


def test_the_first_context_goes_through_the_focus_unchanged():
    network = build(Graph.of(blocks.overlock_focus(2, heads=2), (12, 6, 6))).eval()
    x = torch.randn(2, 12, 6, 6)
    assert torch.equal(network(x)[:, 10:], x[:, 10:])


def test_slim_attention_is_slim_and_keeps_the_image():
    graph = Graph.of(blocks.slim_attention(), (64, 28, 28))
    (attention,) = [node for node in graph.nodes if isinstance(node.op, PixelAttention)]
    assert attention.shape == (32, 14, 14) and graph.output == (64, 28, 28)
    odd = Graph.of(blocks.slim_attention(), (64, 7, 7))  # no multiple of the stride: at its own resolution
    assert odd.output == (64, 7, 7) and [n.shape for n in odd.nodes if isinstance(n.op, PixelAttention)] == [(32, 7, 7)]
    whole = Graph.of(blocks.slim_attention(stride=1, ratio=1.0), (64, 28, 28))
    assert graph.costs.macs < whole.costs.macs / 4


def densenet_121():
    parts, width = [blocks.conv_block(64, 7, 2), MaxPool(3, 2)], 64
    for layers in (6, 12, 24):
        width = (width + 32 * layers) // 2
        parts += [blocks.densenet_block(32, layers), blocks.densenet_transition(width)]
    return chain(*parts, blocks.densenet_block(32, 16), BatchNorm(), Activation("relu"), blocks.image_head(1000))


def test_densenet_has_the_published_parameters():
    assert Graph.of(densenet_121(), (3, 224, 224)).costs.params == 7_978_856


def test_every_layer_of_a_dense_block_reads_all_before_it():
    graph = Graph.of(blocks.densenet_block(3, layers=3, bottleneck=0), (4, 5, 5))
    joins = [node.shape[0] for node in graph.nodes if type(node.op).__name__ == "Concat"]
    assert joins == [7, 10, 13]
