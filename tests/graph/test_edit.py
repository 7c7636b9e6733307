"""Edits of graphs: pure, with the addresses of what they do not touch, in canonical form, and refused with address,
shapes and cure."""

import pytest

from nasmyth import Graph, chain, ops, repeat, residual
from nasmyth.errors import NasmythError, ShapeError, SpaceError, UnknownNameError
from nasmyth.graph.edit import Diff, consumers, diff, insert, remove, replace, splice

TEMPLATE = chain(
    stem=ops.Conv(8),
    norm=ops.BatchNorm(),
    body=residual(ops.Conv(8), ops.Activation("relu")),
    pool=ops.Mean("h w"),
    head=ops.Linear(10),
)
GRAPH = Graph.of(TEMPLATE, (3, 8, 8))


def names(graph):
    return [node.address for node in graph.nodes]


def as_written(graph):
    """A graph in canonical form is read back as it is."""
    return Graph.from_json(graph.to_json())


def test_consumers_are_those_who_read():
    assert consumers(GRAPH, "norm") == ("body.body[0]", "body.join")
    assert consumers(GRAPH, "head") == ()
    with pytest.raises(UnknownNameError, match=r"no node is at 'haed'.*head"):
        consumers(GRAPH, "haed")


def test_replaced_ops_keep_addresses_and_shapes_are_inferred_again():
    before = GRAPH.key
    wide = replace(GRAPH, {"stem": ops.Conv(12), "body.body[0]": ops.Conv(12)})
    assert names(wide) == names(GRAPH) and GRAPH.key == before
    assert wide == Graph.of(chain(stem=ops.Conv(12), norm=ops.BatchNorm(), body=residual(ops.Conv(12), ops.Activation("relu")),
                                  pool=ops.Mean("h w"), head=ops.Linear(10)), (3, 8, 8))  # fmt: skip
    assert diff(GRAPH, wide) == Diff((), (), ("stem", "norm", "body.body[0]", "body.body[1]", "body.join", "pool"))
    assert replace(wide, {"stem": ops.Conv(8), "body.body[0]": ops.Conv(8)}) == GRAPH
    assert as_written(wide) == wide


def test_what_no_longer_fits_is_refused_with_address_shapes_and_cure():
    with pytest.raises(
        ShapeError, match=r"at body\.join.*after an edit of stem; so far stem \(8, 8, 8\) -> \(12, 8, 8\).*same edit"
    ):
        replace(GRAPH, {"stem": ops.Conv(12)})
    with pytest.raises(SpaceError, match="input.*stays"):
        replace(GRAPH, {"input": ops.Conv(3)})
    with pytest.raises(SpaceError, match="is not an op"):
        replace(GRAPH, {"stem": "conv"})
    with pytest.raises(UnknownNameError, match="stem"):
        replace(GRAPH, {"stemm": ops.Conv(3)})


def test_insert_behind_before_and_between():
    after = insert(GRAPH, ops.Activation("gelu"), after="norm", name="act")
    assert consumers(after, "norm") == ("act",) and consumers(after, "act") == ("body.body[0]", "body.join")
    before = insert(GRAPH, ops.Dropout(0.5), before="head")
    assert names(before)[-2:] == ["head_before", "head"] and consumers(before, "pool") == ("head_before",)
    between = insert(GRAPH, ops.DropPath(0.1), between=("body.body[1]", "body.join"), name="drop")
    assert consumers(between, "body.body[1]") == ("drop",) and consumers(between, "norm") == consumers(GRAPH, "norm")
    for edited in (after, before, between):
        assert len(diff(GRAPH, edited).added) == 1 and not diff(GRAPH, edited).removed
        assert as_written(edited) == edited
        assert remove(edited, *diff(GRAPH, edited).added) == GRAPH, "the inverse"


def test_a_whole_template_may_be_inserted_and_the_end_moves():
    longer = insert(GRAPH, chain(act=ops.Activation(), out=ops.Linear(4)), after="head", name="more")
    assert longer.output == (4,) and names(longer)[-2:] == ["more.act", "more.out"]
    assert insert(GRAPH, ops.Identity(), after="stem") == GRAPH, "canonical: an identity is nothing"


def test_bad_places_are_refused():
    with pytest.raises(NasmythError, match="say one place"):
        insert(GRAPH, ops.Activation())
    with pytest.raises(NasmythError, match=r"body\.join' reads norm, body\.body\[1\]: say which edge"):
        insert(GRAPH, ops.Activation(), before="body.join")
    with pytest.raises(NasmythError, match="'head' does not read 'stem'; it reads pool"):
        insert(GRAPH, ops.Activation(), between=("stem", "head"))
    with pytest.raises(NasmythError, match="'norm' is taken"):
        insert(GRAPH, ops.Activation(), after="stem", name="norm")
    with pytest.raises(NasmythError, match=r"'body' is taken by 'body\.body\[0\]'"):
        insert(GRAPH, ops.Activation(), after="stem", name="body")


def test_remove_passes_its_input_on():
    without = remove(GRAPH, "body.body[1]")
    assert diff(GRAPH, without) == Diff((), ("body.body[1]",), ("body.join",))
    straight = remove(GRAPH, "body.join", keep="norm")
    assert names(straight) == ["input", "stem", "norm", "pool", "head"], "what nothing reads is gone"
    with pytest.raises(NasmythError, match=r"'body\.join' reads norm, body\.body\[1\]: say which of them stays, keep="):
        remove(GRAPH, "body.join")
    with pytest.raises(UnknownNameError, match="does not read 'nrom'"):
        remove(GRAPH, "body.join", keep="nrom")
    with pytest.raises(ShapeError, match=r"\(at tail\), after an edit of flat; so far flat"):
        remove(Graph.of(chain(flat=ops.ToSequence(), tail=ops.Attention(heads=1)), (4, 3, 3)), "flat")
    assert remove(GRAPH, "head").output == (8,)


def test_splice_puts_a_template_or_a_graph_in_the_place_of_a_part():
    made = splice(GRAPH, residual(ops.Conv(8), ops.BatchNorm(), ops.Activation("gelu")), at="body")
    assert names(made) == [
        "input",
        "stem",
        "norm",
        "body.body[0]",
        "body.body[1]",
        "body.body[2]",
        "body.join",
        "pool",
        "head",
    ]
    assert made == Graph.of(chain(stem=ops.Conv(8), norm=ops.BatchNorm(), body=residual(ops.Conv(8), ops.BatchNorm(),
                            ops.Activation("gelu")), pool=ops.Mean("h w"), head=ops.Linear(10)), (3, 8, 8))  # fmt: skip
    other = Graph.of(chain(a=ops.DepthwiseConv(), b=ops.Conv(8, kernel=1)), (8, 8, 8))
    assert names(splice(GRAPH, other, at="body", name="separable"))[3:5] == ["separable.a", "separable.b"]
    assert splice(GRAPH, ops.Conv(8), at="stem") == GRAPH
    with pytest.raises(ShapeError, match=r"the graph takes \[\(9, 8, 8\)\] and is given \[\(8, 8, 8\)\]"):
        splice(GRAPH, Graph.of(ops.Conv(8), (9, 8, 8)), at="body")
    with pytest.raises(ShapeError, match=r"at body.*after an edit of body"):
        splice(GRAPH, chain(ops.Mean("h w"), ops.Conv(3)), at="body")


def test_a_part_that_several_read_is_spliced_and_one_of_several_outputs_is_not():
    graph = Graph.of(chain(body=chain(one=ops.Conv(4), two=ops.BatchNorm()), end=residual(ops.Activation())), (3, 4, 4))
    assert set(consumers(splice(graph, ops.Conv(4), at="body"), "body")) == set(consumers(graph, "body.two"))
    tapped = insert(graph, ops.Activation("silu"), between=("body.two", "end.join"), name="body.tap")
    with pytest.raises(NasmythError, match=r"'body' has several outputs, body\.two, body\.tap"):
        splice(tapped, ops.Conv(4), at="body")
    with pytest.raises(UnknownNameError, match="no node is at 'nothing'"):
        splice(graph, ops.Conv(4), at="nothing")


def test_shared_addresses_are_changed_everywhere():
    graph = Graph.of(chain(r=repeat(chain(c=ops.Conv(3), a=ops.Activation()), 2, tied=True)), (3, 4, 4))
    other = replace(graph, {"r.tied.c": ops.Conv(3, kernel=5)})
    assert [node.op for node in other.nodes if node.address == "r.tied.c"] == [ops.Conv(3, kernel=5)] * 2
    normed = insert(graph, ops.BatchNorm(), after="r.tied.c", name="r.tied.n")
    assert names(normed).count("r.tied.n") == 2
    assert normed == Graph.of(
        chain(r=repeat(chain(c=ops.Conv(3), n=ops.BatchNorm(), a=ops.Activation()), 2, tied=True)), (3, 4, 4)
    )


def test_diff_is_printed_by_address():
    assert str(diff(GRAPH, GRAPH)) == "no difference"
    told = str(diff(GRAPH, remove(insert(GRAPH, ops.BatchNorm(), after="stem", name="extra"), "body.body[1]")))
    assert told.splitlines() == ["+ extra", "- body.body[1]", "~ norm", "~ body.join"]
