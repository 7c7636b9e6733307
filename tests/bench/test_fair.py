"""Searches whose merit is known: one that has none, one that has some, and one that cheats with its recipe."""

from __future__ import annotations

import math
import random

import pytest
from published import nb201_table  # noqa: F401  a fixture

from nasmyth.bench import ablation, audit, compared, draw, improvement, trainings
from nasmyth.errors import DataError
from nasmyth.train import Flip, Mixup, Recipe

PLAIN = Recipe(epochs=10)
FULL = Recipe(epochs=10, augment=(Flip(), Mixup(0.2)), smoothing=0.1)
WORTH = {"mixup": 4.0, "flip": 3.0, "smoothing": -1.0}


def evaluate(quality, recipe, seed):
    """A candidate is its own quality, 66 to 74 (spaces are narrow); what a recipe adds is known; training is as lucky
    as its seed."""
    luck = random.Random(f"{quality} {seed}").gauss(0, 0.5)
    flip, mixup = Flip() in recipe.augment, Mixup(0.2) in recipe.augment
    tricks = WORTH["flip"] * flip + WORTH["mixup"] * mixup + WORTH["smoothing"] * bool(recipe.smoothing)
    return quality + tricks + luck - 1.5 * (flip and mixup)


def drawn(seed):
    return random.Random(f"drawn {seed}").uniform(66, 74)


def skilful(run):
    """The best of ten."""
    return max(drawn(f"{run} {i}") for i in range(10))


def unskilled(run):
    return drawn(f"unskilled {run}")


# --- relative improvement ----------------------------------------------------------------------------------------------


def test_the_formula():
    found = compared([91.0, 93.0], [89.0, 91.0])
    assert found.percent.value == pytest.approx(100 * (92 - 90) / 90)
    spread = math.sqrt(2 / 2 + (92 / 90) ** 2 * 2 / 2)
    freedom = (1 + (92 / 90) ** 2) ** 2 / (1 + (92 / 90) ** 4)
    assert 1 < freedom < 2  # so the t of one degree of freedom counts
    assert found.percent.high - found.percent.value == pytest.approx(100 / 90 * 12.706 * spread)
    assert compared([1.0, 1.1], [2.0, 2.1], less=True).percent.value == pytest.approx(100 * (2.05 - 1.05) / 2.05)
    exact = compared([2.0, 2.0], [1.0, 1.0]).percent
    assert exact == (100, 100, 100) and not exact.covers() and "chance" not in str(compared([2.0, 2.0], [1.0, 1.0]))


def test_no_skill_covers_zero_and_skill_does_not():
    for search, covers in ((unskilled, True), (skilful, False)):
        found = improvement(evaluate, [search(run) for run in range(12)], drawn, PLAIN, seeds=12)
        assert found.percent.covers() == covers and ("chance" in str(found)) == covers
    assert found.percent.low > 0 and len(found.found) == len(found.random) == 12


def test_the_interval_covers_as_often_as_it_says():
    """Of 400 searches without skill; and the interval is not so wide that it always covers."""
    covered = 0
    for trial in range(400):
        rng = random.Random(trial)
        one, other = ([rng.uniform(60, 80) for _ in range(8)] for _ in range(2))
        covered += compared(one, other).percent.covers()
    assert 0.93 <= covered / 400 <= 0.985


def test_seeds_and_runs_are_matched():
    asked = []

    def remember(candidate, recipe, seed):
        asked.append((candidate, seed))
        return 1.0 + seed

    improvement(remember, ["a", "b"], lambda seed: f"random {seed}", PLAIN, seeds=[5, 6, 7])
    assert asked == [("a", 5), ("b", 6), ("a", 7), ("random 5", 5), ("random 6", 6), ("random 7", 7)]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: improvement(evaluate, [70.0], drawn, PLAIN, seeds=1), "two at least, better eight"),
        (lambda: improvement(evaluate, [], drawn, PLAIN), "nothing was found"),
        (lambda: improvement(lambda *_: math.nan, [1], drawn, PLAIN), "seed 0 gave nan"),
        (lambda: compared([1.0, 2.0], [1.0]), "2 and 1 results"),
        (lambda: compared([1.0, 2.0], [-1.0, 1.0]), "scores 0"),
        (lambda: ablation(evaluate, 70.0, PLAIN, PLAIN), "nothing to take apart"),
        (
            lambda: ablation(evaluate, 70.0, PLAIN, FULL, groups={"m": ["augment.Mixup"]}),
            "differ in 'augment.Flip' as well",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(call, said):
    with pytest.raises(DataError, match=said):
        call()


# --- the recipe's share ------------------------------------------------------------------------------------------------


def test_ablation_tells_what_each_trick_is_worth():
    """The same seed has the same luck, so what is planted comes out exactly: flip is worth less on top of mixup."""
    found = ablation(
        evaluate,
        70.0,
        PLAIN,
        FULL,
        seeds=4,
        groups={"mixup": ["augment.Mixup"], "flip": ["augment.Flip"], "soft": ["smoothing"]},
    )
    told = {step.trick: (step.alone.value, step.added.value) for step in found.steps}
    assert told == {"mixup": pytest.approx((4, 4)), "flip": pytest.approx((3, 1.5)), "soft": pytest.approx((-1, -1))}
    assert found.whole.value == pytest.approx(4.5) == pytest.approx(sum(step.added.value for step in found.steps))
    assert str(found).splitlines()[-1].startswith("all of it")
    single = ablation(evaluate, 70.0, PLAIN, FULL, seeds=4)
    assert {step.trick for step in single.steps} == {"augment.Mixup", "augment.Flip", "smoothing"}
    worse = ablation(evaluate, 70.0, PLAIN, FULL, seeds=4, less=True)
    assert worse.whole.value == pytest.approx(-4.5)


def test_ablation_trains_nothing_twice():
    asked = []

    def counted(candidate, recipe, seed):
        asked.append((recipe, seed))
        return evaluate(candidate, recipe, seed)

    ablation(counted, 70.0, PLAIN, FULL, seeds=3)
    assert (
        len(asked) == len(set(asked)) == 3 * 6
    )  # plain, three alone (the first is the first step too), two steps more


# --- a planted cheat ---------------------------------------------------------------------------------------------------


def test_a_cheat_with_the_recipe_is_exposed():
    """It draws at random, and trains by a better recipe than the others: its lead is gone where all are trained alike."""
    found = audit(evaluate, [unskilled(run) for run in range(16)], drawn, FULL, PLAIN, seeds=16)
    assert found.claimed.percent.low > 0, "it looks like a search that works"
    assert found.common.percent.covers() and found.exposed and "the recipe's" in found.verdict
    assert found.recipe.percent.value == pytest.approx(100 * 4.5 / 70, abs=0.5)
    assert ablation(evaluate, unskilled(0), PLAIN, FULL, seeds=8).whole.covers(4.5)


def test_a_search_that_works_is_not():
    honest = audit(evaluate, [skilful(run) for run in range(12)], drawn, PLAIN, PLAIN, seeds=12)
    assert not honest.exposed and honest.share == 1 and "found something" in str(honest)
    helped = audit(evaluate, [skilful(run) for run in range(12)], drawn, FULL, PLAIN, seeds=12)
    assert not helped.exposed and 0.3 < helped.share < 0.9
    nothing = audit(evaluate, [unskilled(run) for run in range(12)], drawn, PLAIN, PLAIN, seeds=12)
    assert not nothing.exposed and "cannot be told from chance" in nothing.verdict


# --- on a table, and trained -------------------------------------------------------------------------------------------


def test_on_a_whole_table(nb201_table):  # noqa: F811
    from nasmyth.bench import Table
    from nasmyth.search import Evolution

    table = Table.read("nb201", nb201_table)
    space = table.space

    def look(genome, recipe, seed):
        return table.row(genome)["test_acc_12ep"]

    def anyone(seed):
        return space.sample(f"anyone {seed}")

    found = []
    for seed in range(6):
        with table.study("valid_acc_12ep", strategy=Evolution(), seed=seed) as study:
            table.run(study, 100)
            found.append(study.best.genome)
    lucky = [space.sample(f"lucky {seed}") for seed in range(60)]
    assert improvement(look, lucky, anyone, None, seeds=60).percent.covers()
    worked = improvement(look, found * 10, anyone, None, seeds=60).percent
    assert worked.low > 0 and 5 < worked.value < 25


def test_trainings_of_a_task():
    from nasmyth import Space, chain, choice, ops, read

    digits = read("digits", limit=100)
    body = chain(ops.Conv(choice(3, 4, 5, 6)), ops.Activation("relu"), ops.Mean("h w"), ops.Linear(10))
    space = Space(body, (1, 8, 8))
    score = trainings(digits, epochs=1)
    graph = draw(space)(0)
    assert graph == draw(space)(0) and len({draw(space)(seed).key for seed in range(20)}) == 4
    once, again = (score(graph, Recipe(batch=20), 0) for _ in range(2))
    assert once == again and 0 <= once <= 1
    found = improvement(
        trainings(digits, epochs=1, figure="loss"), [graph], draw(space), Recipe(batch=20), seeds=2, less=True
    )
    assert all(map(math.isfinite, found.percent))
