"""Grammars: laws, counts against brute force, bounds that hold by construction, moves, and what is wrong with rules."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import Counter
from random import Random

import pytest
from core_toys import SHAPE, Flat, Tag, Wide

from nasmyth.errors import GenomeError, SpaceError
from nasmyth.graph import Add, Concat, Graph, Op, Zero, chain, parallel, repeat, residual
from nasmyth.graph.graph import summarise
from nasmyth.measure import macs, params
from nasmyth.search import Evolution
from nasmyth.search.simulation import SimulatedTrial
from nasmyth.space import Space, choice, grammar, integer, maybe, real, symbol
from nasmyth.testing import check_space

A, B = symbol("a"), symbol("b")
PLAIN = {"a": [chain(A, A), residual(A), Wide(choice(4, 8)), Tag(choice(1, 2))]}
MIXED = {
    "a": [chain(A, A), parallel(A, B), parallel(A, B, join=Concat()), parallel(symbol("b", "q"), symbol("b", "q"))],
    "b": {Wide(4, stride=choice(1, 2)): 3, Tag(choice(1, 2)): 0.5, chain(A, Wide(8)): 1, repeat(B, integer(1, 2)): 1},
}
GRAMMARS = {
    "plain": grammar(PLAIN, depth=3, size=6, input=SHAPE),
    "costs": grammar(PLAIN, depth=4, size=7, params=900, macs=40_000, input=SHAPE),
    "mixed": grammar({**MIXED, "a": [*MIXED["a"], B]}, depth=4, size=8, input=SHAPE),
    "shapeless": grammar({"a": [chain(A, A), residual(A), Tag(choice(1, 2))]}, depth=3),
    "kept": grammar({"a": [chain(symbol("a", keep=True), A), Wide(choice(4, 6)), Tag()]}, depth=3, input=SHAPE),
    "ends": grammar(PLAIN, depth=3, input=SHAPE, output=(8, 8, 8)),
    "lengths": grammar(PLAIN | {"a": [*PLAIN["a"], Wide(4, stride=2)]}, depth=3, input=SHAPE, numbers=300,
                       lengths={"a": [(4,), (8, 4), (8, 4)]}),
}  # fmt: skip


class Ruleless(Op):
    """An op whose costs nobody knows."""

    signature = "b ... -> b ..."


def space(name):
    return Space(chain(body=GRAMMARS[name], head=Flat(choice(3, 4))), SHAPE)


def bodies(rules, start, depth, shape=None):
    """Every template that rules derive, by brute force and without regard to shapes: nothing in common with ours."""
    if depth == 0:
        return

    def ways(part):
        if hasattr(part, "rule"):
            yield from bodies(rules, part.rule, depth - 1)
        elif hasattr(part, "items") or hasattr(part, "branches"):
            field = "items" if hasattr(part, "items") else "branches"
            for filled in itertools.product(*(list(ways(item)) for item in getattr(part, field))):
                yield part.replace(**{field: filled})
        else:
            yield part

    for one in rules[start]:
        yield from ways(one)


def layers(term):
    """How many layers a template has: its leaves, and a join for each parallel."""
    inside = getattr(term, "items", None) or getattr(term, "branches", None)
    if inside is None:
        return int(type(term).__name__ != "Identity")
    return sum(map(layers, inside)) + hasattr(term, "branches")


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GRAMMARS)
def test_every_law(name):
    check_space(space(name), samples=12)


@pytest.mark.parametrize("name", GRAMMARS)
def test_count_is_enumeration_and_all_differ(name):
    one = GRAMMARS[name]
    every = [tuple(one.nth(i)) for i in range(min(one.count, 1000))]
    assert len(set(every)) == len(every) and (one.count > 1000 or len(every) == one.count)
    assert all(one.validate(list(decision), "body") == list(decision) for decision in every[:200])
    with pytest.raises(IndexError, match="this grammar has"):
        one.nth(one.count)


@pytest.mark.parametrize("depth, size", [(1, None), (2, 3), (3, 4), (3, 7)])
def test_what_is_derived_is_what_brute_force_finds(depth, size):
    rules = {"a": [chain(A, A), residual(A), Wide(4), Wide(8), Tag(1), Tag(2)]}

    def fits(term):
        try:
            return summarise(term, (SHAPE,)) and (size is None or layers(term) <= size)
        except ValueError:
            return False

    wanted = Counter(term for term in bodies(rules, "a", depth) if fits(term))
    ours = grammar(rules, depth=depth, size=size, input=SHAPE)
    found = Counter(ours.result(ours.nth(i), lambda part, at: part, "") for i in range(ours.count))
    assert found == wanted


@pytest.mark.parametrize("thing, most", [("params", 500), ("macs", 30_000)])
def test_a_bounded_cost_leaves_out_just_what_exceeds_it(thing, most):
    measure = {"params": params, "macs": macs}[thing]
    free, bound = (grammar(PLAIN, depth=3, input=SHAPE, **kind) for kind in ({}, {thing: most}))
    costs = [measure(Graph.of(free.result(free.nth(i), lambda part, at: part, ""), SHAPE)) for i in range(free.count)]
    assert 0 < bound.count == sum(cost <= most for cost in costs) < free.count


# --- samples ----------------------------------------------------------------------------------------------------------


def test_all_samples_keep_all_bounds():
    tight = grammar(PLAIN, depth=6, size=9, params=1500, macs=60_000, input=SHAPE)
    rng = Random(0)
    for _ in range(600):
        graph = Graph.of(tight.result(tight.sample(rng), lambda part, at: part, ""), SHAPE)
        assert len(graph.nodes) - 1 <= 9 and params(graph) <= 1500 and macs(graph) <= 60_000
    assert len({tuple(tight.sample(rng)) for _ in range(300)}) > 60


def test_weights_are_kept_where_everything_fits():
    rules = {"a": {chain(B, B): 3, B: 1}, "b": {Tag(choice(1, 2)): 4, Tag(3): 1}}
    one, rng = grammar(rules, depth=2), Random(0)
    drawn = [one.sample(rng) for _ in range(4000)]
    assert abs(sum(d[0] == 0 for d in drawn) / 4000 - 3 / 4) < 0.03
    first = Counter(d[1] for d in drawn)
    assert [abs(first[i] / 4000 - share) < 0.03 for i, share in enumerate((0.4, 0.4, 0.2))] == [True] * 3


def test_symbols_of_one_name_derive_alike_with_weights_of_their_own():
    head = symbol("b", "head")
    one = grammar({"a": [parallel(head, head, head)], "b": [Wide(4), Wide(4, kernel=5)]}, depth=2, input=SHAPE)
    assert one.count == 2
    graph = Graph.of(one.result([0, 1], lambda part, at: part, ""), SHAPE)
    assert [node.op for node in graph.nodes[1:]] == [Wide(4, kernel=5)] * 3 + [Add()]
    assert params(graph) == 3 * params(Graph.of(Wide(4, kernel=5), SHAPE))
    bound = grammar({"a": [parallel(head, head, head)], "b": [Wide(4), Tag()]}, depth=2, input=SHAPE, params=100)
    assert [bound.nth(0)] == [[0, 1]] and bound.count == 1


def test_same_seed_same_samples_in_any_process():
    program = (
        "import sys; sys.path.insert(0, 'tests'); sys.path.insert(0, 'tests/space'); from test_grammar import space;"
        "print([space(n).sample(5) for n in ('mixed', 'costs')])"
    )
    lines = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONHASHSEED": seed})
        for seed in "12"
    ]
    here = str([space(name).sample(5) for name in ("mixed", "costs")])
    assert [line.stdout.strip() for line in lines] == [here, here], lines[0].stderr


def test_several_grammars_and_holes_in_one_template():
    one = GRAMMARS["plain"]
    tail = grammar({"a": [chain(A, A), residual(A), Tag(choice(1, 2))]}, depth=2, name="tail")
    both = Space(chain(one, maybe(Tag(9)), tail), SHAPE)
    check_space(both, samples=15)
    assert both.size == one.count * 2 * both.holes["tail"].count


def test_a_search_over_derivations_gets_better():
    one = Space(grammar(PLAIN, depth=6, size=20, input=SHAPE), SHAPE)
    strategy, rng = Evolution(population=8), Random(0)
    state, values = strategy.init(one), []
    for _ in range(300):
        genome = strategy.ask(state, one, rng, 1, ())[0].genome
        values.append(sum(node.op is Tag(2) for node in one.decode(genome).nodes))
        state = strategy.tell(state, SimulatedTrial(genome, (float(values[-1]),)))
    assert sum(values[-100:]) > 1.5 * sum(values[:100]) > 0


# --- moves ------------------------------------------------------------------------------------------------------------


def test_mutation_derives_one_symbol_anew():
    one, rng = GRAMMARS["mixed"], Random(0)
    for _ in range(200):
        before = one.sample(rng)
        after = one.mutate(before, rng)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
        tail = sum(1 for _ in itertools.takewhile(
            lambda pair: pair[0] == pair[1], zip(reversed(before[same:]), reversed(after[same:]), strict=False)
        ))  # fmt: skip
        assert after != before and one.validate(after, "") == after
        assert same + tail >= 0 and after[:same] == before[:same]


def test_crossover_puts_a_part_of_one_parent_into_the_other():
    one, rng = GRAMMARS["costs"], Random(1)
    mixed = 0
    for _ in range(300):
        parents = [one.sample(rng), one.sample(rng)]
        child = one.crossover(parents, rng)
        assert one.inherits(one.validate(child, ""), parents)
        mixed += child not in parents
    assert mixed > 30
    assert not GRAMMARS["plain"].inherits([2], [[3], [4]])


def test_neighbours_differ_in_one_place():
    one = grammar({"a": [chain(A, A), Tag(1), Tag(2)]}, depth=3)
    assert sorted(one.neighbours([0, 1, 2])) == sorted(
        [[1], [2], [0, 0, 1, 1, 2], [0, 2, 2], [0, 1, 0, 1, 1], [0, 1, 1]]
    )


# --- what is no derivation, what is no grammar ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ([0, 2], "ends before 'a' is derived"),
        ([2, 2], "goes on after everything is derived"),
        ([9], "number 0 of the derivation is 9, an alternative of 'a' that is not among them"),
        ([0, 0, 0, 2, 2, 2, 2], "number 2 of the derivation is 0.*does not fit here or cannot be finished"),
        ("0", "is no derivation"),
        ([0, "2", 2], "is no derivation"),
    ],
)
def test_what_is_no_derivation_is_said(decision, said):
    with pytest.raises(GenomeError, match=said):
        space("plain").decode({"body": decision, "head.n": 3})


@pytest.mark.parametrize(
    ("rules", "bounds", "said"),
    [
        ({"a": [chain(A, A)]}, {}, "'a' never ends: whatever is chosen goes round a -> a"),
        ({"a": [B], "b": [chain(A, Tag())]}, {}, "'a' never ends: whatever is chosen goes round a -> b -> a"),
        ({"a": [Tag()], "b": [Tag()]}, {}, "nothing that 'a' derives uses 'b'"),
        ({"block": [Tag(), symbol("blck")]}, {}, "uses 'blck', which has no rule; did you mean 'block'"),
        ({"block": [Tag()]}, {"start": "blocks"}, "no rule derives the start 'blocks'; did you mean 'block'"),
        ({"a": {Tag(): 0.0}}, {}, "has the weight 0.0, which must be above 0"),
        ({"a": {Tag(): -1}}, {}, "has the weight -1"),
        ({"a": []}, {}, "the rule 'a' has no alternative"),
        ({"a": {Tag(1), Tag(2)}}, {}, "is a list of alternatives, or a dict"),
        ({"a": [3]}, {}, "3 in the rule 'a' is no template"),
        ({}, {}, "rules are a dict"),
        ({"a": [chain(B, B)], "b": [Tag()]}, {"depth": 1}, "depth=1.*the least is depth=2"),
        ({"a": [chain(B, B)], "b": [Tag()]}, {"size": 1}, "size=1.*the least is size=2"),
        ({"a": [chain(B, B)], "b": [Tag()]}, {"params": 7, "input": SHAPE}, "params=7.*the least is params=8"),
        ({"a": [Wide(4), Tag()]}, {"macs": 1, "params": 1, "input": SHAPE}, "no derivation meets all bounds together"),
        ({"a": [Tag()]}, {"input": (3,)}, "no derivation that takes \\(3,\\)"),
        ({"a": [Tag()]}, {"input": SHAPE, "output": (3,)}, "and gives \\(3,\\)"),
        ({"a": [Tag()]}, {"params": 10}, "params=...*needs the shape that flows into the grammar"),
        ({"a": [Tag()]}, {"depth": 0}, "depth=0\\): a bound is a whole number of at least 1"),
        ({"a": [Tag()]}, {"lengths": {"c": []}, "input": SHAPE}, "there is no rule 'c'"),
        ({"a": [Tag(choice(1, 2, name="x"))]}, {}, "has the name 'x'"),
        ({"a": [Tag(real(0, 1))]}, {}, "has no end of values"),
        ({"a": [Tag(integer(1, 2000))]}, {}, "more than 1000 values"),
        ({"a": [Tag(), repeat(A, 2, tied=True)]}, {}, "has a symbol inside"),
        ({"a": [Tag(), parallel(chain(A, Zero()), Tag())]}, {}, "Zero\\(\\) in the rule 'a'"),
        ({"a": [Tag(), parallel(symbol("a", "x"), symbol("b", "x"))], "b": [Tag()]}, {}, "have one name"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_rules_is_said(rules, bounds, said):
    with pytest.raises(SpaceError, match=said):
        grammar(rules, **{"depth": 4, **bounds})


def test_a_symbol_outside_of_rules_is_refused():
    with pytest.raises(SpaceError, match="stands in no rule"):
        Space(chain(Tag(), A), SHAPE)


def test_costs_without_a_rule_cannot_be_bounded():
    with pytest.raises(SpaceError, match="has no rule for its costs"):
        grammar({"a": [Ruleless()]}, depth=2, params=10, input=SHAPE)


def test_json_and_encodings():
    one = space("mixed")
    assert Space.from_json(json.loads(json.dumps(one.to_json()))) == one
    vectors = {tuple(one.encode(one.sample(seed))) for seed in range(300)}
    genomes = {json.dumps(one.sample(seed)) for seed in range(300)}
    assert len(vectors) == len(genomes) and len({len(vector) for vector in vectors}) == 1
    assert not any(GRAMMARS["mixed"].encode(None))
