"""FBNet: its size, its published networks, its notation; and, where it is, the published table."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from nasmyth.errors import GenomeError
from nasmyth.measure import macs, params
from nasmyth.spaces import fbnet
from nasmyth.spaces.fbnet import NAMES, notation, published_flops

TABLE = Path(__file__).parents[3] / "shared/data/fbnet_latency_zc.parquet"
needs_table = pytest.mark.skipif(not TABLE.exists(), reason="the published table is not here")

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


@needs_table
def test_the_published_table_has_our_parameters_and_its_own_flops():
    """200 rows: parameters are equal; FLOPs are, once counted as the table does (see `published_flops`)."""
    import pandas as pd

    table = pd.read_parquet(TABLE, columns=["op_idx", "op_names", "params", "flops"])
    space = fbnet(input=(3, 32, 32), classes=100)
    for row in table.sample(200, random_state=0).itertuples():
        genome = notation.genome(row.op_names)
        assert list(genome.values()) == list(row.op_idx), "options stand in the order of the table's numbers"
        graph = space.decode(genome)
        assert params(graph) == row.params
        assert published_flops(graph) == row.flops
        assert macs(graph) < row.flops < 1.2 * macs(graph)


@needs_table
def test_the_published_table_can_be_searched():
    from nasmyth.bench import Table
    from nasmyth.search import Random

    table = Table.read("fbnet", TABLE, partial=True)
    assert len(table) == 5000 and set(NAMES) == {name for text in table.index for name in text.split("|")}
    genome = notation.genome(next(iter(table.index)))
    assert table.row(genome)["params"] == 1_790_500
    study = table.study("raspi4", strategy=Random())
    table.run(study, queries=3)
    assert all(trial.error for trial in study.trials), "three random networks are not among 5,000 of 10^21"
