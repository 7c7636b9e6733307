"""Single-Path NAS: its size, and the network that it found, to the last parameter."""

from __future__ import annotations

import pytest

from nasmyth.errors import GenomeError
from nasmyth.measure import macs, params
from nasmyth.spaces import single_path
from nasmyth.spaces.single_path import notation

FOUND = (
    "k3_e3|k3_e3|k3_e3|skip|k5_e6|k3_e3|k3_e3|k3_e3|k5_e6|k3_e3|k3_e3|k3_e3|"
    "k5_e6|k5_e3|k5_e3|k5_e3|k5_e6|k5_e6|k5_e6|k5_e6|k3_e6"
)


def test_size_and_notation():
    space = single_path()
    assert space.size == 4**6 * 5**15
    for seed in range(20):
        genome = space.sample(seed)
        assert notation.genome(notation.text(genome)) == genome


def test_the_published_network():
    """4.4 M parameters; 4,421,616 in the usual implementation."""
    graph = single_path().decode(notation.genome(FOUND))
    assert params(graph) == 4_421_616
    assert macs(graph) == pytest.approx(333e6, rel=0.005)


def test_choices_are_nested():
    """Of two networks that differ in one layer, the one with the larger kernel or expansion has more of everything."""
    space = single_path(input=(3, 32, 32))
    base = notation.genome("|".join(["k3_e3"] * 21))
    for layer in range(21):
        costs = [params(space.decode({**base, f"layers[{layer}]": option})) for option in range(4)]
        assert costs[0] < costs[2] and costs[1] < costs[3]  # the kernel
        assert costs[0] < costs[1] and costs[2] < costs[3]  # the expansion


def test_what_is_wrong_is_said():
    with pytest.raises(GenomeError, match="layer 2: there is no operation 'k9_e3'"):
        notation.genome(FOUND.replace("k3_e3|skip", "k9_e3|skip"))
