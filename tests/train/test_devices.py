"""Data-parallel training, with two processes on the CPU: slow to start, so in a file of its own."""

import pytest
import torch
from toys import mlp, same, weights

from nasmyth.errors import Diverged
from nasmyth.train import EMA, SGD, AdamW, Cosine, Mixup, Recipe, evaluate, fit


def test_two_processes_take_the_steps_of_one(line):
    """Without batch norm, the mean of two half gradients is the gradient of the whole batch."""
    recipe = Recipe(optimizer=SGD(lr=0.05), batch=16, epochs=2)
    one, two = mlp(), mlp()
    two.register_buffer("table", torch.arange(6.0).view(2, 3).T)  # however it lies in memory
    alone = fit(one, line, recipe, device="cpu")
    shared = fit(two, line, recipe, device="cpu*2")
    for name, t in weights(one).items():
        torch.testing.assert_close(t, weights(two)[name], rtol=1e-3, atol=1e-4)
    assert shared.scores["rmse"] == pytest.approx(alone.scores["rmse"], rel=1e-2)
    assert shared.scores == pytest.approx(evaluate(two, line), rel=1e-5)
    assert shared.reason == "finished" and shared.epochs == 2
    assert two.table.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_two_processes_go_on_as_if_they_had_never_stopped(line):
    """Each has generators of its own, which the state holds. The weights are more than a pipe between processes holds."""
    recipe = Recipe(AdamW(lr=0.02), augment=(Mixup(0.3),), average=EMA(0.9), batch=16, epochs=3)
    whole, parts = mlp(hidden=8192), mlp(hidden=8192)
    assert sum(4 * p.numel() for p in whole.parameters()) > 2**16
    fit(whole, line, recipe, device="cpu*2")
    left = fit(parts, line, recipe, until=1.5, device="cpu*2")
    assert left.reason == "until" and {"noise.0", "noise.1", "torch.1"} <= left.state.generators.keys()
    again = fit(left.state, line, device="cpu*2")
    assert same(weights(whole), weights(again.network)) and again.epochs == 3


def test_they_diverge_together(line):
    with pytest.raises(Diverged):
        fit(
            mlp(), line, Recipe(optimizer=SGD(lr=1e30), schedule=Cosine(warmup=0.0), batch=16, epochs=3), device="cpu*2"
        )
