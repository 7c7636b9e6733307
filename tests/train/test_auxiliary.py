"""What layers add to the loss reaches training."""

import torch
from toys import same, weights

from nasmyth import Graph, chain, ops
from nasmyth.network import build
from nasmyth.train import Recipe, fit
from nasmyth.train.auxiliary import auxiliary_losses

RECIPE = Recipe(batch=64, epochs=3)


def network(balance):
    """Six experts, of which nearly all places pass the first at first."""
    mixture = ops.MixtureOfExperts(6, 1, 8, balance=balance, z_loss=0.0)
    body = chain(patch=ops.Patchify(4, 8), mix=mixture, pool=ops.Mean("l"), head=ops.Linear(10))
    made = build(Graph.of(body, input=(1, 8, 8)))
    made.patch.bias.data[0] = 2.0
    made.mix.gate[0].data[0, 0] += 1.5
    return made


def imbalance(made, task):
    """6 sum f P on the training split: 1 where all experts are used alike."""
    before, made.mix.balance = made.mix.balance, 1.0
    with auxiliary_losses(made) as losses, torch.no_grad():
        made.train()(task.inputs.module()(task.train.x))
    made.mix.balance = before
    return float(losses[0])


def test_experts_are_balanced_by_training(digits):
    balanced, free = network(1.0), network(0.0)
    assert imbalance(free, digits) > 2
    for made in (balanced, free):
        fit(made, digits, RECIPE, device="cpu")
        assert made.mix.auxiliary_losses is None
    assert imbalance(balanced, digits) < 1.3 < imbalance(free, digits)


def test_the_loss_of_a_step_holds_it(digits):
    seen = []

    def step(run, batch):
        pred = run.predict(batch.x)
        extra = sum(float(loss.detach()) for loss in run.auxiliary)
        loss = run.loss(pred, batch)
        seen.append((float(loss.detach()), float(run.task.loss(pred, batch.targets[0][1], 0.0).detach()), extra))
        assert run.auxiliary == []
        return run.update(loss)

    fit(network(1.0), digits, Recipe(batch=64, epochs=1, smoothing=0.0), step=step, device="cpu")
    for whole, plain, extra in seen:
        assert extra >= 0.9 and abs(whole - plain - extra) < 1e-4


def test_a_step_that_asks_for_no_loss_gathers_none(digits):
    gathered = []

    def step(run, batch):
        gathered.append(len(run.auxiliary))
        return run.update(run.task.loss(run.predict(batch.x), batch.targets[0][1], 0.0))

    alone, plain = network(0.0), network(0.0)
    fit(alone, digits, RECIPE, until=1, step=step, device="cpu")
    assert set(gathered) == {0}
    assert not same(weights(alone), weights(plain))
