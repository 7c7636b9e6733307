"""Plain vision transformers: published networks, and one by hand."""

from __future__ import annotations

import pytest

from nasmyth.measure import macs, params
from nasmyth.spaces import vit


@pytest.mark.parametrize(
    ("heads", "depth", "known", "giga"),
    [(3, 12, 5_717_416, 1.25), (6, 12, 22_050_664, 4.6), (12, 12, 86_567_656, 17.6), (16, 24, 304_326_632, 61.6)],
    ids=["DeiT-Ti", "DeiT-S", "ViT-B", "ViT-L"],
)
def test_published_transformers(heads, depth, known, giga):
    genome = {"resolution": 224, "patch": 16, "heads": heads, "expand": 4, "depth": depth}
    graph = vit().decode(genome)
    assert params(graph) == known
    assert macs(graph) / 1e9 == pytest.approx(giga, rel=0.005)


def test_a_transformer_by_hand():
    space = vit()
    assert space.size == 4 * 2 * 7 * 3 * 8
    d, tokens, depth, expand = 128, (160 // 32) ** 2 + 1, 6, 3
    graph = space.decode({"resolution": 160, "patch": 32, "heads": 2, "expand": expand, "depth": depth})
    layer = 4 * d * d + 4 * d + 2 * expand * d * d + (expand + 1) * d + 4 * d
    assert params(graph) == 3 * 32 * 32 * d + d + d + tokens * d + depth * layer + 2 * d + (d + 1) * 1000
    work = tokens * d * d * (4 + 2 * expand) + 2 * tokens * tokens * d
    assert macs(graph) == 3 * 160 * 160 * d + depth * work + d * 1000
