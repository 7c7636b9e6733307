"""Wiring: addresses, what is shared, what disappears, and that costs add up however they are counted."""

import itertools
import math

import pytest
from core_toys import SHAPE, Flat, Tag, Wide, templates, toy_bottle
from hypothesis import given
from hypothesis import strategies as st

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph import (
    Add,
    Concat,
    Graph,
    Identity,
    Multiply,
    Op,
    Zero,
    block,
    cell,
    chain,
    mac_count,
    parallel,
    param_count,
    repeat,
    residual,
)  # fmt: skip
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.chain import Chain
from nasmyth.graph.combine import Combine, Listed
from nasmyth.graph.costs import summarise
from nasmyth.graph.stack import stack_cells
from nasmyth.space import Space, choice, integer, maybe, subset


def graph(template, shape=SHAPE):
    return Graph.of(template, shape)


def addresses(template):
    return [node.address for node in graph(template).nodes[1:]]


def test_addresses_say_where_a_layer_came_from():
    template = chain(
        Wide(4),
        stem=chain(Tag(1), last=Tag(2)),
        body=repeat(residual(Tag(3), Tag(4)), 2),
        head=parallel(Tag(5), Tag(6)),
    )
    assert addresses(template) == [
        "[0]", "stem[0]", "stem.last", "body[0].body[0]", "body[0].body[1]", "body[0].join",
        "body[1].body[0]", "body[1].body[1]", "body[1].join", "head[0]", "head[1]", "head.join",
    ]  # fmt: skip
    assert addresses(parallel(left=Tag(1), right=Tag(2))) == ["left", "right", "join"]
    assert addresses(cell(2, Tag())) == ["n1.from0", "n2.from0", "n2.from1", "n2.join"]
    assert addresses(toy_bottle()) == ["body[0]", "body[1]", "join"] and addresses(Tag()) == [""]


def test_a_layer_called_input_is_a_layer():
    named = graph(chain(input=Tag(1), output=Tag(2)))
    assert named.costs == graph(chain(Tag(1), Tag(2))).costs == Graph.from_json(named.to_json()).costs
    assert named.key == graph(chain(Tag(1), Tag(2))).key


def test_residual_adds():
    nodes = graph(residual(Tag(1))).nodes
    assert [(n.op, n.inputs) for n in nodes[1:]] == [(Tag(1), (0,)), (Add(), (0, 1))]
    with pytest.raises(ShapeError, match=r"Add\(\): the axes \.\.\. are .*\(at deep\.join\)"):
        graph(chain(Tag(), deep=residual(Wide(9))))


def test_parallel_joins():
    assert graph(parallel(Wide(2), Wide(3), join=Concat())).output == (5, 8, 8)
    assert graph(parallel(Tag(1), Tag(2), join=Multiply())).nodes[-1].op is Multiply()
    for join in (Add(), Concat(), Multiply()):
        assert addresses(parallel(Tag(), join=join)) == ["[0]"]  # one alone needs no joining
    with pytest.raises(SpaceError, match="name all branches or none"):
        parallel(Tag(), other=Tag())


def test_parallel_takes_one_block_or_one_hole_for_a_branch():
    assert graph(parallel(toy_bottle())) == graph(toy_bottle())
    assert Space(parallel(choice(Tag(1), Tag(2))), SHAPE).size == 2
    assert Space(parallel(subset(2, Tag(1), Tag(2), Tag(3)), join=Concat()), SHAPE).size == 3
    assert Space(parallel(choice(subset(2, Tag(1), Tag(2), Tag(3)), (Tag(4), Tag(5)))), SHAPE).size == 4


def test_repeat_makes_copies_or_ties():
    copies, tied = graph(repeat(Tag(), 3)), graph(repeat(Tag(), 3, tied=True))
    assert [n.op for n in copies.nodes[1:]] == [n.op for n in tied.nodes[1:]] == [Tag()] * 3
    assert len({n.address for n in copies.nodes[1:]}) == 3 and len({n.address for n in tied.nodes[1:]}) == 1
    assert copies.costs.params == 3 * tied.costs.params and copies.costs.macs == tied.costs.macs
    assert graph(repeat(Tag(), 0)).nodes[1].op is Identity()


@pytest.mark.parametrize("count", [-1, 2.0, True, "2", None])
def test_repeat_needs_a_count(count):
    with pytest.raises(SpaceError, match="whole number of at least 0"):
        repeat(Tag(), count)
    if count is not None:
        with pytest.raises(SpaceError, match="whole number of at least 0"):
            Space(repeat(Tag(), choice(3, count)), SHAPE)


def test_what_is_tied_must_keep_its_shape():
    with pytest.raises(ShapeError, match="must keep its shape; leave out tied=True"):
        graph(repeat(Wide(8), 2, tied=True))
    assert graph(repeat(Wide(8), 1, tied=True)).output == (8, 8, 8) and graph(repeat(Wide(8), 2)).output == (8, 8, 8)


def test_repeat_is_tied_or_not():
    with pytest.raises(SpaceError, match="tied is True or False"):
        repeat(Tag(), 2, tied=choice(True, False))


class Unruled(Op):
    """No cost rules."""

    signature = "b c h w -> b c h w"


class HalfRuled(Op):
    """A rule for parameters only."""

    signature = "b c h w -> b c h w"


@param_count.register(HalfRuled)
def _(op, inputs, output):
    return 11


@pytest.mark.parametrize("op", [Unruled(), HalfRuled()])
def test_what_has_no_rule_is_listed_once_for_each_use(op):
    """Uses that share weights say so; and a figure that a rule does know is not counted beside the whole op."""
    for flat in (False, True):
        g = graph(chain(Tag(), repeat(op, 3, tied=True), repeat(op, 2)))
        g = Graph(g.nodes) if flat else g
        assert [unknown.shared for unknown in g.costs.unknown] == [False, True, True, False, False]
        assert {unknown[:2] for unknown in g.costs.unknown} == {(op, (SHAPE,))}
        assert g.costs[:3] == graph(Tag()).costs[:3]


@pytest.mark.parametrize(
    "zero", [Zero(), chain(Tag(), Zero()), repeat(Zero(), 2), cell(1, Zero()), parallel(Zero(), Zero())]
)
def test_zeros_leave_a_sum(zero):
    assert graph(parallel(Tag(1), zero, Tag(2))) == graph(parallel(Tag(1), Tag(2)))
    assert graph(parallel(Tag(1), zero)) == graph(Tag(1)) and graph(residual(zero)) == graph(Identity())
    assert [n.op for n in graph(parallel(zero, Zero())).nodes[1:]] == [Zero()]
    assert Zero() in [n.op for n in graph(parallel(Tag(1), zero, join=Multiply())).nodes]  # a product is another matter


# --- cells ----------------------------------------------------------------------------------------------------------


def brute_force(edges, steps, ends):
    """Labels of the edges that lie on some path from state 0 to an end: by listing all paths."""
    used = set()

    def walk(state, path):
        if state in ends:
            used.update(path)
        for (i, j), label in edges.items():
            if i == state and label is not None:
                walk(j, [*path, label])

    walk(0, [])
    return used


PAIRS = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]


@pytest.mark.parametrize("output", ["last", "all", (1, 3), "loose"])
def test_cells_keep_exactly_what_lies_on_a_path(output):
    """All 3^6 ways to fill the edges of four states with nothing, a skip or a layer."""
    for filled in itertools.product((Zero(), Identity(), None), repeat=6):
        bodies = {p: Tag(n) if body is None else body for n, (p, body) in enumerate(zip(PAIRS, filled, strict=True))}
        labels = {p: None if b is Zero() else b for p, b in bodies.items()}
        read = {i for (i, _), b in labels.items() if b is not None}
        ends = {"last": {3}, "all": {1, 2, 3}, "loose": {1, 2, 3} - read}.get(output, set(output))
        wanted = {b for b in brute_force(labels, 3, ends) if isinstance(b, Tag)}
        made = graph(cell(3, lambda i, j, bodies=bodies: bodies[i, j], output=output, out=Add()))
        assert {n.op for n in made.nodes if isinstance(n.op, Tag)} == wanted
        connected = bool(brute_force(labels, 3, ends))
        assert (Zero() in {n.op for n in made.nodes}) != connected
        assert made.costs.params == 4 * len(wanted)


def test_cell_outputs_are_joined():
    def made(output):
        return graph(cell(2, Tag(), output=output))

    assert made("last").output == SHAPE and made("all").output == (8, 8, 8) and made((0, 1, 2)).output == (12, 8, 8)
    assert made("loose") == made("last")  # both read state 1


def test_cell_vertices_may_do_something():
    assert [n.op for n in graph(cell(1, Tag(1), vertex=lambda j: Tag(10 * j))).nodes[1:]] == [Tag(1), Tag(10)]
    assert graph(cell(2, Tag(1), vertex=lambda j: Zero() if j == 1 else Tag(9))) == graph(chain(Tag(1), Tag(9)))


def test_two_edges_from_one_source_are_two_layers():
    """They have addresses of their own, so they neither share weights nor decisions."""
    edges = (Edge(0, Tag(choice(1, 2))), Edge(0, Tag(choice(1, 2))))
    space = Space(Cell((Vertex(edges),)), SHAPE)
    assert space.size == 4 and len(space.holes) == 2
    graphs = [space.decode(g) for g in space.enumerate()]
    assert all(len({n.address for n in g.nodes}) == len(g.nodes) for g in graphs)
    assert {g.costs.params for g in graphs} == {8}


def test_cell_refuses_the_wrong_number_of_inputs():
    with pytest.raises(ShapeError, match="takes 2 inputs, got 1"):
        graph(cell(1, Tag(), inputs=2))


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: chain(Tag), r"write Tag\(\), a value"), (lambda: residual(3), "is not an op"),
        (lambda: repeat(None, 2), "is not"),
        (lambda: parallel([Tag()]), "is not an op"), (lambda: Graph.of(3, SHAPE), "is not an op"),
        (lambda: Graph.of(chain(Tag(choice(1, 2))), SHAPE), "has a hole"),
        (lambda: Graph.of(maybe(Tag()), SHAPE), "has a hole"),
    ],
)  # fmt: skip
def test_what_is_no_template_is_refused(make, said):
    with pytest.raises(SpaceError, match=said):
        make()


def test_errors_carry_the_address():
    with pytest.raises(ShapeError, match=r"takes the axes \(c h w\).*\(at tail\[1\]\)"):
        graph(chain(Tag(), tail=chain(Flat(), Tag())))

    @block("b c h w -> b c h w", name="wiring_block")
    def broken(c):
        return chain(Tag(), inner=chain(Flat(), Tag()))

    with pytest.raises(ShapeError, match=r"\(at here\.inner\[1\]\)$"):
        graph(chain(here=broken()))


@given(templates(), st.integers(0, 99))
def test_costs_by_parts_are_costs_by_nodes(template, seed):
    """Adding up a template's parts, each once and shared between candidates, gives what its flat nodes give one by one."""
    space = Space(template, SHAPE)
    made = space.decode(space.sample(seed))
    nodes, seen = made.nodes, set()
    params = macs = buffers = activations = 0
    for node in nodes[1:]:
        shapes = tuple(nodes[i].shape for i in node.inputs)
        macs += mac_count(node.op, shapes, node.shape)
        activations += 0 if isinstance(node.op, Identity) else math.prod(node.shape)
        if node.address not in seen:
            params += param_count(node.op, shapes, node.shape)
            buffers += 2 * node.shape[0] * isinstance(node.op, Tag)
        seen.add(node.address)
    assert made.costs == (params, buffers, macs, activations, ()) == Graph(nodes).costs
    assert made.output == nodes[-1].shape == SHAPE


def listed_in(term):
    """Every wiring in a template that lists itself."""
    if isinstance(term, Combine):
        yield from [term] if isinstance(term, Listed) else []
        for _, part in term.parts():
            yield from listed_in(part)
            for edge in part.edges if isinstance(part, Vertex) else ():
                yield from listed_in(edge.body)


@st.composite
def two_inputs(draw, depth=2):
    """A part on two inputs: an op, or a cell in which some edges and states are nothing, joined by another such part."""
    if not depth or not draw(st.integers(0, 3)):
        return draw(st.sampled_from([Add(), Multiply()]))
    bodies = st.sampled_from([Zero(), Identity(), Tag(1), chain(Tag(2), Tag(3)), toy_bottle()])
    vertices = []
    for j in range(2, 2 + draw(st.integers(1, 3))):
        sources = draw(st.lists(st.integers(0, j - 1), min_size=2, max_size=2))
        edges = tuple(Edge(i, draw(bodies)) for i in sources)
        own = draw(st.none() | two_inputs(depth - 1))
        vertices.append(Vertex(edges, draw(st.sampled_from([Identity(), Identity(), Tag(4), Zero()])), own))
    output = draw(st.sampled_from(["last", "all", "loose", (0, 2), (1,)]))
    return Cell(tuple(vertices), 2, draw(two_inputs(depth - 1)), output, Add())


@given(st.lists(two_inputs(), min_size=1, max_size=4), st.booleans())
def test_a_listed_wiring_is_whole_where_the_output_needs_all_of_it(parts, named):
    whole = stack_cells(*parts)
    first = chain(a=Tag(), b=whole) if named else chain(Tag(), whole)
    for term in (first, *itertools.chain.from_iterable(map(listed_in, (whole, *parts)))):
        inputs = getattr(term, "inputs", 1)
        steps, output, said = term.lay(inputs)
        needed = {output}
        for i in reversed(range(len(steps))):
            needed.update(steps[i][1] if inputs + i in needed else ())
        names = {name for _, _, name in steps}
        assert said == (len(needed) == inputs + len(steps) and len(names) == len(steps))


@given(st.lists(two_inputs(), min_size=1, max_size=4))
def test_costs_of_listed_wirings_are_costs_by_nodes(parts):
    """Whatever of a cell is left out, and whatever its join is, one candidate's cell too."""
    try:
        made = graph(chain(Tag(5), stack_cells(*parts)))
    except ShapeError:  # a cell that joins three by a cell of two inputs
        return
    by_nodes = Graph(made.nodes)
    assert made.costs == by_nodes.costs and made.output == by_nodes.output and made.key == by_nodes.key


def test_a_part_twice_under_one_name_is_no_sum_of_its_parts():
    twice = Chain((Tag(1), Tag(1)), ("same", "same"))
    assert graph(twice).costs[:3] == (4, 8, 2 * graph(Tag(1)).costs.macs) == Graph(graph(twice).nodes).costs[:3]
    alone = summarise(cell(1, Tag(), inputs=2, pick=lambda edges, j: edges[:1]), (SHAPE, SHAPE))
    assert alone.reads == (0,) and summarise(chain(), (SHAPE, SHAPE)).reads == (0,)


@given(templates(), st.integers(0, 9))
def test_layers_of_one_address_are_one_layer(template, seed):
    space = Space(template, SHAPE)
    at: dict = {}
    for node in space.decode(space.sample(seed)).nodes[1:]:
        assert at.setdefault(node.address, node.op) is node.op


def test_holes_in_counts_and_deep_inside():
    space = Space(repeat(chain(Tag(choice(1, 2)), maybe(Tag(3))), integer(0, 2)), SHAPE)
    assert space.size == 1 + 4 + 16
