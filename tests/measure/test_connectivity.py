"""Effective depth and width: the published definition on cells, budgets of them, and what is too wide to be told."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys

import pytest
from measure_toys import graph

from nasmyth import Graph, chain, parallel, repeat, residual
from nasmyth.errors import CandidateError, NasmythError, UnitError
from nasmyth.measure import Candidate, constraint, effective_depth, effective_width, evaluate, find
from nasmyth.ops import Activation, Conv, Linear, Mean
from nasmyth.spaces import nb201
from nasmyth.spaces.nb201 import EDGES, OPERATIONS
from nasmyth.testing import check_measure

SHAPE = (4, 8, 8)
CELL = "body[0][0]"
WAYS = [[(0, 3)], [(0, 1), (1, 3)], [(0, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]]
"""The four ways through a cell of NAS-Bench-201."""


@pytest.mark.parametrize(
    "one", [effective_depth, effective_width, effective_depth(CELL), effective_width(CELL)], ids=repr
)
def test_laws(one):
    space = nb201(input=(3, 8, 8), width=4, cells=1)
    given = [space.decode(space.sample(seed)) for seed in range(3)]
    check_measure(one, *given, *([] if ":" in one.name else [graph()]))


def by_hand(genome):
    """Depth and width of a cell from its four ways, as its operations on six edges spell them."""
    names = {edge: OPERATIONS[genome[f"{edge[0]}->{edge[1]}"]] for edge in EDGES}
    open_ways = [[names[edge] for edge in way] for way in WAYS if all(names[edge] != "none" for edge in way)]
    layers = [sum("conv" in name for name in way) for way in open_ways]
    depth = statistics.fmean(layers) if layers else 0.0
    return (depth, sum(n > 0 for n in layers) / depth) if depth else (0.0, 0.0)


def test_cells_have_the_published_depth_and_width():
    space = nb201(input=(3, 8, 8), width=4, cells=1)
    found = set()
    for genome in itertools.islice(space.enumerate(), 0, None, 41):
        cell = space.decode(genome)
        depth, width = effective_depth(CELL)(cell), effective_width(CELL)(cell)
        assert (depth, width) == pytest.approx(by_hand(genome))
        found.add(depth)
    assert len(found) > 8


def test_depths_of_parts_add_up_and_paths_multiply():
    block = parallel(Conv(4), chain(Activation("relu"), Conv(4), Conv(4)))
    one, three = (Graph.of(chain(body=repeat(block, n), head=chain(Mean("h w"), Linear(2))), SHAPE) for n in (1, 3))
    assert effective_depth(one) == 1.5 + 1 and effective_depth(three) == 3 * 1.5 + 1
    assert effective_width(three) == pytest.approx(8 / 5.5)
    assert effective_depth("body[1]")(three) == 1.5 and effective_width("body[1]")(three) == pytest.approx(2 / 1.5)


def test_a_way_without_layers_has_no_width():
    skipping = Graph.of(chain(body=residual(Conv(4))), SHAPE)
    assert (effective_depth(skipping), effective_width(skipping)) == (0.5, 2.0)
    bare = Graph.of(chain(Activation("relu"), Mean("h w")), SHAPE)
    assert (effective_depth(bare), effective_width(bare)) == (0.0, 0.0)


def test_one_grammar_for_python_and_text():
    assert effective_depth(CELL) is find(f"effective_depth:{CELL}") is not effective_depth
    assert constraint(f"effective_depth:{CELL}>=1") == (effective_depth(CELL) >= 1)
    with pytest.raises(UnitError, match="say of which part"):
        effective_width(" ")
    with pytest.raises(NasmythError, match="nothing is at 'stern'; did you mean 'stem'"):
        effective_depth("stern")(nb201().decode(nb201().sample(0)))


def test_a_space_is_narrowed_to_what_is_connected():
    budget = [effective_depth(CELL) >= 1, effective_width(CELL) <= 2]
    narrowed = nb201(input=(3, 8, 8), width=4, cells=1).narrow(*budget)
    for seed in range(30):
        genome = narrowed.sample(seed)
        depth, width = by_hand(genome)
        assert depth >= 1 and width <= 2 + 1e-12


def test_more_paths_than_a_number_holds_are_an_outcome():
    deep = Graph.of(repeat(residual(Conv(4, kernel=1)), 1100), (4, 2, 2))
    assert effective_depth(deep) == 550
    with pytest.raises(CandidateError, match="look at one cell"):
        effective_width(deep)
    assert "1e308" in str(evaluate(Candidate(deep), [effective_width]).error)
    assert effective_width("[0]")(deep) == 2.0


def test_it_is_read_without_torch():
    program = """
import sys; sys.modules["torch"] = None
sys.path.insert(0, "tests")
from core_toys import SHAPE, Wide
from nasmyth import Graph, repeat, residual
from nasmyth.measure import effective_depth, effective_width
graph = Graph.of(repeat(residual(Wide(4)), 3), SHAPE)
assert effective_depth(graph) == 1.5 and effective_width(graph) == 7 / 1.5
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
