"""What the chains of mobile networks share: strides, widths, notation."""

from __future__ import annotations

import pytest

from nasmyth.blocks.inverted import inverted_residual, round_to
from nasmyth.errors import GenomeError, SpaceError
from nasmyth.graph import Graph
from nasmyth.spaces.chains import firsts, fitting_strides, layer_notation, layered, scaled

STRIDES = (2, 1, 2, 2, 2, 1, 2, 1)


@pytest.mark.parametrize(
    ("side", "halvings"), [(224, 5), (128, 5), (127, 4), (64, 4), (32, 3), (28, 2), (16, 2), (8, 1), (7, 0), (2, 0)]
)
def test_an_image_is_halved_as_often_as_leaves_four_pixels(side, halvings):
    found = fitting_strides(STRIDES, side)
    assert found.count(2) == halvings and len(found) == len(STRIDES)
    assert side / 2**halvings >= 4 or halvings == 0
    kept = [i for i, stride in enumerate(found) if stride == 2]
    assert kept == [i for i, stride in enumerate(STRIDES) if stride == 2][5 - halvings :]  # the last ones


def test_widths_are_rounded_as_mobilenets_are():
    assert [round_to(w) for w in (1, 11, 12, 16, 17, 91)] == [8, 16, 16, 16, 16, 88]
    assert round_to(19) == 24, "16 would be less than nine tenths of 19"
    assert all(round_to(w) % 8 == 0 and round_to(w) >= 0.9 * w for w in range(1, 300))
    assert scaled((16, 24), 1.0) == (16, 24) and scaled((16, 24), 0.5) == (8, 16)


def test_layers_and_their_notation():
    made = layered((2, 1), (8, 16), (2, 1), lambda out, stride, first: (out, stride, first))
    assert made == [(8, 2, True), (8, 1, False), (16, 1, True)]
    assert firsts((2, 1)) == [first for _, _, first in made]
    notation = layer_notation([("a", "b"), ("a", "b", "skip")])
    assert notation.genome("b|skip") == {"layers[0]": 1, "layers[1]": 2}
    assert notation.text(notation.genome("b|skip")) == "b|skip"
    with pytest.raises(GenomeError, match="layer 0: there is no operation 'skip'"):
        notation.genome("skip|a")
    with pytest.raises(GenomeError, match="has 3 layers joined by '|', this space has 2"):
        notation.genome("a|a|a")


def test_squeeze_excite_is_a_share_of_something_known():
    with pytest.raises(SpaceError, match="'middle' or the 'input'"):
        Graph.of(inverted_residual(8, se=0.25, se_of="outside"), (8, 4, 4))
