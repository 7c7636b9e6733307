"""Once-for-all: its size, its notation, its costs by hand; and, where it is, the published table."""

from __future__ import annotations

from pathlib import Path

import pytest
from published import published

from nasmyth.errors import GenomeError
from nasmyth.measure import macs, params
from nasmyth.spaces import ofa
from nasmyth.spaces.ofa import genome, row, text

ONE = "r204|k7e6,k5e4|k5e4,k5e6|k7e6,k7e3|k5e4,k7e3|k5e3,k7e6,k3e3"


def network(size: int, depth: int, layer: str) -> str:
    return "|".join([f"r{size}", *[",".join([layer] * depth)] * 5])


def test_size_and_notation():
    space = ofa()
    assert space.size == 25 * (9**2 + 9**3 + 9**4) ** 5
    for seed in range(20):
        one = space.sample(seed)
        assert genome(text(one)) == one == space.validate(genome(text(one)))
    assert text(genome(ONE)) == ONE


def test_a_row_of_a_table_is_read_up_to_the_depth_of_each_stage():
    kernels, expansions = [7, 5, 3, 3] * 4 + [5, 7, 3, 5], [6, 4, 3, 3] * 4 + [3, 6, 3, 4]
    assert row(kernels, expansions, [2, 2, 2, 2, 3], 204) == "r204|" + "k7e6,k5e4|" * 4 + "k5e3,k7e6,k3e3"
    beyond = row([7, 5, 7, 7] * 4 + [5, 7, 3, 7], [6, 4, 6, 6] * 4 + [3, 6, 3, 6], [2, 2, 2, 2, 3], 204)
    assert beyond == row(kernels, expansions, [2, 2, 2, 2, 3], 204)


def mobile(c: int, out: int, expand: int, kernel: int, squeezed: bool) -> int:
    """Parameters of one layer: three convolutions, three norms, and the two layers of squeeze-excite."""
    middle = c * expand
    narrow = min(n for n in range(8, 1000, 8) if n >= 0.9 * middle / 4 and n + 4 > middle / 4)
    excite = 2 * middle * narrow + middle + narrow if squeezed else 0
    return c * middle + middle * kernel**2 + middle * out + 2 * (2 * middle + out) + excite


@pytest.mark.parametrize(("depth", "kernel", "expand", "known"), [(4, 7, 6, 7_664_760), (2, 3, 3, 3_410_792)])
def test_the_largest_and_the_smallest_network_by_hand(depth, kernel, expand, known):
    graph = ofa().decode(genome(network(224, depth, f"k{kernel}e{expand}")))
    widths = (16, 24, 40, 80, 112, 160)
    total = 3 * 16 * 9 + 32 + 16 * 9 + 16 * 16 + 64
    for c, out, squeezed in zip(widths, widths[1:], (False, True, False, True, True), strict=False):
        total += mobile(c, out, expand, kernel, squeezed) + (depth - 1) * mobile(out, out, expand, kernel, squeezed)
    total += 160 * 960 + 2 * 960 + 960 * 1280 + 1281 * 1000
    assert params(graph) == total == known


def test_a_published_network():
    """The one specialised for 31 ms on a Galaxy Note8: 4.6 M parameters, about 105 M FLOPs with norms and activations."""
    found = "r152|k5e3,k3e3|k5e4,k5e3|k3e4,k3e4,k5e4|k3e4,k5e3,k7e4|k3e6,k3e3,k5e3,k5e3"
    graph = ofa().decode(genome(found))
    assert params(graph) == pytest.approx(4.6e6, rel=0.005)
    assert 0.95 < macs(graph) / 105.4e6 < 1


def test_resolution_is_part_of_the_network():
    space = ofa()
    small, large = (space.decode(genome(network(size, 2, "k3e3"))) for size in (128, 224))
    assert params(small) == params(large)
    assert macs(large) / macs(small) == pytest.approx((224 / 128) ** 2, rel=0.05)
    assert small.nodes[1].shape == (3, 128, 128) and small.key != large.key


def test_small_images_and_widths():
    assert ofa(input=(3, 32, 32)).holes["resolution"].options == (32,)
    assert ofa(input=(3, 160, 200)).holes["resolution"].options == tuple(range(128, 161, 4))
    wider = ofa(width=1.2).decode(genome(ONE))
    assert 1.2 < params(wider) / params(ofa().decode(genome(ONE))) < 1.6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (ONE.replace("k5e4,k5e6", "k5e5,k5e6"), "stage 2, layer 1: 'k5e5', expected"),
        (ONE.replace("k7e6,k5e4|", "k7e6|"), "stage 1 .* has 1 layers and must have 2 to 4"),
        (ONE.removeprefix("r204|"), "starts with 'k7e6,k5e4', expected the resolution"),
        (ONE + "|k3e3,k3e3", "has 6 stages behind its resolution, this space has 5"),
    ],
)
def test_what_is_wrong_with_a_network_is_said(wrong, said):
    with pytest.raises(GenomeError, match=said):
        genome(wrong)
    with pytest.raises(GenomeError, match="resolution: 225 is not among the options"):
        ofa().decode(genome(ONE.replace("r204", "r225")))


def digits(*written: str) -> list[list[int]]:
    return [[int(digit) for digit in one] for one in written]


table = published(
    "ofa_latency.parquet",
    {
        "ks": digits("37377357577737735573", "35753777335775737755", "75555555537777377757", "35377373573533735557",
                     "53537553355573535737", "77553775335753573557", "35377355555733777573", "33353535533537375735"),
        "e": digits("64336644463444666446", "46346343664364463636", "46666663643636666636", "43333443346643634336",
                    "43436366344464443466", "44664334433363434344", "34364434344634646633", "36646636336463333336"),
        "d": digits("33324", "23334", "44444", "22344", "43322", "23242", "32432", "23323"),
        "r": [160, 168, 212, 128, 172, 224, 204, 196],
        "v100_64": [17.338, 19.356, 42.633, 11.144, 17.474, 24.832, 22.776, 18.511],
    },
)  # fmt: skip
"""Eight rows of those that HELP measured."""


def test_the_published_table(table: Path) -> None:
    """All rows are networks of the space, and our MACs put them in the order of their latencies in large batches."""
    from nasmyth.bench import Table

    read = Table.read("ofa", table, partial=True)
    assert len(read) in (8, 5000)
    space, seen = ofa(), list(read.index)[:150]
    work = [macs(space.decode(genome(one))) for one in seen]
    taken = [read.row(genome(one))["v100_64"] for one in seen]
    assert spearman(work, taken) > 0.97


def spearman(a: list[float], b: list[float]) -> float:
    """The correlation of ranks, where none are tied."""
    ranks = [{i: rank for rank, i in enumerate(sorted(range(len(x)), key=x.__getitem__))} for x in (a, b)]
    n = len(a)
    return 1 - 6 * sum((ranks[0][i] - ranks[1][i]) ** 2 for i in range(n)) / (n * (n**2 - 1))
