"""NAS-Bench-Graph: which architectures are the same, against the published table; and layers that read edges."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import torch

from nasmyth.errors import GenomeError, SpaceError
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import MessagePassing
from nasmyth.spaces import nas_bench_graph
from nasmyth.spaces.nas_bench_graph import LINKS, OPERATIONS, genome, row, text

TABLE = Path(__file__).parents[3] / "shared/data/nasbench_graph_cora.parquet"


def key(written):
    return nas_bench_graph(input=(10, 4)).decode(genome(written)).key


def test_size_and_notation():
    space = nas_bench_graph()
    assert space.size == len(LINKS) * len(OPERATIONS) ** 4 == 59_049
    for seed in range(200):
        one = space.sample(seed)
        back = genome(text(one))
        assert space.checked(back) == back and text(back) == text(one)
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


@pytest.mark.skipif(not TABLE.exists(), reason="the published table is not here")
def test_the_published_architectures_are_ours_and_all_there_are():
    """Every row is the text of its own genome, and a genome leads to a row, but for the network without layers. On a part of
    them; benchmarks/identity.py takes all."""
    import pandas as pd

    table = pd.read_parquet(TABLE, columns=["link", "ops"])
    published = {row(*one) for one in zip(table.link, table.ops, strict=True)}
    assert len(published) == 26_206
    assert all(text(genome(one)) == one for one in sorted(published)[::13])
    rng = Random(0)
    drawn = (f"{rng.choice(LINKS)} {'-'.join(rng.choices(OPERATIONS, k=4))}" for _ in range(4_000))
    some = {text(genome(one)) for one in drawn}
    some.add(text(genome("0-0-0-0 skip-skip-skip-skip")))
    assert some - published == {"0-1-2-3 skip-skip-skip-skip"} and len(some) > 2_000


@pytest.mark.skipif(not TABLE.exists(), reason="the published table is not here")
def test_keys_tell_the_published_architectures_apart():
    """On a sample; all 59,049 genomes have 26,207 keys (benchmarks/identity.py)."""
    import pandas as pd

    space = nas_bench_graph(input=(10, 4))
    table = pd.read_parquet(TABLE, columns=["link", "ops"]).sample(800, random_state=0)
    keys = {space.decode(genome(row(*one))).key for one in zip(table.link, table.ops, strict=True)}
    assert len(keys) == 800


@pytest.mark.skipif(not TABLE.exists(), reason="the published table is not here")
def test_the_table_reads():
    from nasmyth.bench.table import Table

    table = Table.read("nas_bench_graph", TABLE, partial=True)
    assert len(table) == 26_206
    assert 0.15 < table.row(nas_bench_graph().sample(1))["valid"] < 0.85


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
