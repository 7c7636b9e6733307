"""Any object with ask and tell as a strategy: what it is told, that it is played through alike, and what may be run."""

import copy
import math
import random
import sys
import warnings
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from core_toys import SHAPE, Tag
from test_optuna_adapter import MIXED
from test_strategies import LANDSCAPE, SPACES, height

from nasmyth.errors import GenomeError, UnknownNameError
from nasmyth.graph import chain
from nasmyth.record import dumps, loads
from nasmyth.search import AskTell, Pending, Simulation, optimizer
from nasmyth.search.adapters.play import Play
from nasmyth.search.adapters.unit_cube import UnitCube
from nasmyth.space import Space, real
from nasmyth.testing import check_strategy

HERE = __name__


class Generations:
    """A tiny evolution strategy of whole generations, which draws from NumPy's own generator: as CMA-ES does it."""

    def __init__(self, size, heard=None):
        self.middle, self.step, self.heard = np.full(size, 0.5), 0.3, [] if heard is None else heard

    def ask(self):
        return [self.middle + self.step * np.random.standard_normal(len(self.middle)) for _ in range(5)]  # noqa: NPY002

    def tell(self, points, losses):
        assert len(points) == len(losses) == 5 and all(map(math.isfinite, losses))
        self.heard.append((points, losses))
        self.middle = np.mean([points[i] for i in np.argsort(losses)[:2]], axis=0)
        self.step *= 0.9


class Genomes:
    """Asks for genomes, as a program that knows the space; or for what is none."""

    def __init__(self, space, seed, wrong=False):
        self.space, self.rng, self.best, self.least, self.wrong = space, Random(seed), None, math.inf, wrong

    def ask(self):
        if self.wrong:
            return {"nowhere": 1}
        return self.space.sample(self.rng) if self.best is None else self.space.mutate(self.best, self.rng)

    def tell(self, genome, loss):
        if loss <= self.least:
            self.best, self.least = genome, loss


class Candidates:
    """Asks for objects of its own, and takes nothing else back."""

    def __init__(self, size, seed):
        self.size, self.rng, self.out = size, Random(seed), []

    def ask(self):
        one = SimpleNamespace(value=[self.rng.random() for _ in range(self.size)])
        self.out.append(one)
        return one

    def tell(self, one, loss):
        assert any(one is other for other in self.out), "not what it asked for"


@optimizer
def generations(space, seed):
    return Generations(len(space.holes))


@optimizer
def genomes(space, seed):
    return Genomes(space, seed)


@optimizer
def wrong(space, seed):
    return Genomes(space, seed, wrong=True)


@optimizer
def candidates(space, seed):
    return Candidates(len(space.holes), seed)


@optimizer
def cma_es(space, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has something to say about plots
        import cma
    size = max(2, len(space.holes))
    return cma.CMAEvolutionStrategy(size * [0.5], 0.3, {"seed": seed + 1, "verbose": -9, "popsize": 6})


def unmarked(space, seed):
    return Genomes(space, seed)


@pytest.mark.parametrize("make", ["generations", "genomes", "candidates"])
@pytest.mark.parametrize("space", ["plain", "narrow", "fixed"])
def test_laws(make, space):
    check_strategy(AskTell(f"{HERE}:{make}"), SPACES[space], trials=8)


def test_the_default_keeps_the_laws():
    check_strategy(AskTell(), SPACES["real"], trials=16)


def test_cma_es_keeps_the_laws():
    pytest.importorskip("cma", reason="pip install cma")
    check_strategy(AskTell(f"{HERE}:cma_es"), SPACES["real"], trials=8)


def best_of(strategy, space, score, trials, seed):
    search = Simulation(strategy, space, seed)
    for _ in range(trials):
        (one,) = search.ask()
        search.tell(one.number, (score(one.genome),))
    return search, max(trial.objectives[0] for trial in search.log)


def test_cma_es_climbs():
    """On a bowl of four numbers, over three seeds: twice as near to its bottom as the best of as many random points."""
    pytest.importorskip("cma", reason="pip install cma")
    space = Space(chain(*(Tag(real(0.0, 1.0)) for _ in range(4))), SHAPE)

    def bowl(genome):
        return -sum((x - 0.7) ** 2 for x in genome.values())

    found = [best_of(AskTell(f"{HERE}:cma_es"), space, bowl, 120, seed)[1] for seed in range(3)]
    drawn = [max(bowl(space.sample(f"{seed} {i}")) for i in range(120)) for seed in range(3)]
    assert sum(found) > sum(drawn) / 2


def test_one_plus_one_climbs():
    found = [best_of(AskTell(), LANDSCAPE, height, 100, seed)[1] for seed in range(3)]
    drawn = [max(height(LANDSCAPE.sample(f"{seed} {i}")) for i in range(100)) for seed in range(3)]
    assert sum(found) > sum(drawn) + 3 * 3


@pytest.mark.parametrize("space", [MIXED, *SPACES.values()])
def test_a_point_of_a_genome_decodes_to_it(space):
    cube = UnitCube(space)
    for seed in range(30):
        genome = space.sample(seed)
        point = cube.encode(genome)
        assert len(point) == cube.size and all(0 <= x <= 1 for x in point)
        again = cube.decode(point)
        told = {key for key in genome if not (space is SPACES["grammar"] and space.holes[key].count > 1000)}
        for key in told:
            assert again[key] == pytest.approx(genome[key])


def test_every_point_is_a_genome():
    cube, rng = UnitCube(MIXED), Random(0)
    for _ in range(100):
        point = [
            rng.choice([rng.random(), -3.0, 7.5, math.nan, math.inf, -math.inf, 0.0, 1.0]) for _ in range(cube.size)
        ]
        assert MIXED.validate(cube.decode(point))


def test_all_of_a_generation_is_told_as_what_was_asked_for():
    """One worker: what comes back are the very points, though genomes are coarser."""
    search, _ = best_of(AskTell(f"{HERE}:generations"), LANDSCAPE, height, 12, 0)
    machine = search.strategy
    play = search.state.made((machine, LANDSCAPE), lambda: 1 / 0, Play.after)
    last = play.after(12, [(trial.genome, (0.0, *trial.objectives)) for trial in search.log[11:]])
    cube = UnitCube(LANDSCAPE)
    (first, losses), (second, _) = last.machine.heard[:2]
    lattice = sum(list(x) == cube.encode(cube.decode(x)) for x in [*first, *second])
    assert losses == [-trial.objectives[0] for trial in search.log[:5]]
    assert [cube.decode(x) for x in second] == [trial.genome for trial in search.log[5:10]]
    assert lattice <= 1, "the trial that was drawn before there was an optimiser; others keep what is finer"


def test_a_log_read_back_asks_the_same():
    """Bit for bit, whether the optimiser was extended trial by trial or played through at once; with workers ahead, too."""
    for make in ("generations", "genomes"):
        strategy = AskTell(f"{HERE}:{make}")
        search = Simulation(strategy, LANDSCAPE, 3)
        for i in range(20):
            for one in search.ask(2):
                if i % 4:
                    search.tell(one.number, (height(one.genome),))
        state = loads(dumps(strategy)).init(LANDSCAPE)
        for trial in search.log:
            state = strategy.tell(state, trial)
        pending = tuple(search.pending.values())
        assert strategy.ask(state, LANDSCAPE, Random(1), 4, pending) == strategy.ask(
            search.state, LANDSCAPE, Random(1), 4, pending
        )
        assert state == search.state


def test_what_others_draw_does_not_change_an_optimiser_that_draws_from_the_same():
    """CMA-ES holds on to NumPy's own generator."""
    pytest.importorskip("cma", reason="pip install cma")
    space, found = SPACES["real"], []
    for seed in range(2):
        np.random.seed(seed)  # noqa: NPY002
        search, _ = best_of(AskTell(f"{HERE}:cma_es"), space, lambda genome: sum(genome.values()), 9, 0)
        found.append([trial.genome for trial in search.log])
    assert found[0] == found[1]


def test_seeds_differ_by_the_search():
    asked = []
    for seed in range(3):
        search, _ = best_of(AskTell(f"{HERE}:genomes"), LANDSCAPE, height, 2, seed)
        asked.append(tuple(search.log[1].genome.values()))
    assert len({*asked}) == 3


def test_generators_of_everybody_are_left_alone():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    best_of(AskTell(f"{HERE}:generations"), LANDSCAPE, height, 12, 0)
    assert (random.random(), np.random.random()) == before  # noqa: NPY002


def test_losses_are_finite_and_of_one_scale():
    play = Play(LANDSCAPE, 0)
    fits = [(0.0, 3.0), (-0.5, 9.0), (0.0, -4.0), (-0.5, 9.0), (-math.inf, -math.inf), (-math.inf, 2.0), (0.0, 5.0)]
    assert [play.loss(fit) for fit in fits] == [-3.0, -2.5, 4.0, 4.5, 4.5, 4.0 + 1e9, -5.0]


def test_a_genome_of_another_space_is_refused():
    search = Simulation(AskTell(f"{HERE}:wrong"), LANDSCAPE, 0)
    (one,) = search.ask()
    search.tell(one.number, (1.0,))
    with pytest.raises(GenomeError, match="has no decision for"):
        search.ask()


@pytest.mark.parametrize("name", ["os:system", "antigravity:fly", f"{HERE}:unmarked", "generations"])
def test_a_study_does_not_decide_what_is_imported_or_run(name):
    """Reading such a strategy runs nothing; asking it says what to do."""
    strategy = loads(dumps(AskTell(name)))
    search = Simulation(strategy, LANDSCAPE, 0)
    with pytest.raises(UnknownNameError, match="import its module first"):
        search.ask()
    assert "antigravity" not in sys.modules


def test_what_is_pending_is_not_asked_for_again():
    search = Simulation(AskTell(f"{HERE}:generations"), LANDSCAPE, 0)
    (one,) = search.ask()
    search.tell(one.number, (0.0,))
    taken = [copy.deepcopy(one.genome) for _ in range(4) for one in search.ask(3)]
    assert len({tuple(genome.values()) for genome in taken}) == 12
    assert all(isinstance(one, Pending) for one in search.pending.values())
