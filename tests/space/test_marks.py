"""Templates filled with marks: they are the same networks, and say where each layer comes from."""

import pytest
from core_toys import SHAPE, Tag, Wide, templates
from hypothesis import given
from hypothesis import strategies as st

from nasmyth.errors import GenomeError, SpaceError
from nasmyth.graph import Graph, Identity, cell, chain, parallel, repeat
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.origins import OptionMixture, Origin, origins, supergraph
from nasmyth.space import Space, choice, integer, maybe, real, subset


def found(template, genome, shape=SHAPE):
    return origins(Space(template, shape).template_of(genome), shape)


def layers(template, decisions=None):
    """Operations and places of all options, without what mixes and joins them."""
    graph = supergraph(Space(template, SHAPE).template_of(decisions or {}), SHAPE)
    return {node.address: node.op for node in graph.nodes[1:] if isinstance(node.op, Tag | Wide)}


@given(templates(), st.integers(0, 99))
def test_marks_change_no_network(template, seed):
    space = Space(template, SHAPE)
    genome = space.sample(seed)
    plain, marked = space.decode(genome), Graph.of(space.template_of(genome), SHAPE)
    assert marked.key == plain.key == Graph(marked.nodes).key and marked.costs == plain.costs
    assert [(n.op, n.inputs, n.address) for n in marked.nodes] == [(n.op, n.inputs, n.address) for n in plain.nodes]
    at = origins(space.template_of(genome), SHAPE)
    for node in plain.nodes[1:]:
        if not isinstance(node.op, Identity):
            assert at[node.address].address == node.address
            assert all(genome[key] == option or option in genome[key] for key, option in at[node.address].options)


def test_an_option_says_so():
    template = chain(stem=Tag(), body=repeat(choice(Tag(1), chain(Tag(2), Tag(3)), name="kind"), 2))
    at = found(template, {"kind": 1})
    assert at["stem"] == Origin("stem", "stem", ())
    assert at["body[1][0]"] == Origin("body[1][0]", "body[1]:1[0]", (("kind", 1),))


def test_equal_options_are_told_apart():
    """Values are interned: only the walk knows which of two equal layers it was."""
    template = chain(a=choice(chain(Tag(1), Tag(2)), chain(Tag(2), Tag(1))))
    one, two = (found(template, {"a": i}) for i in range(2))
    assert one["a[0]"].place == "a:0[0]" and two["a[0]"].place == "a:1[0]"


def test_numbers_in_a_layer_are_told_by_it():
    template = chain(wide=Wide(4, kernel=choice(3, 5)), tag=Tag("x", choice(1, 2, name="f") * 2))
    assert found(template, {"wide.kernel": 5, "f": 2}) == {
        "wide": Origin("wide", "wide:5", (("wide.kernel", 5),)),
        "tag": Origin("tag", "tag:2", (("f", 2),)),
    }
    assert layers(template) == {
        "wide:3": Wide(4, 3), "wide:5": Wide(4, 5), "tag:1": Tag("x", 2), "tag:2": Tag("x", 4)
    }  # fmt: skip


def test_members_have_places_of_their_own_whatever_else_was_taken():
    options = [Tag(i) for i in range(4)]
    template = chain(body=parallel(subset(2, *options)))
    assert {at.place for a, at in found(template, {"body": [1, 3]}).items() if a != "body.join"} == {"body:1", "body:3"}
    assert layers(template) == {f"body:{i}": Tag(i) for i in range(4)}
    edges = chain(cell(3, lambda i, j: choice(Tag(f"{i}{j}"), Identity()), pick=lambda edges, j: subset(1, *edges)))
    space = Space(edges, SHAPE)
    every, seen = layers(edges), set()
    for genome in space.enumerate():
        at = origins(space.template_of(genome), SHAPE)
        tags = [node for node in space.decode(genome).nodes if isinstance(node.op, Tag)]
        assert all(every[at[node.address].place] is node.op for node in tags)
        seen |= {at[node.address].place for node in tags}
    assert seen == set(every)


def test_branches_that_are_chosen_together():
    template = parallel(choice((Tag(1), Tag(2)), (Tag(3),), subset(1, Tag(4), Tag(5)), name="all"))
    assert set(layers(template).values()) == {Tag(i) for i in range(1, 6)}
    for genome in Space(template, SHAPE).enumerate():
        at = found(template, genome)
        assert all(layers(template)[o.place] for a, o in at.items() if a != "join")


def test_lengths_share_what_they_have_in_common():
    template = chain(body=repeat(Tag(1, choice(1, 2)), integer(1, 3)))
    assert layers(template) == {f"body[{i}]:{factor}": Tag(1, factor) for i in range(3) for factor in (1, 2)}
    mixes = [
        n for n in supergraph(Space(template, SHAPE).template_of({}), SHAPE).nodes if isinstance(n.op, OptionMixture)
    ]
    assert mixes[-1].op == OptionMixture("body.count", (1, 2, 3)) and len(mixes) == 4 and len(mixes[-1].inputs) == 3


def test_what_is_decided_is_not_open():
    template = chain(a=choice(Tag(1), Tag(2)), b=choice(Tag(3), Tag(4)))
    assert layers(template, {"a": 1}) == {"a:1": Tag(2), "b:0": Tag(3), "b:1": Tag(4)}


def test_all_options_are_a_graph_like_any_other():
    space = Space(chain(Wide(4), maybe(Tag(1)), parallel(subset(2, Tag(2), Tag(3), Tag(4)))), SHAPE)
    graph = supergraph(space.template_of({}), SHAPE)
    assert Graph.from_json(graph.to_json()).key == graph.key and "OptionMixture" in str(graph)
    assert graph.costs.params == 4 * 4 * 9 + 4 * 4 and not graph.costs.unknown


@pytest.mark.parametrize(
    "template, said",
    [
        (chain(Tag(0, real(1.0, 2.0))), "factor.*Real.* cannot be left open"),
        (chain(Tag(integer(0, 5000, name="n"))), r"'n' .* cannot be left open.*decide it"),
        (chain(Tag(choice(*range(40)), choice(*range(40)))), "more than 1,000 options"),
        (
            Cell((Vertex((Edge(0, Tag()),)), Vertex((Edge(choice(0, 1, name="s"), Tag()),)))),
            "'s' .* says how parts are wired",
        ),
        (Cell((Vertex((Edge(0, Tag()),)),), output=choice("last", "all", name="o")), "'o' .* says how parts are wired"),
    ],
)
def test_what_cannot_stand_side_by_side(template, said):
    with pytest.raises(SpaceError, match=said):
        Space(template, SHAPE).template_of({})


def test_decisions_of_another_space_are_refused():
    space = Space(chain(choice(Tag(1), Tag(2), name="a")), SHAPE)
    for wrong, said in (({"b": 0}, "no hole"), ({"a": 7}, "not among"), (3, "give a dict")):
        with pytest.raises(GenomeError, match=said):
            space.template_of(wrong)
