"""ProxylessNAS: its size, and the networks that it found, to the last parameter."""

from __future__ import annotations

import pytest

from nasmyth.errors import GenomeError
from nasmyth.graph import Graph
from nasmyth.measure import macs, params
from nasmyth.network import build
from nasmyth.spaces import proxyless
from nasmyth.spaces.chains import DEPTHS
from nasmyth.spaces.proxyless import notation


def text(kernels, expansions, kept):
    tokens = zip(kernels, expansions, kept, strict=True)
    return "|".join(f"{k}x{k}_MBConv{e}" if keep else "skip" for k, e, keep in tokens)


MOBILE = text(
    (5, 3, 3, 3, 7, 3, 5, 5, 7, 5, 5, 5, 5, 5, 5, 5, 7, 7, 7, 7, 7),
    (3, 3, 3, 3, 3, 3, 3, 3, 6, 3, 3, 3, 6, 3, 3, 3, 6, 6, 3, 3, 6),
    (1, 1, 0, 0, *[1] * 17),
)


def test_size_and_notation():
    space = proxyless()
    assert space.size == 6**6 * 7**15
    for seed in range(20):
        genome = space.sample(seed)
        assert notation.genome(notation.text(genome)) == genome
    assert notation.text(notation.genome(MOBILE)) == MOBILE


def test_the_published_mobile_network():
    """4.08 M parameters and 320 M MACs; the one that is 1.4 times as wide has 6.86 M."""
    graph = proxyless(widths=(32, 40, 80, 96, 192, 320)).decode(notation.genome(MOBILE))
    assert params(graph) == 4_080_512
    assert macs(graph) == pytest.approx(320e6, rel=0.005)
    wide = proxyless(stem=48, narrow=24, widths=(40, 56, 112, 136, 256, 448), head=1792)
    assert params(wide.decode(notation.genome(MOBILE))) == 6_857_568


def test_mobilenet_v2_is_in_the_space():
    """Sandler et al. 2018, table 4: 3.4 M parameters, 300 M MACs; the usual implementation has 3,504,872."""
    used = [j < n for n, depth in zip((2, 3, 4, 3, 3, 1), DEPTHS, strict=True) for j in range(depth)]
    genome = notation.genome(text([3] * 21, [6] * 21, used))
    graph = proxyless(widths=(24, 32, 64, 96, 160, 320)).decode(genome)
    assert params(graph) == 3_504_872
    assert macs(graph) == 300_774_272


def test_small_images_keep_four_pixels():
    graph = proxyless(input=(3, 32, 32), classes=10).decode(notation.genome(MOBILE))
    (mix,) = [node for node in graph.nodes if node.address == "mix.conv"]
    assert mix.shape == (1280, 4, 4) and graph.output == (10,)


def test_only_a_layer_that_keeps_the_shape_may_be_left_out():
    with pytest.raises(GenomeError, match="layer 4: there is no operation 'skip'"):
        notation.genome("|".join(["3x3_MBConv3"] * 4 + ["skip"] + ["3x3_MBConv3"] * 16))


def test_what_is_skipped_is_not_there():
    space = proxyless(input=(3, 8, 8), widths=(4, 6, 8, 8, 10, 12), head=16)
    without = notation.genome("|".join("3x3_MBConv3" if i % 4 == 0 else "skip" for i in range(21)))
    graph = space.decode(without)
    assert sum(node.op.__class__.__name__ == "DepthwiseConv" for node in graph.nodes) == 1 + 6
    assert isinstance(graph, Graph)
    assert sum(p.numel() for p in build(graph).parameters()) == params(graph)
