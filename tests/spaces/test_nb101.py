"""NAS-Bench-101: legal cells, their networks, their texts; identity against isomorphism by trying; the published table."""

from __future__ import annotations

import itertools
from random import Random

import pytest
import torch
from isomorphism_toys import partition
from published import few, published

from nasmyth.errors import DataError, GenomeError
from nasmyth.measure import macs, params
from nasmyth.network import build
from nasmyth.spaces import nb101, spaces
from nasmyth.spaces.nb101 import (
    EDGES,
    OPERATIONS,
    VERTICES,
    cell,
    genome,
    least,
    pruned,
    row,
    text,
    widths,
    wiring,
)

C1, C3, POOL = "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"
INCEPTION = "input,conv1x1-bn-relu,conv3x3-bn-relu,conv3x3-bn-relu,conv3x3-bn-relu,maxpool3x3,output "
INCEPTION += "0111010/0000001/0000001/0000100/0000001/0000001/0000000"


def labelled(wired):
    """A cell as labels and edges, for isomorphism by trying."""
    sources, operations = wired
    return ("input", *operations, "output"), {(i, j) for j, arriving in enumerate(sources, 1) for i in arriving}


def cells(vertices):
    """Every cell of so many vertices, in every order: all wirings in which each vertex lies between the ends."""
    choices = [[s for k in range(1, j + 1) for s in itertools.combinations(range(j), k)] for j in range(1, vertices)]
    for sources in itertools.product(*choices):
        if sum(map(len, sources)) <= EDGES and set(itertools.chain(*sources)) == set(range(vertices - 1)):
            for operations in itertools.product(OPERATIONS, repeat=vertices - 2):
                yield sources, operations


def test_every_sample_is_a_legal_cell_and_its_text_leads_back():
    space, rng = nb101(), Random(0)
    assert space.size == 18_766_576
    for seed in range(200):
        one = space.sample(seed)
        if seed % 2:
            one = space.mutate(one, rng)
        sources, operations = pruned(wiring(one))
        assert len(sources) + 1 <= VERTICES and 1 <= sum(map(len, sources)) <= EDGES and all(sources)
        assert all(name in OPERATIONS for name in operations)
        written = text(one)
        back = genome(written)
        assert space.validate(back) == back and text(back) == written
        assert cell(wiring(back)).key == cell(wiring(one)).key


def test_every_cell_is_in_the_space():
    """The decisions reach all cells, so also all classes of them: each text is a genome that stands for it."""
    space = nb101()
    for wired in itertools.chain(cells(2), cells(3), cells(4), itertools.islice(cells(7), 0, 400_000, 997)):
        names = ",".join(("input", *wired[1], "output"))
        n = len(wired[0]) + 1
        rows = "/".join("".join("01"[j > 0 and i in wired[0][j - 1]] for j in range(n)) for i in range(n))
        found = genome(f"{names} {rows}")
        assert wiring(space.validate(found)) == wired


def test_samples_build_and_run():
    named = spaces.get("nb101")
    small = named(**named.small)
    for seed in range(12):
        network = build(small.decode(small.sample(seed)), seed=seed).eval()
        with torch.no_grad():
            answer = network(torch.randn(2, *small.input))
        assert tuple(answer.shape) == (2, 10) and bool(answer.isfinite().all())
        assert sum(p.numel() for p in network.parameters()) == params(network.graph)


def test_channels_are_shared_by_what_the_output_joins():
    """Figure 2 of the paper has no remainder; here 128 among 5 vertices is 26, 26, 26, 25, 25."""
    fan = ((0,), (0,), (0,), (0,), (0,), (1, 2, 3, 4, 5))
    assert widths(fan, 128) == [26, 26, 26, 25, 25]
    behind = ((0,), (1,), (1,), (0, 2, 3))  # vertex 1 is as wide as its widest reader
    assert widths(behind, 7) == [4, 4, 3]


def test_the_published_cell_has_its_published_parameters():
    """The Inception-like cell in the documentation of the benchmark: 2,694,282 trainable parameters."""
    assert params(nb101().decode(genome(INCEPTION))) == 2_694_282


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("input,conv5x5,output 010/001/000", "vertex 1: there is no operation 'conv5x5'"),
        ("conv3x3-bn-relu,output 01/00", "begins with 'input'"),
        ("input,maxpool3x3,output 010/001", "3 operations and 2 rows"),
        ("input,maxpool3x3,output 010/0x1/000", "row 1 is '0x1', expected 3 digits"),
        ("input,maxpool3x3,output 010/101/000", "row 1, column 0: an edge leads to a later vertex"),
        ("input,maxpool3x3,output 010/000/000", "no path leads from the input to the output"),
        (
            "input,maxpool3x3,maxpool3x3,maxpool3x3,output 01111/00111/00011/00001/00000",
            "5 vertices and 10 edges",
        ),
    ],
)
def test_what_is_wrong_with_a_text_is_said(written, said):
    with pytest.raises(GenomeError, match=said):
        genome(written)


# --- identity -----------------------------------------------------------------------------------------------------


def same_partition(wirings):
    """Keys and texts make the same classes as isomorphism by trying; gives their number."""
    first = partition([labelled(pruned(one)) for one in wirings])
    keys = [cell(one).key for one in wirings]
    assert [keys[n] for n in first] == keys, "isomorphic cells have different keys"
    assert len(set(keys)) == len(set(first)), "cells that are not isomorphic share a key"
    texts = [least(one) for one in wirings]
    assert [texts[n] for n in first] == texts and len(set(texts)) == len(set(first))
    return len(set(first))


def test_all_cells_of_up_to_five_vertices():
    """2,532 classes: the published enumeration has as many of these sizes (1, 6, 84, 2,441)."""
    found = [same_partition(list(cells(n))) for n in (2, 3, 4)]
    assert found == [1, 6, 84]
    five = list(cells(5))
    assert len({cell(one).key for one in five}) == 2_441
    assert same_partition(Random(0).sample(five, 1_500)) > 1_000


def bits(*written):
    """Adjacency matrices as the table has them, row after row."""
    return [[int(bit) for bit in one] for one in written]


table = published(
    "nb101_subset.parquet",
    {
        "adjacency": bits(
            "0011000000011000000110000011000000100000000000000", "0000001001011100001000000010000000100000010000000",
            "0101111001111000000100000000000001000000000000000", "0000101001100100001100000110000000100000010000000",
            "0001111000000100001110000001000001000000000000000", "0001011000000100000100000101000001000000000000000",
        ),
        "ops": [["input", *inner, "output"] for inner in (
            (C3, C1, POOL, C3, C3), (C1, C3, C1, C3, C1), (C3, POOL, C3, POOL, POOL),
            (C3, POOL, C3, C1, C1), (C3, C3, C1, C1, C3), (C1, POOL, C1, POOL, C3),
        )],
        "pruned_adjacency": bits("0110000100010000", "0100", "0100", "011001000", "011001000", "011001000"),
        "pruned_ops": [["input", *inner, "output"] for inner in ((C1, POOL), (), (), (C1,), (C1,), (C1,))],
        "val_acc": [88.90224, 83.46354, 83.16306, 84.05449, 84.05449, 83.34335],
        "params": [1.143306, 0.88257, 0.88257, 2.793866, 2.793866, 2.793866],
        "flops": [182.293504, 140.416, 140.416, 429.75744, 429.75744, 429.75744],
    },
)  # fmt: skip
"""Six rows of NASLib's, of three networks."""


def test_cells_of_the_published_table(table):
    import pandas as pd

    rows = pd.read_parquet(table)
    raw = [genome(row(one.adjacency, one.ops)) for one in rows.itertuples()]
    bare = [genome(row(one.pruned_adjacency, one.pruned_ops)) for one in rows.itertuples()]
    assert [text(one) for one in raw] == [text(one) for one in bare], "what dangles makes no difference"
    assert same_partition([wiring(one) for one in raw]) == {6: 3, 500: 292}[len(rows)]


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_table_has_our_parameters_and_macs(table):
    """NASLib's counting: `params` are ours; `flops` are our MACs, and 2 for each number that leaves a norm, 1 for each that
    leaves a ReLU, and for each that leaves a max-pooling as many as its window holds."""
    space = nb101()
    for one in few(table, 60):
        graph = space.decode(genome(row(one.adjacency, one.ops)))
        assert round(one.params * 1e6) == params(graph)
        more = 0
        for node in graph.nodes:
            size = torch.Size(node.shape).numel()
            window = getattr(node.op, "kernel", 1) ** 2
            more += {"BatchNorm": 2, "Activation": 1, "MaxPool": window}.get(type(node.op).__name__, 0) * size
        assert round(one.flops * 1e6) == macs(graph) + more


def test_the_table_reads_with_one_row_a_class(table):
    import pandas as pd

    from nasmyth.bench.table import Table

    rows = pd.read_parquet(table)
    with pytest.raises(DataError, match="partial"):
        Table.read("nb101", table)
    read = Table.read("nb101", table, partial=True)
    assert len(read) == {6: 3, 500: 292}[len(rows)] == len(read.columns["val_acc"])
    same = [one.val_acc for one in rows.itertuples() if len(one.pruned_ops) == 2]
    assert len(same) in (2, 55) and min(same) < max(same)
    assert read.row(genome("input,output 01/00"))["val_acc"] == pytest.approx(sum(same) / len(same))
