"""A combinator in a file of one's own works wherever those of the package do: nobody knows their classes."""

import json
from random import Random

import pytest
from core_toys import SHAPE, Flat, Tag, Wide, toy_bottle
from own_combinators import Backwards, Dense, Ladder, Sandwich

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph import Add, Concat, Graph, Zero, chain, parallel, repeat, residual
from nasmyth.graph.origins import OptionMixture, origins, supergraph
from nasmyth.space import Space, choice, grammar, integer, maybe, subset, symbol
from nasmyth.testing import check_space

WIDTH = choice(1, 2, name="w")
TEMPLATES = {
    "dense": Dense((Tag(choice(1, 2)), Tag(choice(3, 4)), maybe(Tag(5)))),
    "dense of a subset": Dense(subset(2, Tag(1), Tag(2), Tag(3))),
    "sandwich": Sandwich(Tag(choice(1, 2)), toy_bottle(expand=choice(1, 2))),
    "named": chain(Sandwich(Tag(WIDTH), Tag(3)), Dense((Tag(4, WIDTH), Tag(5)))),
    "ladder": Ladder(Tag(choice(1, 2)), integer(0, 3)),
    "named ladder": chain(Ladder(chain(Tag(1), Tag(2, choice(1, 2))), WIDTH), Tag(6, WIDTH)),
    "ladder in a repeat": repeat(Ladder(Tag(1, choice(1, 2)), choice(1, 2)), choice(1, 2)),
    "backwards": Backwards(Tag(choice(1, 2)), Tag(choice(3, 4))),
}


@pytest.fixture(params=TEMPLATES.values(), ids=TEMPLATES)
def space(request):
    return Space(chain(body=request.param, end=Tag("end")), SHAPE)


def test_the_laws_of_spaces(space):
    check_space(space, samples=30)


def test_counted_as_listed(space):
    assert space.size == len({json.dumps(genome) for genome in space.enumerate()})


def test_costs_and_keys_by_parts_are_those_by_nodes(space):
    for genome in space.enumerate():
        graph = space.decode(genome)
        flat = Graph(graph.nodes)
        assert graph.costs == flat.costs and graph.key == flat.key and graph.output == flat.output
        assert Graph.from_json(graph.to_json()).key == Graph.from_text(graph.to_text(addresses=True)).key == graph.key


def test_every_layer_is_found_among_all_options(space):
    every = {node.address: node.op for node in supergraph(space.template_of({}), SHAPE).nodes}
    assert {op.key for op in every.values() if isinstance(op, OptionMixture)} == set(space.holes)
    for genome in space.enumerate():
        graph = Graph.of(space.template_of(genome), SHAPE)
        assert graph.key == space.decode(genome).key
        found = origins(space.template_of(genome), SHAPE)
        for node in graph.nodes[1:]:
            if isinstance(node.op, Tag | Wide):
                assert every[found[node.address].place] is node.op


def test_shared_weights_are_counted_once_and_known():
    shared, copies = (Graph.of(one, SHAPE) for one in (Sandwich(Tag(1), Tag(2)), chain(Tag(1), Tag(2), Tag(1))))
    assert shared.key != copies.key and shared.costs.params == 8 and copies.costs.params == 12
    assert shared.costs.macs == copies.costs.macs
    assert Graph.of(Backwards(Tag(1), Tag(2)), SHAPE).key == Graph.of(chain(Tag(2), Tag(1)), SHAPE).key


def test_zeros_in_one_leave_a_sum():
    assert Graph.of(residual(Dense((Tag(1), Zero()))), SHAPE).key == Graph.of(chain(), SHAPE).key
    assert len(Graph.of(parallel(Tag(1), Dense((Zero(), Tag(2)))), SHAPE).nodes) > 3


def test_a_misfit_names_the_decision():
    space = Space(chain(body=Dense((Tag(), choice(Tag(1), Flat(), name="kind"), Tag(2)))), SHAPE)
    with pytest.raises(ShapeError, match=r"kind = 1, Flat\(\), \(with kind = 0, Tag\(label=1\), it fits\)"):
        space.decode({"kind": 1})


BLOCK = symbol("block")


@pytest.mark.parametrize(
    "rules",
    [
        {"block": [Dense((BLOCK, Tag(9), BLOCK)), Tag(1), Tag(2)]},
        {"block": [Backwards(BLOCK, symbol("other")), Tag(1), Tag(2)], "other": [Tag(3), Dense((BLOCK, Tag(4)))]},
        {"block": [Ladder(BLOCK, 2), Ladder(Tag(choice(3, 4)), integer(1, 2)), Tag(1)]},
        {"block": [Backwards(symbol("block", "a"), symbol("block", "a")), Tag(1), Tag(2)]},
    ],
)
def test_rules_of_a_grammar(rules):
    space = Space(chain(body=grammar(rules, depth=3, size=12, input=SHAPE, params=400), end=Tag("end")), SHAPE)
    check_space(space, samples=30)
    rng = Random(0)
    for genome in (space.sample(rng) for _ in range(30)):
        graph = space.decode(genome)
        assert graph.costs.params <= 400 + 4
        found = origins(space.template_of(genome), SHAPE)
        assert {node.address for node in graph.nodes[1:]} == set(found)
        assert len({at.place for at in found.values()}) == len(found)
        assert found["end"].options == () and all(at.options[0][0] == "body" for a, at in found.items() if a != "end")


def test_derivations_go_where_they_are_wired_whatever_the_order():
    """Steps are in the order of the wiring, and leaves in that of the steps."""
    rules = {"start": [Backwards(symbol("late"), symbol("early"))], "late": [Tag(1)], "early": [Flat(), Tag(2)]}
    hole = grammar(rules, depth=2, input=SHAPE)
    graphs = [Space(hole, SHAPE).decode(genome) for genome in Space(hole, SHAPE).enumerate()]
    assert [[node.op for node in graph.nodes[1:]] for graph in graphs] == [[Tag(2), Tag(1)]]


def test_what_shares_weights_holds_no_symbol():
    with pytest.raises(SpaceError, match="has a symbol inside"):
        grammar({"block": [Sandwich(BLOCK, Tag(1)), Tag(2)]}, depth=3)
    grammar({"block": [chain(Sandwich(Tag(1), Tag(3)), BLOCK), Tag(2)]}, depth=3)  # without a symbol it is one step


def test_unequal_options_and_wiring_are_to_be_decided():
    space = Space(Dense((choice(Tag(1), Wide(7), name="kind"), Tag(2))), SHAPE)
    with pytest.raises(ShapeError, match="the options of 'kind' give different shapes.*decide it"):
        supergraph(space.template_of({}), SHAPE)
    joined = Space(parallel(subset(2, Tag(1), Tag(2), Tag(3)), join=choice(Add(), Concat(), name="join")), SHAPE)
    assert {n.op for n in supergraph(joined.template_of({"join": 0}), SHAPE).nodes} >= {Tag(1), Tag(2), Tag(3)}
