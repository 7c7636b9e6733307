"""AutoFormer: the sizes of its spaces, its notation, the network that it found."""

from __future__ import annotations

import pytest

from nasmyth.errors import GenomeError
from nasmyth.measure import macs, params
from nasmyth.spaces import autoformer
from nasmyth.spaces.autoformer import BASE, SMALL
from nasmyth.spaces.autoformer import genome as autoformer_genome
from nasmyth.spaces.autoformer import text as autoformer_text

AUTOFORMER_T = "192|3x3.5,3x3.5,3x3,3x3.5,3x3,3x3,3x4,3x4,3x3.5,3x4,4x3.5,3x4,3x3.5"
AUTOFORMER_S = "384|6x3,6x3.5,5x3,7x3.5,5x4,5x4,5x4,6x4,6x4,7x4,7x4,6x3.5,7x4"
AUTOFORMER_B = "576|9x3.5,9x3.5,9x4,9x3.5,9x4,10x3.5,9x3.5,9x3,10x4,9x4,10x3,9x4,9x3,10x3.5"


def test_sizes_of_the_autoformer_spaces():
    assert autoformer().size == 3 * (4**12 + 4**13 + 4**14)
    assert autoformer(**SMALL).size == 3 * (9**12 + 9**13 + 9**14)
    assert autoformer(**BASE).size == 3 * (9**14 + 9**15 + 9**16)


def test_autoformer_notation():
    for space in (autoformer(), autoformer(**SMALL)):
        for seed in range(10):
            genome = space.sample(seed)
            assert autoformer_genome(autoformer_text(genome)) == genome
    assert autoformer_text(autoformer_genome(AUTOFORMER_T)) == AUTOFORMER_T


@pytest.mark.parametrize(
    ("arguments", "text", "millions", "giga"),
    [
        ({"ratios": (3.0, 3.5, 4.0)}, AUTOFORMER_T, 5.7, 1.3),
        (SMALL, AUTOFORMER_S, 22.9, 5.1),
        (BASE, AUTOFORMER_B, 54.0, 11.0),
    ],
    ids="TSB",
)
def test_the_networks_that_autoformer_found(arguments, text, millions, giga):
    """The figures of the paper, without what relative positions cost; the tiny one has a ratio below those of table 1."""
    graph = autoformer(**arguments).decode(autoformer_genome(text))
    assert params(graph) / 1e6 == pytest.approx(millions, rel=0.015)
    assert macs(graph) / 1e9 == pytest.approx(giga, rel=0.07)


def test_the_spaces_hold_networks_of_the_published_sizes():
    """Table 1 of the paper: 4 to 9 M, 14 to 34 M, 42 to 75 M."""
    for space, low, high in (
        (autoformer(), 4e6, 9e6),
        (autoformer(**SMALL), 14e6, 34e6),
        (autoformer(**BASE), 42e6, 75e6),
    ):
        found = [params(space.decode(space.sample(seed))) for seed in range(20)]
        assert low < min(found) and max(found) < high


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AUTOFORMER_T.replace("4x3.5", "4-3.5"), "layer 10: '4-3.5', expected heads x ratio"),
        (AUTOFORMER_T.removeprefix("192|"), "expected the width and '|'"),
    ],
)
def test_what_is_wrong_with_an_autoformer_is_said(text, said):
    with pytest.raises(GenomeError, match=said):
        autoformer_genome(text)


def test_unknown_decisions_are_said_by_the_space():
    with pytest.raises(GenomeError, match=r"layers\[0\].mixer.heads: 9 is not among the options \[3, 4\]"):
        autoformer().decode(autoformer_genome("192|" + ",".join(["9x4"] * 12)))
