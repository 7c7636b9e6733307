"""NAS-Bench-Graph: which architectures are the same, against the published table; and layers that read edges."""

from __future__ import annotations

from collections import Counter
from itertools import product
from random import Random

import pytest
import torch
from published import few, file, published

from nasmyth.errors import GenomeError, SpaceError
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import MessagePassing
from nasmyth.spaces import nas_bench_graph
from nasmyth.spaces.nas_bench_graph import LINKS, OPERATIONS, genome, row, text

NUMBER = {
    "0-0-0-0": 330, "0-0-0-1": 2304, "0-0-1-1": 2880, "0-0-1-2": 2080, "0-0-1-3": 4096, "0-1-1-1": 1440, "0-1-1-2": 5120,
    "0-1-2-2": 3276, "0-1-2-3": 4680,
}  # fmt: skip
"""Architectures of each link structure that the benchmark trained."""


def key(written):
    return nas_bench_graph(input=(10, 4)).decode(genome(written)).key


def test_size_and_notation():
    space = nas_bench_graph()
    assert space.size == len(LINKS) * len(OPERATIONS) ** 4 == 59_049
    for seed in range(200):
        one = space.sample(seed)
        back = genome(text(one))
        assert space.validate(back) == back and text(back) == text(one)
        assert space.decode(back) == space.decode(one), "one text, one network"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0-1-2-1 gcn-gin-fc-cheb", "0-1-1-2 gcn-gin-cheb-fc"),  # the order of nodes
        ("0-0-0-0 gcn-gat-fc-gin", "0-0-0-0 gin-fc-gat-gcn"),  # the order of equals
        ("0-1-2-3 gcn-skip-gat-fc", "0-1-2-3 skip-gcn-gat-fc"),  # a skip on the way is none
        ("0-1-2-3 gcn-gat-fc-skip", "0-1-2-3 skip-gcn-gat-fc"),  # nor is one at the end
        ("0-0-1-3 gcn-skip-gat-fc", "0-1-2-3 skip-gcn-gat-fc"),  # nor one straight from the input to the answer
        ("0-0-0-0 skip-skip-skip-skip", "0-1-2-3 skip-skip-skip-skip"),
    ],
)
def test_the_same_network(one, other):
    assert text(genome(one)) == text(genome(other))
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0-1-1-2 gcn-skip-gat-fc", "0-1-2-3 skip-gcn-gat-fc"),
        ("0-1-1-1 skip-gcn-skip-gat", "0-1-1-1 skip-gcn-gat-gat"),
        ("0-0-1-2 gcn-gat-fc-gin", "0-0-1-2 gcn-gat-gin-fc"),
        ("0-1-2-2 skip-gcn-skip-skip", "0-1-2-3 skip-skip-skip-gcn"),  # its output twice, or once
    ],
)
def test_other_networks(one, other):
    assert text(genome(one)) != text(genome(other))
    assert key(one) != key(other)


def test_as_many_differ_as_were_trained():
    """And the network without layers, which the benchmark lacks. All 59,049 genomes: our texts are as many as its rows."""
    every = {text(genome(f"{links} {'-'.join(ops)}")) for links in LINKS for ops in product(OPERATIONS, repeat=4)}
    every.remove("0-1-2-3 skip-skip-skip-skip")
    assert Counter(one.split()[0] for one in every) == NUMBER and sum(NUMBER.values()) == 26_206


table = published(
    "nasbench_graph_cora.parquet",
    {
        "link": ["0-0-0-1", "0-0-1-3", "0-0-1-3", "0-1-2-2", "0-1-2-2", "0-0-0-0"],
        "ops": ["gat-gat-fc-cheb", "gin-gin-gcn-gcn", "arma-gat-gcn-gcn", "fc-sage-arma-fc", "fc-gat-graph-graph",
                "gat-gat-gat-gcn"],
        "valid": [0.788, 0.79133, 0.76133, 0.75867, 0.79667, 0.77267],
    },
)  # fmt: skip
"""Six rows of NAS-Bench-Graph on Cora."""


def test_the_published_architectures_are_ours(table):
    """A row is the text of its own genome, and no two have one key. On a part of them; benchmarks/identity.py takes all."""
    space = nas_bench_graph(input=(10, 4))
    rows = [row(one.link, one.ops) for one in few(table, 800)]
    assert [text(genome(one)) for one in rows] == rows
    assert len({space.decode(genome(one)).key for one in rows}) == len(rows) > 5


def test_a_genome_leads_to_a_published_row():
    import pandas as pd

    rows = pd.read_parquet(file("nasbench_graph_cora.parquet"), columns=["link", "ops"])
    known = {row(*one) for one in zip(rows.link, rows.ops, strict=True)}
    rng = Random(0)
    drawn = (f"{rng.choice(LINKS)} {'-'.join(rng.choices(OPERATIONS, k=4))}" for _ in range(4_000))
    some = {text(genome(one)) for one in drawn}
    some.add(text(genome("0-0-0-0 skip-skip-skip-skip")))
    assert some - known == {"0-1-2-3 skip-skip-skip-skip"} and len(some) > 2_000


def test_the_table_reads(table):
    from nasmyth.bench.table import Table

    read = Table.read("nas_bench_graph", table, partial=True)
    assert len(read) in (6, 26_206)
    assert read.row(genome("0-0-1-3 gin-gin-gcn-gcn"))["valid"] == pytest.approx(0.79133, abs=1e-5)
    assert all(0.15 < valid < 0.85 for valid in read.columns["valid"])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0-1-1-2 gcn-gat-skip-mlp", "node 4: there is no operation 'mlp'"),
        ("0-1-1-4 gcn-gat-skip-fc", r"node 4 cannot read '4' \(0 to 3\)"),
        ("0-1-1 gcn-gat-skip", "expected 4 links and 4 operations"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(written, said):
    with pytest.raises(GenomeError, match=said):
        genome(written)


def test_without_edges_a_network_is_keyed_and_drawn_and_does_not_run():
    graph = nas_bench_graph(input=(10, 4)).decode(genome("0-0-1-3 gcn-fc-skip-gat"))
    assert graph.output == (10, 7) and Graph.from_json(graph.to_json()).key == graph.key
    assert "MessagePassing" in str(graph)
    assert "MessagePassing" in graph.dot()
    with pytest.raises(ValueError, match="needs the edges of the graph"):
        build(graph)(torch.zeros(1, 10, 4))
    with pytest.raises(SpaceError, match="kind is one of gat, gcn"):
        Graph.of(chain(MessagePassing("gcm")), (4, 3))
