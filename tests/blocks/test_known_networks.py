"""Blocks against the literature: networks built of them have the published number of parameters."""

import pytest

from nasmyth import blocks
from nasmyth.graph.chain import chain, repeat
from nasmyth.graph.graph import Graph
from nasmyth.ops import Conv, LayerNorm, LayerNorm2d, LearnedPosition, Linear, MaxPool, Mean, Patchify

HEAD = (blocks.image_head(1000),)
RESNET_STEM = (blocks.conv_block(64, 7, 2), MaxPool(3, 2))
MOBILE_STEM = (blocks.conv_block(32, 3, 2),)
MOBILE_HEAD = (blocks.conv_block(1280, 1), *HEAD)


def stages(block, *plan):
    """For each (out, count, stride, settings): `count` blocks, of which the first has the stride."""
    for out, count, stride, settings in plan:
        for i in range(count):
            yield block(out=out, stride=stride if i == 0 else 1, **settings)


def resnet(block, counts, widths, **settings):
    plan = zip(widths, counts, (1, 2, 2, 2), strict=True)
    return *RESNET_STEM, *stages(block, *((w, n, s, settings) for w, n, s in plan)), *HEAD


def mobilenet_v1():
    plan = [
        (64, 1, 1),
        (128, 1, 2),
        (128, 1, 1),
        (256, 1, 2),
        (256, 1, 1),
        (512, 1, 2),
        (512, 5, 1),
        (1024, 1, 2),
        (1024, 1, 1),
    ]
    return *MOBILE_STEM, *stages(blocks.separable_conv, *((*row, {}) for row in plan)), *HEAD


def mobilenet_v2():
    plan = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    rows = ((out, n, s, {"expand": t, "se": 0, "activation": "relu6"}) for t, out, n, s in plan)
    return *MOBILE_STEM, *stages(blocks.mbconv, *rows), *MOBILE_HEAD


def efficientnet_b0():
    plan = [(1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1), (6, 5, 192, 4, 2),
            (6, 3, 320, 1, 1)]  # fmt: skip
    rows = ((out, n, s, {"expand": t, "kernel": k}) for t, k, out, n, s in plan)
    return *MOBILE_STEM, *stages(blocks.mbconv, *rows), *MOBILE_HEAD


def convnext_tiny():
    parts = [Conv(96, 4, 4, bias=True), LayerNorm2d(), repeat(blocks.convnext(), 3)]
    for width, count in [(192, 3), (384, 9), (768, 3)]:
        parts += [blocks.convnext_downsample(width), repeat(blocks.convnext(), count)]
    return *parts, Mean("h w"), LayerNorm(), Linear(1000)


def vovnet_39():
    parts = [blocks.conv_block(64, 3, 2), blocks.conv_block(64), blocks.conv_block(128, 3, 2)]
    for out, width, count in [(256, 128, 1), (512, 160, 1), (768, 192, 2), (1024, 224, 2)]:
        parts += [*(blocks.one_shot_aggregation(out, width) for _ in range(count)), MaxPool(3, 2)]
    return *parts[:-1], *HEAD


def vit_base():
    return Patchify(16, 768), LearnedPosition(), repeat(blocks.transformer(heads=12), 12), blocks.sequence_head(1000)


CLASS_TOKEN = 2 * 768  # of ViT, with its position: here the mean token answers instead


@pytest.mark.parametrize("network, params", [
    (resnet(blocks.basic_block, (2, 2, 2, 2), (64, 128, 256, 512)), 11_689_512),
    (resnet(blocks.bottleneck_block, (3, 4, 6, 3), (256, 512, 1024, 2048)), 25_557_032),
    (resnet(blocks.bottleneck_block, (3, 4, 6, 3), (256, 512, 1024, 2048), ratio=0.5, groups=32), 25_028_904),
    (mobilenet_v1(), 4_231_976),
    (mobilenet_v2(), 3_504_872),
    (efficientnet_b0(), 5_288_548),
    (convnext_tiny(), 28_589_128),
    (vit_base(), 86_567_656 - CLASS_TOKEN),
], ids=["resnet18", "resnet50", "resnext50", "mobilenet", "mobilenet_v2", "efficientnet_b0", "convnext_tiny",
"vit_base"])  # fmt: skip
def test_parameters_as_published(network, params):
    assert Graph.of(chain(*network), (3, 224, 224)).costs.params == params


@pytest.mark.parametrize("network, published", [
    (resnet(blocks.basic_block, (2, 2, 2, 2), (64, 128, 256, 512)), 1.8e9),
    (mobilenet_v1(), 569e6),
    (mobilenet_v2(), 300e6),
    (efficientnet_b0(), 0.39e9),
    (convnext_tiny(), 4.5e9),
    (vovnet_39(), 7.1e9),
], ids=["resnet18", "mobilenet", "mobilenet_v2", "efficientnet_b0", "convnext_tiny", "vovnet39"])  # fmt: skip
def test_macs_as_in_the_papers(network, published):
    """To the digits that the papers print."""
    assert Graph.of(chain(*network), (3, 224, 224)).costs.macs == pytest.approx(published, rel=0.02)


def test_vovnet_39_has_the_size_of_its_paper():
    assert Graph.of(chain(*vovnet_39()), (3, 224, 224)).costs.params == pytest.approx(22.6e6, rel=0.01)
