"""Plans: what an epoch costs, who gets how much time."""

from __future__ import annotations

import pytest
import torch

from nasmyth.funnel.plan import RUNGS, Plan, _seconds_of_an_epoch, epoch_of
from nasmyth.study import Trial
from nasmyth.train import Fitted, Flip, Recipe


def curve(*marks):
    return Fitted({}, tuple({"epoch": e, "seconds": s} for e, s in marks), marks[-1][1], marks[-1][0], "time")


def test_an_epoch_costs_what_the_fastest_did():
    assert _seconds_of_an_epoch(curve((1, 5.0), (2, 8.0), (3, 12.0))) == 3.0


def test_an_epoch_that_was_cut_short_is_no_fast_epoch():
    assert _seconds_of_an_epoch(curve((1, 5.0), (1.5, 7.0))) == 4.0


def test_rungs_grow_threefold_to_a_full_training():
    plan = Plan(Recipe(epochs=18), price=60.0, short_of_time=True, costliest=4.0)
    assert [plan.epochs(rung) for rung in RUNGS] == pytest.approx([2, 6, 18])
    assert [plan.seconds(rung) for rung in RUNGS] == pytest.approx([60 / 9, 20, 60])


def test_where_time_is_short_cheap_candidates_get_more_epochs_in_the_same_time():
    plan = Plan(Recipe(epochs=18), price=60.0, short_of_time=True, costliest=4.0)
    slow, fast = (Trial(1, None, "", stages={"short": {"training": s, "epochs": 2.0}}) for s in (20.0, 4.0))
    assert plan.price_of(epoch_of(slow)) == 60.0, "it is cut off there"
    assert plan.price_of(epoch_of(fast)) == 36.0, "it may do all epochs of the recipe"


@pytest.mark.parametrize(("data", "flip"), [("digits", False), ("symmetric", True)])
def test_images_are_mirrored_where_mirrored_ones_are_known(data, flip):
    from nasmyth.domains import domain_for, read
    from nasmyth.network import build
    from nasmyth.train import fit, initialise

    torch.set_num_threads(1)
    source = data
    if data == "symmetric":  # the class is the row that is bright
        y = torch.arange(300) % 3
        x = torch.randint(0, 100, (300, 8, 8), generator=torch.Generator().manual_seed(0)).float()
        x[torch.arange(300), 1 + 2 * y] += 120
        source = (x.numpy(), y.numpy())
    task = read(source)
    domain = domain_for(task)
    graph = domain.space(task).decode(domain.plain(task, 8))
    network = build(graph, 0, task.inputs, task.outputs)
    initialise(network, 0)
    fit(network, task, task.recipe, epochs=4, seed=0)
    recipe, why = domain.adapted(task.recipe, network, task)
    assert (Flip() in recipe.augment) is flip and bool(why) is flip
    assert recipe.replace(augment=task.recipe.augment) == task.recipe


def test_what_is_told_of_a_network_besides_its_scores_is_part_of_its_time():
    plan = Plan(Recipe(epochs=18), price=60.0, short_of_time=True, costliest=4.0, metric_seconds=5.0)
    assert plan.seconds("final") == 65.0 and plan.seconds("short") == pytest.approx(60 / 9 + 5)
    fast = Trial(1, None, "", stages={"short": {"training": 4.0, "epochs": 2.0}})
    assert plan.price_of(epoch_of(fast)) == 41.0
