"""The Weisfeiler-Lehman columns: networks are as near as the pieces that they share are many."""

import numpy as np
import pytest
from core_toys import SHAPE, Tag, Wide

from nasmyth.errors import SpaceError
from nasmyth.graph import Graph, chain, repeat, residual
from nasmyth.measure import params
from nasmyth.search import BayesianOptimization, GaussianProcess, Simulation, Subtrees
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.subtrees import labels_of
from nasmyth.space import Space, choice
from nasmyth.spaces import spaces
from nasmyth.train import SGD, Recipe

CELLS = spaces.get("nb201")()
STACK = Space(repeat(choice(Tag(1), Tag(2), Wide(4)), 5), SHAPE)


def kernel(encoding, a, b):
    """Of each round, the cosine of the counts of two genomes."""
    rows = encoding([a, b])
    return [float(rows[0, encoding.owner == i] @ rows[1, encoding.owner == i]) for i in range(4)]


def brute(graph, other, rounds):
    """The normalised kernel, by the sizes of sets of equal labels; nothing is hashed into columns."""
    found = []
    for ours, theirs in zip(labels_of(graph, rounds), labels_of(other, rounds), strict=True):
        kinds = sorted({*ours, *theirs})
        a, b = (np.array([labels.count(kind) for kind in kinds], float) for labels in (ours, theirs))
        found.append(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    return found


def test_columns_give_the_kernel():
    encoding = Encoding(CELLS, Subtrees(rounds=2, columns=2**17))
    for seed in range(5):
        a, b = CELLS.sample(seed), CELLS.sample(seed + 100)
        assert kernel(encoding, a, b) == pytest.approx(brute(CELLS.decode(a), CELLS.decode(b), 2), abs=1e-9)
        assert kernel(encoding, a, a) == pytest.approx([1.0] * 4)


def test_a_label_is_the_subtree_above_a_layer():
    one = Graph.of(chain(Tag(1), Tag(2), Tag(3)), SHAPE)
    other = Graph.of(chain(Tag(4), Tag(2), Tag(3)), SHAPE)
    ours, theirs = labels_of(one, 2), labels_of(other, 2)
    same = [[a == b for a, b in zip(mine, yours, strict=True)] for mine, yours in zip(ours, theirs, strict=True)]
    assert same == [
        [True, True, True, True],
        [True, False, True, True],
        [True, False, False, True],
        [True, False, False, False],
    ]
    swapped = [Graph.of(chain(residual(Tag(1)), residual(Tag(i))), SHAPE) for i in (2, 2)]
    assert labels_of(swapped[0], 2) == labels_of(swapped[1], 2)


def test_networks_that_differ_in_the_place_of_a_layer_are_nearer_than_by_their_decisions():
    first, moved = (dict(zip(STACK.holes, decided, strict=True)) for decided in ((2, 0, 0, 0, 0), (0, 2, 0, 0, 0)))
    near, decided = Encoding(STACK, Subtrees()), Encoding(STACK)
    assert kernel(near, first, moved)[:2] == pytest.approx([1.0, 1.0])
    assert not np.array_equal(*decided([first, moved]))


def test_how_a_network_is_trained_is_a_column():
    space = Space(choice(Tag(1), Tag(2)), SHAPE, recipe=Recipe(optimizer=SGD(lr=choice(0.1, 0.2))))
    encoding = Encoding(space, Subtrees())
    genomes = list(space.enumerate())
    assert len({tuple(row) for row in encoding(genomes)}) == len(genomes) == 4


def test_a_search_by_pieces_finds_the_largest():
    search = Simulation(BayesianOptimization(model=GaussianProcess(), encode=Subtrees(), start=5), CELLS, 0)
    for _ in range(30):
        (one,) = search.ask(1)
        search.tell(one.number, [float(params(CELLS.decode(one.genome)))])
    assert max(one.objectives[0] for one in search.log) == params(CELLS.decode(dict.fromkeys(CELLS.holes, 3)))


def test_settings_that_make_no_sense():
    with pytest.raises(SpaceError, match="rounds >= 0 and columns >= 2"):
        Subtrees(rounds=-1)
