"""UViT: one resolution and one width throughout, and what windows save."""

from __future__ import annotations

from nasmyth.measure import macs, params
from nasmyth.spaces import uvit


def test_uvit_keeps_its_resolution_and_its_width():
    space = uvit()
    assert space.size == 5 * 6 * 3 * 3 * 2 * 4 * 4
    for seed in range(5):
        genome = space.sample(seed)
        d, side = 6 * genome["head_width"], genome["resolution"] // 8
        layers = [node.shape for node in space.decode(genome).nodes if type(node.op).__name__ == "SplitAttention"]
        assert layers == [(d, side, side)] * (genome["first"] + genome["second"])


def test_uvit_for_dense_prediction_and_by_hand():
    genome = {"resolution": 896, "head_width": 37, "expand": 4, "first": 9, "near": 4, "second": 9, "far": 1}
    graph = uvit(input=(3, 896, 896), classes=None, resolutions=(896,)).decode(genome)
    d = 222
    assert graph.output == (d, 112, 112)
    assert params(graph) == 192 * d + d + 112**2 * d + 18 * (12 * d * d + 13 * d) + 2 * d
    near = uvit(input=(3, 896, 896), classes=None, resolutions=(896,)).decode({**genome, "far": 2})
    assert macs(graph) - macs(near) == 9 * 2 * 112**4 * d * 3 // 4, "attention within quarters costs a quarter"
