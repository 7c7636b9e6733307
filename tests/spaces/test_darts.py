"""DARTS: its size, its genotypes, its published parameters; and, where it is, the table of NAS-Bench-301."""

from __future__ import annotations

import math

import pytest
import torch
from published import few, published

from nasmyth.errors import GenomeError
from nasmyth.graph import Graph, stack_cells
from nasmyth.measure import macs, params
from nasmyth.network import build
from nasmyth.ops import Add, Concat, MatMul
from nasmyth.spaces import darts, spaces
from nasmyth.spaces.darts import genome, of_lists, text
from nasmyth.testing import check_space

SEP, SKIP, MAX = "sep_conv_3x3", "skip_connect", "max_pool_3x3"
SECOND_ORDER = (
    [(SEP, 0), (SEP, 1), (SEP, 0), (SEP, 1), (SEP, 1), (SKIP, 0), (SKIP, 0), ("dil_conv_3x3", 2)],
    [(MAX, 0), (MAX, 1), (SKIP, 2), (MAX, 1), (MAX, 0), (SKIP, 2), (SKIP, 2), (MAX, 1)],
)
"""Figures 4 and 5 of the paper."""
WRITTEN = (
    "(((0, 3), (1, 3), (0, 3), (1, 3), (0, 2), (1, 3), (0, 2), (2, 5)), "
    "((0, 0), (1, 0), (1, 0), (2, 2), (0, 0), (2, 2), (1, 0), (2, 2)))"
)


def small():
    named = spaces.get("darts")
    return named(**named.small)


def test_size_and_notation():
    space = darts()
    assert space.size == (7**8 * math.comb(3, 2) * math.comb(4, 2) * math.comb(5, 2)) ** 2
    for seed in range(200):
        one = space.sample(seed)
        assert genome(text(one)) == one
    assert text(of_lists(*SECOND_ORDER)) == WRITTEN and genome(WRITTEN) == of_lists(*SECOND_ORDER)


def test_laws_at_a_small_size():
    check_space(small(), samples=10)


def test_the_published_cells_have_their_published_parameters():
    """The paper says 3.3 M; the authors' code, whose auxiliary head is left out of the count, prints 3.349342 M."""
    assert params(darts().decode(of_lists(*SECOND_ORDER))) == 3_349_342


@pytest.mark.parametrize("drop_path", [0.0, 0.2])
def test_samples_build_and_run(drop_path):
    named = spaces.get("darts")
    space = named(**named.small, drop_path=drop_path)
    for seed in range(6):
        network = build(space.decode(space.sample(seed)), seed=seed)
        answer = network.train()(torch.randn(2, *space.input))
        assert tuple(answer.shape) == (2, 10) and bool(answer.isfinite().all())
        assert sum(p.numel() for p in network.parameters()) == params(network.graph)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (WRITTEN.replace("(2, 5)", "(2, 7)"), "normal cell, pair 7: there is no operation 7"),
        (WRITTEN.replace("(2, 5)", "(5, 5)"), r"normal cell, pair 7: state 5 cannot read state 5 \(0 to 4\)"),
        (WRITTEN.replace("(2, 5)", "(0, 5)"), "normal cell, pair 7: state 5 reads state 0 twice"),
        (WRITTEN.replace("((0, 0), (1, 0), ", "((0, 0), "), "reduce cell: expected 8 pairs"),
        (WRITTEN.replace("((0, 0), (1, 0), ", "((0, 0), 1, "), "reduce cell, pair 1: 1 is not a pair"),
        (WRITTEN[:-1], "not a genotype"),
        ("((),)", "two cells"),
    ],
)
def test_what_is_wrong_with_a_genotype_is_said(written, said):
    with pytest.raises(GenomeError, match=said):
        genome(written)


def test_an_unknown_operation_of_a_printed_genotype_is_named():
    normal = [("sep_conv_7x7", 0), *SECOND_ORDER[0][1:]]
    with pytest.raises(GenomeError, match="normal cell, pair 0: there is no operation 'sep_conv_7x7'; did you mean"):
        of_lists(normal, SECOND_ORDER[1])


def test_stacked_cells_give_each_part_the_two_outputs_before_it():
    graph = Graph.of(stack_cells(Add(), Concat("d"), Concat("d")), (3, 4))
    added, joined = graph.nodes[1], graph.nodes[2]
    assert added.inputs == (0, 0) and joined.inputs == (0, 1)
    assert graph.nodes[3].inputs == (1, 2) and graph.output == (3, 4 + 8)
    assert [node.address for node in graph.nodes[1:]] == ["[0]", "[1]", "[2]"]
    assert Graph.of(stack_cells(MatMul()), (4, 4)).nodes[1].inputs == (0, 0)


table = published(
    "nb301_subset.parquet",
    {
        "arch": [
            "(((1, 4), (0, 6), (2, 3), (0, 0), (0, 2), (2, 4), (2, 1), (1, 2)), "
            "((0, 1), (1, 3), (0, 5), (1, 3), (0, 2), (3, 1), (3, 3), (2, 1)))",
            "(((1, 4), (0, 1), (1, 1), (2, 6), (1, 4), (3, 2), (1, 5), (2, 4)), "
            "((1, 0), (0, 2), (0, 4), (2, 0), (2, 3), (3, 2), (4, 4), (0, 1)))",
            "(((0, 1), (1, 1), (1, 4), (2, 0), (0, 5), (1, 6), (2, 4), (4, 2)), "
            "((0, 3), (1, 0), (1, 1), (0, 6), (2, 6), (0, 5), (1, 3), (4, 1)))",
        ],
        "params": [0.933482, 0.984938, 0.872106],
        "flops": [165.697024, 175.977984, 157.931008],
        "val_acc_surrogate": [93.637, 92.795, 92.622],
    },
)
"""Three rows of NASLib's, with the accuracies of NAS-Bench-301."""


def test_the_table_has_our_parameters_and_macs_but_for_its_norms(table):
    """NASLib's counting of 8 cells with 32 channels. The norms inside its operations learn nothing, and its poolings have
    one as well. A norm counts 2 for each number (1 if it learns nothing), a ReLU 1, a pooling what its window holds; and
    there is a constant besides, which is the same for all cells."""
    space, constant = darts(width=32, layers=8), set()
    for one in few(table, 25):
        graph = space.decode(genome(one.arch))
        learned = more = 0
        for node in graph.nodes[1:]:
            size, inside = math.prod(node.shape), ".join." in node.address
            kind = type(node.op).__name__
            if kind == "BatchNorm":
                learned += 2 * node.shape[0] if inside else 0
                more += size if inside else 2 * size
            elif kind == "Mean":
                more += math.prod(graph.nodes[node.inputs[0]].shape)
            else:
                more += {"Activation": 1, "MaxPool": 9 + 1, "AvgPool": 9 + 1}.get(kind, 0) * size
        assert round(one.params * 1e6) == params(graph) - learned
        constant.add(round(one.flops * 1e6) - macs(graph) - more)
    assert constant == {8_704}


def test_the_table_reads(table):
    from nasmyth.bench.table import Table

    read = Table.read("darts", table, partial=True)
    assert len(read) in (3, 725)
    accuracies = [read.row(genome(one))["val_acc_surrogate"] for one in read.index]
    assert accuracies == read.columns["val_acc_surrogate"] and min(accuracies) > 50
