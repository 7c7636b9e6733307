"""Genomes are made without filling where nothing steers, and what is remembered of a candidate goes with it."""

import gc
import weakref
from random import Random

import pytest

from nasmyth import Space, chain, choice, integer, ops, repeat
from nasmyth.record import is_open
from nasmyth.space.fill import Substitution, fill
from nasmyth.spaces import spaces

IMAGE = (3, 8, 8)


def small(name):
    named = spaces.get(name)
    return named(**(named.small or {}))


def test_holes_steer_that_decide_which_others_there_are():
    width, depth = choice(4, 8, name="width"), integer(1, 3, name="depth")
    option = chain(ops.Conv(choice(2, 4, name="inner"), 3))
    body = chain(ops.Conv(width, choice(1, 3)), choice(option, ops.Conv(6, 1), name="which"))
    assert Space(chain(ops.Conv(width, choice(1, 3))), IMAGE).decisions.steering == frozenset()
    assert Space(body, IMAGE).decisions.steering == {"which"}
    assert Space(repeat(ops.Conv(width, 3), depth), IMAGE).decisions.steering == {"depth"}


def test_a_number_steers_that_counts_copies_wherever_it_stands_before_that():
    depth = integer(1, 3, name="depth")
    space = Space(chain(ops.Conv(depth, 3), repeat(ops.Conv(choice(4, 8), 3), depth)), IMAGE)
    assert space.decisions.steering == {"depth"}
    assert {len(space.sample(seed)) for seed in range(20)} == {2, 3, 4}
    twice = Space(repeat(ops.Conv(choice(4, 8), 3), 2 * integer(1, 2, name="half")), IMAGE)
    assert twice.decisions.steering == {"half"}


@pytest.mark.parametrize("name", ["nb201", "nb101", "darts", "ofa", "vit", "fbnetv3"])
def test_a_walk_decides_what_filling_decides_in_the_same_order(name):
    decisions = small(name).decisions
    for seed in range(5):
        walked, filling = Random(seed), Random(seed)
        genome = decisions.walk(lambda key, hole, rng=walked: hole.sample(rng))
        _, filled = decisions.fill(lambda key, hole, rng=filling: hole.sample(rng))
        assert list(genome.items()) == list(filled.items()) and walked.random() == filling.random()
        assert list(decisions.validate(dict(reversed(genome.items()))).items()) == list(genome.items())


@pytest.mark.parametrize("name", ["nb201", "darts", "ofa", "nasnet", "images"])
def test_a_plan_fills_as_a_walk_part_by_part_does(name):
    """With what was remembered of other walks, and in the same order of decisions."""

    class PartByPart(Substitution):
        def __call__(self, template, address):
            return self.fill(template, address) if is_open(template) else template

    template = small(name).template
    for seed in range(20):
        rngs = Random(seed), Random(seed)
        filled, genome = fill(template, lambda key, hole, rng=rngs[0]: hole.sample(rng))
        walk = PartByPart(lambda key, hole, rng=rngs[1]: hole.sample(rng))
        assert walk(template, "") is filled and list(walk.genome.items()) == list(genome.items())
        assert fill(template, None, "", dict(genome)) == (filled, genome), "decisions that are made are not asked for"


@pytest.mark.parametrize("name", ["darts", "nb201"])
def test_candidates_that_nobody_holds_leave_nothing_behind(name):
    """What a process remembers is what candidates share; so the collector of garbage has no more to do the longer it runs."""
    space, rng = small(name), Random(0)

    def seen(n):
        for _ in range(n):
            graph = space.decode(space.sample(rng))
            assert graph.costs.macs > 0
        return graph

    seen(300)  # by now most of what candidates share has been met
    gone = weakref.ref(seen(1))
    gc.collect()
    before = len(gc.get_objects())
    seen(200)
    gc.collect()
    assert gone() is None
    assert len(gc.get_objects()) - before < 20 * 200, "a candidate leaves next to nothing; it was 165 objects"
