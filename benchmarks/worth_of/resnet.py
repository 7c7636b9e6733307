"""A small residual network for images, as a person would write one: width, depth, stages, and the stride of its stem."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import basic_block, conv_block, image_head
from nasmyth.graph import Graph, chain, repeat

WIDTHS = (1, 2, 3, *range(4, 32, 2), *range(32, 129, 8))


def resnet(task: Any, width: int, depth: int = 1, stages: int = 3, stem: int = 1) -> Graph:
    """`stages` of `depth` blocks; each but the first halves the image and doubles the width."""
    parts = []
    for stage in range(stages):
        out, stride = width * 2**stage, 2 if stage else 1
        parts.append(chain(basic_block(out, 3, stride), repeat(basic_block(out, 3), depth - 1)))
    template = chain(conv_block(width, stride=stem), *parts, image_head(task.outputs.size))
    return Graph.of(template, task.input)
