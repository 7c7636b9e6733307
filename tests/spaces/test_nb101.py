"""NAS-Bench-101: legal cells, their networks, their texts; identity against isomorphism by trying; the published table."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

import pytest
import torch
from isomorphism_toys import partition

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

TABLE = Path(__file__).parents[3] / "shared/data/nb101_subset.parquet"
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


@pytest.mark.skipif(not TABLE.exists(), reason="the published table is not here")
def test_cells_of_the_published_table():
    import pandas as pd

    table = pd.read_parquet(TABLE)
    raw = [genome(row(one.adjacency, one.ops)) for one in table.itertuples()]
    bare = [genome(row(one.pruned_adjacency, one.pruned_ops)) for one in table.itertuples()]
    assert [text(one) for one in raw] == [text(one) for one in bare], "what dangles makes no difference"
    assert same_partition([wiring(one) for one in raw]) == 292


# --- the table ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not TABLE.exists(), reason="the published table is not here")
def test_the_table_has_our_parameters_and_macs():
    """NASLib's counting: `params` are ours; `flops` are our MACs, and 2 for each number that leaves a norm, 1 for each that
    leaves a ReLU, and for each that leaves a max-pooling as many as its window holds."""
    import pandas as pd

    space = nb101()
    for one in pd.read_parquet(TABLE).sample(60, random_state=0).itertuples():
        graph = space.decode(genome(row(one.adjacency, one.ops)))
        assert round(one.params * 1e6) == params(graph)
        more = 0
        for node in graph.nodes:
            size = torch.Size(node.shape).numel()
            window = getattr(node.op, "kernel", 1) ** 2
            more += {"BatchNorm": 2, "Activation": 1, "MaxPool": window}.get(type(node.op).__name__, 0) * size
        assert round(one.flops * 1e6) == macs(graph) + more


@pytest.mark.skipif(not TABLE.exists(), reason="the published table is not here")
def test_the_table_reads_with_one_row_a_class():
    from nasmyth.bench.table import Table

    with pytest.raises(DataError, match="partial"):
        Table.read("nb101", TABLE)
    table = Table.read("nb101", TABLE, partial=True)
    assert len(table) == 292 == len(table.columns["val_acc"])
    found = table.row(genome("input,output 01/00"))["val_acc"]
    assert 83.16 < found < 83.59, "the mean of 55 rows, of three trainings"
