"""Genomes as numbers for models, and the pool a model chooses from."""

from random import Random

import numpy as np
from core_toys import SHAPE, Tag, Wide

from nasmyth.graph import chain
from nasmyth.measure import params
from nasmyth.search import BayesianOptimization, Simulation
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.pool import pool
from nasmyth.search.strategy import hashable
from nasmyth.space import Space, choice, integer, real
from nasmyth.spaces import spaces

ALIKE = Space(chain(*(choice(Tag(1), Tag(2), Tag(3)) for _ in range(4)), choice(Tag(5), Tag(6))), SHAPE)
WIDTHS = Space(chain(Wide(choice(4, 8, 16)), Wide(choice(4, 8, 16))), SHAPE)
CELLS = spaces.get("nb201")()


def test_columns_tell_how_often_each_option_was_chosen_between_the_same_options():
    encoding, genome = Encoding(ALIKE), dict(zip(ALIKE.holes, (0, 1, 0, 0, 1), strict=True))
    (row,) = encoding([genome])
    decided = len(ALIKE.encode(genome))
    assert row[decided : decided + 3].tolist() == [0.75, 0.25, 0.0], "the choice that has no like has no column"
    assert len(row) == len(encoding.owner) and encoding.numeric[encoding.owner[decided:]].all()


def test_costs_are_a_column_where_they_differ():
    encoding = Encoding(WIDTHS)
    genomes = list(WIDTHS.enumerate())
    costs = encoding(genomes)[:, -1]
    sizes = np.log1p([params(WIDTHS.decode(one)) for one in genomes])
    np.testing.assert_allclose(costs, (sizes - sizes.min()) / np.ptp(sizes))


def test_genomes_of_one_network_are_one():
    """A cell whose middle node is read by nobody is the same whatever leads there."""
    encoding, one = Encoding(CELLS), CELLS.sample(0)
    unread = {**one, "1->2": 0, "1->3": 0}
    others = [encoding.known(hashable(g), g).identity for g in ({**unread, "0->1": i} for i in range(5))]
    assert len(set(others)) == 1
    assert encoding.known(hashable(one), one).identity not in others


def test_a_network_is_tried_once():
    search = Simulation(BayesianOptimization(start=3), CELLS, 0)
    for _ in range(25):
        for one in search.ask(2):
            search.tell(one.number, [float(params(CELLS.decode(one.genome)))])
    later = [CELLS.decode(one.genome).key for one in search.log[4:]]
    assert len(set(later)) == len(later)


def test_a_pool_has_the_neighbours_of_the_best_and_nothing_known():
    genomes = [CELLS.sample(i) for i in range(5)]
    near = [hashable(one) for one in CELLS.neighbours(genomes[0])]
    known = {*map(hashable, genomes), near[0]}
    found = pool(CELLS, genomes, known, Random(0), Encoding(CELLS).near)
    assert not known & set(found) and set(near[1:]) - known <= set(found)
    assert all(hashable(genome) == token for token, genome in found.items())


def test_a_pool_goes_through_a_small_space_to_its_end():
    tiny = Space(chain(Tag(integer(0, 3)), Tag(integer(0, 3))), SHAPE)
    (*others, last) = tiny.enumerate()
    near = Encoding(tiny).near
    assert list(pool(tiny, others, map(hashable, others), Random(0), near).values()) == [last]
    assert pool(tiny, others, map(hashable, [*others, last]), Random(0), near) == {}


def test_a_space_of_real_numbers():
    bowl = Space(chain(Tag(1, real(0, 1)), Tag(2, real(1e-4, 1, log=True))), SHAPE)
    search = Simulation(BayesianOptimization(start=4), bowl, 0)
    for _ in range(30):
        (one,) = search.ask(1)
        x, y = one.genome.values()
        search.tell(one.number, [-((x - 0.3) ** 2) - (np.log10(y) + 2) ** 2])
    assert max(one.objectives[0] for one in search.log) > -0.02
