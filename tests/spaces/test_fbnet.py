"""FBNet: its size, its published networks, its notation; and, where it is, the published table."""

from __future__ import annotations

import itertools

import pytest
from published import few, published

from nasmyth.errors import GenomeError
from nasmyth.measure import macs, params
from nasmyth.spaces import fbnet
from nasmyth.spaces.fbnet import NAMES, notation, published_flops

FBNET_A = (
    "skip|k3_e3|k3_e1|skip|skip|k5_e6|k3_e3|k5_e1|k3_e3|k5_e6|k5_e3|k5_e1_g2|k5_e6|"
    "k3_e6|k5_e1_g2|k5_e3|k3_e1_g2|k5_e6|k5_e6|k5_e3|k5_e6|k5_e6"
)
FBNET_C = (
    "k3_e1|k3_e6|skip|k3_e1|k3_e1|k5_e6|k5_e3|k5_e6|k3_e6|k5_e6|k5_e3|k5_e6|k5_e6|"
    "k5_e6|k5_e6|k5_e6|k5_e3|k5_e6|k5_e6|k5_e6|k5_e6|k3_e6"
)


def test_size_and_notation():
    space = fbnet()
    assert space.size == 9**22
    for seed in range(20):
        genome = space.sample(seed)
        assert notation.genome(notation.text(genome)) == genome
    assert notation.text(notation.genome(FBNET_A)) == FBNET_A


def test_published_networks():
    """The paper: FBNet-A has 4.3 M parameters and 249 M MACs, FBNet-C 5.5 M and 375 M."""
    small = fbnet().decode(notation.genome(FBNET_A))
    assert params(small) == pytest.approx(4.3e6, rel=0.01) and macs(small) == pytest.approx(249e6, rel=0.01)
    large = fbnet(head=1984).decode(notation.genome(FBNET_C))
    assert params(large) == pytest.approx(5.5e6, rel=0.03) and macs(large) == pytest.approx(375e6, rel=0.03)


def test_a_network_of_skips_by_hand():
    """A stem, the 1x1 convolutions where channels change, the last convolution, the classifier."""
    graph = fbnet(input=(3, 32, 32), classes=100).decode(notation.genome("|".join(["skip"] * 22)))
    widths = (16, 24, 32, 64, 112, 184, 352)
    changes = sum(a * b + 2 * b for a, b in itertools.pairwise(widths))
    assert params(graph) == 3 * 16 * 9 + 32 + changes + 352 * 1504 + 2 * 1504 + 1505 * 100 == 780_660
    areas = (1024, 256, 64, 64, 16, 16)
    moved = sum(a * b * area for a, b, area in zip(widths, widths[1:], areas, strict=False))
    assert macs(graph) == 3 * 16 * 9 * 1024 + moved + 352 * 1504 * 16 + 1504 * 100


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FBNET_A.replace("|k5_e6|k3_e3", "|k7_e6|k3_e3", 1), "layer 5: there is no operation 'k7_e6'.*did you mean"),
        (FBNET_A.removeprefix("skip|"), "has 21 layers joined by '|', this space has 22"),
        ("", "has 1 layers"),
    ],
)
def test_what_is_wrong_with_a_network_is_said(text, said):
    with pytest.raises(GenomeError, match=said):
        notation.genome(text)


table = published(
    "fbnet_latency_zc.parquet",
    {
        "op_idx": [
            [5, 7, 2, 8, 4, 5, 8, 0, 6, 3, 1, 4, 5, 6, 3, 1, 2, 3, 2, 7, 1, 0],
            [7, 2, 7, 0, 0, 5, 4, 5, 3, 2, 2, 4, 1, 4, 3, 8, 6, 0, 6, 2, 0, 1],
            [0, 3, 3, 4, 7, 0, 3, 3, 2, 3, 1, 3, 6, 8, 7, 8, 6, 3, 1, 3, 0, 3],
        ],
        "op_names": [
            "k5_e1_g2|k5_e6|k3_e3|skip|k5_e1|k5_e1_g2|skip|k3_e1|k5_e3|k3_e6|k3_e1_g2|k5_e1|k5_e1_g2|k5_e3|k3_e6|"
            "k3_e1_g2|k3_e3|k3_e6|k3_e3|k5_e6|k3_e1_g2|k3_e1",
            "k5_e6|k3_e3|k5_e6|k3_e1|k3_e1|k5_e1_g2|k5_e1|k5_e1_g2|k3_e6|k3_e3|k3_e3|k5_e1|k3_e1_g2|k5_e1|k3_e6|"
            "skip|k5_e3|k3_e1|k5_e3|k3_e3|k3_e1|k3_e1_g2",
            "k3_e1|k3_e6|k3_e6|k5_e1|k5_e6|k3_e1|k3_e6|k3_e6|k3_e3|k3_e6|k3_e1_g2|k3_e6|k5_e3|skip|k5_e6|skip|"
            "k5_e3|k3_e6|k3_e1_g2|k3_e6|k3_e1|k3_e6",
        ],
        "params": [2_041_300.0, 1_626_492.0, 2_466_420.0],
        "flops": [69_611_136.0, 69_206_400.0, 99_119_488.0],
        "raspi4": [32.62295, 33.88911, 46.03113],
    },
)
"""Three rows of those that HELP measured."""


def test_the_published_table_has_our_parameters_and_its_own_flops(table):
    """Parameters are equal; FLOPs are, once counted as the table does (see `published_flops`)."""
    space = fbnet(input=(3, 32, 32), classes=100)
    for row in few(table, 200):
        genome = notation.genome(row.op_names)
        assert list(genome.values()) == list(row.op_idx), "options stand in the order of the table's numbers"
        graph = space.decode(genome)
        assert params(graph) == row.params
        assert published_flops(graph) == row.flops
        assert macs(graph) < row.flops < 1.2 * macs(graph)


def test_the_published_table_can_be_searched(table):
    from nasmyth.bench import Table
    from nasmyth.search import Random

    read = Table.read("fbnet", table, partial=True)
    assert len(read) in (3, 5000) and set(NAMES) == {name for text in read.index for name in text.split("|")}
    assert read.row(notation.genome(next(iter(read.index))))["params"] in (2_041_300, 1_790_500)
    study = read.study("raspi4", strategy=Random())
    read.run(study, queries=3)
    assert len(study.trials) == 3
    assert all(trial.error for trial in study.trials), "three random networks are not among 5,000 of 10^21"
