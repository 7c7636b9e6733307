"""As-ViT: its size, its notation, the networks that it found and grew."""

from __future__ import annotations

import pytest

from nasmyth.blocks import split_transformer
from nasmyth.errors import GenomeError, ShapeError
from nasmyth.graph import Graph
from nasmyth.measure import macs, params
from nasmyth.spaces import as_vit
from nasmyth.spaces.as_vit import genome as as_vit_genome
from nasmyth.spaces.as_vit import text as as_vit_text

SEED = "8,2,3|4,1,2|4,1,4|4,1,6|32"


def test_as_vit_size_and_notation():
    space = as_vit()
    assert space.size == (5 * 3**3) * (3 * 3 * 2) * 5**4 * 3
    for seed in range(20):
        genome = space.sample(seed)
        assert as_vit_genome(as_vit_text(genome)) == genome
    assert as_vit_text(as_vit_genome(SEED)) == SEED


@pytest.mark.parametrize(
    ("depths", "width", "millions", "giga"),
    [((3, 1, 4, 2), 88, 29.0, 5.3), ((3, 1, 5, 2), 116, 52.6, 8.9), ((5, 2, 5, 2), 180, 88.1, 22.6)],
    ids=["Small", "Base", "Large"],
)
def test_published_as_vits(depths, width, millions, giga):
    graph = as_vit(depths=depths, width=width).decode(as_vit_genome(SEED))
    assert params(graph) / 1e6 == pytest.approx(millions, rel=0.01)
    assert macs(graph) / 1e9 == pytest.approx(giga, rel=0.04)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SEED.replace("4,1,4", "5,1,4"), "stage 3: kernel 5 is not among 2, 3, 4"),
        (SEED.replace("4,1,6", "4,2,6"), "stage 4: split 2 is not among 1"),
        (SEED.replace("4,1,2", "4,1"), "stage 2: '4,1', expected 'kernel,split,expansion'"),
        (SEED.removesuffix("|32"), "expected 4 stages"),
    ],
)
def test_what_is_wrong_with_an_as_vit_is_said(text, said):
    with pytest.raises(GenomeError, match=said):
        as_vit_genome(text)


def test_local_attention_needs_parts_of_one_size():
    with pytest.raises(ShapeError, match="not a multiple of 4"):
        Graph.of(split_transformer(heads=2, split=4), (4, 6, 6))
