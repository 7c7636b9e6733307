"""Samplers of Optuna as strategies: what they are told, and that they decide as in a study of Optuna's own."""

import sys
import warnings
from random import Random

import pytest
from core_toys import SHAPE, Tag
from test_strategies import LANDSCAPE, SPACES

from nasmyth.errors import MissingExtraError, SpaceError
from nasmyth.graph import chain
from nasmyth.search import OptunaSampler, Pending, Simulation
from nasmyth.search.adapters.told import Told
from nasmyth.search.strategy import fitness
from nasmyth.space import Space, choice, integer, maybe, real, subset
from nasmyth.testing import check_strategy

optuna = pytest.importorskip("optuna", reason="pip install 'nasmyth[optuna]'")

from nasmyth.search.adapters.optuna_sampler import Maker  # noqa: E402
from nasmyth.search.adapters.parameters import codings_of  # noqa: E402

MIXED = Space(
    chain(
        Tag(choice(1, 2, 4), integer(2, 9, 3)),
        Tag(real(1e-4, 1e-1, log=True)),
        maybe(Tag(choice("a", "b", "c"))),
        Tag(subset(2, 1, 2, 3)),
        Tag(subset(4, *range(9))),
        Tag(real(-1, 1)),
    ),
    SHAPE,
)


class Mine(optuna.samplers.RandomSampler):
    """A sampler that somebody has written."""


def told(strategy, space, outcomes, seed=0):
    """A search that asked for so many random genomes, and was told these outcomes."""
    search = Simulation(strategy, space, seed)
    for i, outcome in enumerate(outcomes, 1):
        search.asked = i
        search.pending[i] = Pending(i, space.sample(i))
        search.tell(i, **outcome)
    return search


def board_of(search):
    strategy, state = search.strategy, search.state
    return Maker(strategy, codings_of(search.space, strategy.ordered), state).told(state)


@pytest.mark.parametrize("space", ["plain", "narrow", "grammar"])
def test_tpe_keeps_the_laws(space):
    check_strategy(OptunaSampler(settings=[("n_startup_trials", 4)]), SPACES[space], trials=8)


@pytest.mark.parametrize(
    "strategy",
    [
        OptunaSampler("nsgaii", settings=[("population_size", 4)]),
        OptunaSampler("cmaes", ordered=True, settings=[("n_startup_trials", 2), ("popsize", 4)]),
        OptunaSampler(f"{__name__}:Mine"),
    ],
    ids=lambda one: one.sampler,
)
def test_others_keep_the_laws(strategy):
    check_strategy(strategy, SPACES["real"], trials=8)


@pytest.mark.parametrize("space", [MIXED, *SPACES.values()])
@pytest.mark.parametrize("ordered", [False, True])
def test_what_a_genome_is_told_as_suggests_it_again(space, ordered):
    """All that is active and open is told, and nothing else is asked for: a fixed trial has no more to give."""
    codings = codings_of(space, ordered)
    for seed in range(20):
        genome = space.sample(seed)
        parameters = codings.parameters(genome)
        for one in parameters:
            assert one.distribution._contains(one.distribution.to_internal_repr(one.value))
        trial = optuna.trial.FixedTrial({one.name: one.value for one in parameters})
        suggested = codings.suggest(trial, Random(0))
        drawn = {key for key in genome if key not in codings.by_key and space.holes[key].free}
        assert {k: v for k, v in suggested.items() if k not in drawn} == {
            k: v for k, v in genome.items() if k not in drawn
        }
        assert trial.distributions == {one.name: one.distribution for one in parameters}


def test_tpe_decides_as_in_a_study_of_optuna():
    """The same trials and seed: the same proposal, to the last decision."""
    strategy = OptunaSampler()
    search = told(
        strategy, LANDSCAPE, [{"objectives": (float(sum(LANDSCAPE.sample(i).values())),)} for i in range(1, 31)]
    )
    study = optuna.create_study(direction="maximize")
    distributions = {key: optuna.distributions.IntDistribution(0, 7) for key in LANDSCAPE.holes}
    for trial in search.log:
        made = optuna.trial.create_trial(params=trial.genome, distributions=distributions, value=trial.objectives[0])
        study.add_trial(made)
    study.sampler = optuna.samplers.TPESampler(seed=Random(7).getrandbits(32), constant_liar=True)
    asked = study.ask()
    expected = {key: asked.suggest_int(key, 0, 7) for key in LANDSCAPE.holes}
    assert strategy.ask(search.state, LANDSCAPE, Random(7), 1, ())[0].genome == expected


def test_outcomes_are_told_as_optuna_knows_them():
    """A failure is FAIL; a missed constraint is one; several objectives stay several."""
    outcomes = [
        {"objectives": (1.0, 2.0)},
        {},
        {"objectives": (3.0, 4.0), "violation": 0.5},
        {"objectives": (5.0, float("nan"))},
    ]
    board = board_of(told(OptunaSampler(), LANDSCAPE, outcomes))
    states = [trial.state.name for trial in board.trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE", "FAIL"]
    assert [trial.values for trial in board.trials if trial.state.name == "COMPLETE"] == [[1.0, 2.0], [3.0, 4.0]]
    assert [trial.system_attrs["constraints"] for trial in board.trials if trial.values] == [[0.0], [0.5]]
    assert len(board.get_study_directions(0)) == 2


def test_a_sampler_without_constraints_ranks_what_misses_one_below_all():
    outcomes = [
        {"objectives": (-9.0,)},
        {"objectives": (99.0,), "violation": 0.1},
        {"objectives": (99.0,), "violation": 0.2},
    ]
    values = [trial.value for trial in board_of(told(OptunaSampler("cmaes", ordered=True), LANDSCAPE, outcomes)).trials]
    assert values == sorted(values, reverse=True) and values[0] == -9.0


def test_generations_follow_each_other():
    """A genetic algorithm finds its notes again, whoever asked for the trials: four complete ones are a generation."""
    strategy = OptunaSampler("nsgaii", settings=[("population_size", 4)])
    outcomes = [{"objectives": (float(i),)} if i % 3 else {} for i in range(1, 13)]
    board = board_of(told(strategy, LANDSCAPE, outcomes))
    key = optuna.samplers.NSGAIISampler._get_generation_key()
    complete = [trial.system_attrs[key] for trial in board.trials if trial.state.name == "COMPLETE"]
    assert complete == [0, 0, 0, 0, 1, 1, 1, 1]


def test_cma_es_finds_its_distribution_again():
    """After a population was told, the next is asked for around the better half: nearer to the top than chance comes."""
    space = Space(chain(*(Tag(real(0.0, 1.0)) for _ in range(4))), SHAPE)
    search = Simulation(OptunaSampler("cmaes", settings=[("popsize", 8), ("sigma0", 0.2)]), space, 1)

    def away(genome):
        return sum((x - 0.8) ** 2 for x in genome.values())

    for _ in range(64):
        (one,) = search.ask()
        search.tell(one.number, (-away(one.genome),))
    last = [-trial.objectives[0] for trial in search.log[-16:]]
    drawn = sorted(away(space.sample(i)) for i in range(500))
    assert sorted(last)[8] < drawn[25], "the middle one of the last is among the best twentieth of random ones"


def test_a_log_is_extended_and_not_made_anew():
    """Trials that an earlier log had are the very same; an ask leaves nothing behind."""
    search = told(OptunaSampler(), LANDSCAPE, [{"objectives": (float(i),)} for i in range(12)])
    before = board_of(search).trials
    (one,) = search.ask()
    search.tell(one.number, (1.0,))
    after = board_of(search).trials
    assert len(after) == 13 and all(a is b for a, b in zip(before, after, strict=False))


def test_a_state_is_what_was_told():
    a, b = Told(), Told()
    for seed in range(3):
        trial = told(OptunaSampler(), LANDSCAPE, [{"objectives": (1.0,)}], seed).log[0]
        a, b = a.then(trial.genome, fitness(trial)), b.then(trial.genome, fitness(trial))
    a.made("sum", lambda: 0, lambda made, count, items: made + len(items))
    assert a == b and a != Told()


def test_pending_trials_are_known_to_the_sampler():
    """Eight workers at once ask for eight different genomes, also of a sampler that would repeat itself."""
    search = told(OptunaSampler(), SPACES["plain"], [{"objectives": (float(i),)} for i in range(12)])
    for _ in range(8):
        search.ask()
    genomes = [tuple(sorted(one.genome.items())) for one in search.pending.values()]
    assert len({*genomes}) == len(genomes) == 8


def test_optuna_is_silent_here_and_nowhere_else(caplog):
    optuna.logging.enable_propagation()
    level, filters = optuna.logging.get_verbosity(), list(warnings.filters)
    search = told(
        OptunaSampler(settings=[("multivariate", True), ("group", True)]), LANDSCAPE, [{"objectives": (1.0,)}] * 12
    )
    try:
        search.ask()
    finally:
        optuna.logging.disable_propagation()
    assert not caplog.records and optuna.logging.get_verbosity() == level and warnings.filters == filters


@pytest.mark.parametrize(
    ("sampler", "settings", "message"),
    [
        ("tpf", (), "did you mean 'tpe'"),
        ("tpe", [("seed", 3)], "which the study sets"),
        ("tpe", [("gamma", 1), ("gamma", 2)], "each setting once"),
    ],
)
def test_impossible_settings_are_refused(sampler, settings, message):
    with pytest.raises(SpaceError, match=message):
        OptunaSampler(sampler, settings=settings)


@pytest.mark.parametrize(
    ("sampler", "settings", "message"),
    [
        ("tpe", [("startup", 3)], "TPESampler takes .*n_startup_trials"),
        ("cmaes", [("with_margin", True)], "points that no log keeps"),
        ("os:system", (), "is no class of Optuna samplers"),
        ("antigravity:Sampler", (), "import antigravity first"),
        ("optuna.samplers:BaseSampler.reseed_rng", (), "is no class of Optuna samplers"),
    ],
)
def test_a_study_does_not_decide_what_is_imported_or_run(sampler, settings, message):
    strategy = OptunaSampler(sampler, settings=settings)
    with pytest.raises(SpaceError, match=message):
        strategy.ask(strategy.init(LANDSCAPE), LANDSCAPE, Random(0), 1, ())
    assert "antigravity" not in sys.modules


class NoOptuna:
    """Finds all modules as if that one was not installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "optuna":
            raise ModuleNotFoundError(f"No module named {name!r}", name="optuna")


def test_without_optuna_it_says_which_extra_has_it(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("optuna", "nasmyth.search.adapters."))]:
        if name != "nasmyth.search.adapters.optuna_sampler":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoOptuna, *sys.meta_path])
    strategy = OptunaSampler()
    with pytest.raises(MissingExtraError, match=r"pip install 'nasmyth\[optuna\]'"):
        strategy.ask(strategy.init(LANDSCAPE), LANDSCAPE, Random(0), 1, ())
