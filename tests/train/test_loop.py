import copy
import math
import threading
import time

import pytest
import torch
from torch import nn
from toys import convnet, mlp, same, weights

from nasmyth.errors import DataError, Diverged, UnitError
from nasmyth.train import (
    EMA,
    SGD,
    AdamW,
    Cosine,
    Crop,
    Flip,
    Mixup,
    Recipe,
    Split,
    Task,
    evaluate,
    fit,
    limits,
    predict_logits,
)

QUICK = Recipe(batch=64, epochs=2)
EVERYTHING = Recipe(
    augment=(Flip(), Crop(1), Mixup(0.2)), batch=64, epochs=2, average=EMA(0.9), smoothing=0.1, clip=1.0
)


def test_learns_the_digits(digits):
    net = convnet()
    fitted = fit(net, digits, Recipe(batch=32, epochs=8), device="cpu")
    assert fitted.scores["accuracy"] > 0.95
    assert evaluate(net, digits, "test")["accuracy"] > 0.95
    assert fitted.reason == "finished" and fitted.epochs == 8 and len(fitted.curve) == 8
    assert fitted.curve[-1]["train_loss"] < fitted.curve[0]["train_loss"]


def test_learns_a_line_in_its_own_units(line):
    fitted = fit(mlp(), line, Recipe(optimizer=AdamW(lr=0.02), batch=16, epochs=40), device="cpu")
    assert fitted.scores["r2"] > 0.99
    assert fitted.scores["rmse"] < 0.1 * line.outputs.std[0]


@pytest.mark.parametrize("recipe", [QUICK, EVERYTHING, EVERYTHING.replace(optimizer=AdamW(lr=0.01))])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(digits, recipe):
    nets = [convnet(dropout=0.1) for _ in range(3)]
    fitted = [fit(net, digits, recipe, seed=seed, device="cpu") for net, seed in zip(nets, (5, 5, 6), strict=True)]
    assert same(weights(nets[0]), weights(nets[1])) and not same(weights(nets[0]), weights(nets[2]))
    assert fitted[0].scores == fitted[1].scores


def test_the_global_random_state_is_left_alone(digits):
    network = convnet(dropout=0.5)
    before = torch.get_rng_state()
    fit(network, digits, EVERYTHING, epochs=0.2, device="cpu")
    assert torch.equal(before, torch.get_rng_state())


def test_the_network_holds_the_best_weights_with_the_scores_reported(digits):
    for recipe in (QUICK.replace(epochs=4, optimizer=SGD(lr=0.3)), EVERYTHING):
        net = convnet()
        fitted = fit(net, digits, recipe, device="cpu")
        assert fitted.scores == pytest.approx(evaluate(net, digits), rel=1e-5)
        peak = max(fitted.curve, key=lambda entry: entry["accuracy"])
        assert fitted.scores["accuracy"] >= peak["accuracy"] - digits.unsure(peak)


def test_modes_memory_layout_and_device_are_as_before(digits):
    net = convnet().eval()
    net[0].train()
    fit(net, digits, QUICK, epochs=0.3, device="cpu")
    assert net[0].training and not net[3].training and not net.training
    assert all(p.is_contiguous() and p.device.type == "cpu" for p in net.parameters())


def test_a_network_can_be_trained_again(digits):
    net = convnet()
    first = fit(net, digits, QUICK, device="cpu").scores
    again = fit(net, digits, QUICK.replace(optimizer=SGD(lr=0.01)), device="cpu", seed=1)
    assert again.curve[0]["loss"] < 1.5 * first["loss"]  # it went on from where it was


def test_the_rate_follows_the_schedule(digits):
    fitted = fit(convnet(), digits, QUICK.replace(epochs=4, schedule=Cosine(0.3), optimizer=SGD(lr=0.2)), device="cpu")
    steps = 1078 // 64
    for entry in fitted.curve:
        assert entry["lr"] == pytest.approx(0.2 * Cosine(0.3).factor((entry["epoch"] * steps - 0.5) / (4 * steps)))


def test_divergence_is_told(digits):
    with pytest.raises(Diverged, match="lr=") as caught:
        fit(convnet(), digits, Recipe(optimizer=SGD(lr=1e30), schedule=Cosine(0.0), batch=64), device="cpu")
    assert caught.value.reason == "diverged"


def test_time_is_kept_and_the_rate_still_falls(digits):
    start = time.perf_counter()
    fitted = fit(convnet(), digits, QUICK, epochs=math.inf, seconds=1.5, device="cpu")
    assert fitted.reason == "time"
    assert time.perf_counter() - start < 6.0  # generous: other programs may run
    assert fitted.curve[-1]["lr"] < 0.05 * QUICK.optimizer.lr
    assert fitted.epochs > 0


def test_no_time_at_all_is_one_step(digits):
    fitted = fit(convnet(), digits, QUICK, seconds=0.0, device="cpu")
    assert fitted.reason == "time" and fitted.epochs == pytest.approx(1 / (1078 // 64))
    assert "accuracy" in fitted.scores


def test_never_ending_is_refused(digits):
    with pytest.raises(ValueError, match="seconds"):
        fit(convnet(), digits, QUICK, epochs=math.inf, device="cpu")


def test_parts_of_epochs(digits):
    fitted = fit(convnet(), digits, QUICK, epochs=1.5, device="cpu")
    assert [entry["epoch"] for entry in fitted.curve] == [1.0, 1.5] and fitted.reason == "finished"


def test_patience(digits):
    recipe = QUICK.replace(optimizer=SGD(lr=1e-12, momentum=0.0), schedule=Cosine(0.0))
    net = convnet()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0  # then nothing changes, so nothing improves
    fitted = fit(net, digits, recipe, epochs=50, patience=2, device="cpu")
    assert fitted.reason == "patience" and fitted.epochs < 10


def test_stop_and_on_epoch(digits):
    seen, flag = [], threading.Event()

    def on_epoch(entry):
        seen.append(entry)
        if len(seen) == 2:
            flag.set()

    fitted = fit(convnet(), digits, QUICK, epochs=30, on_epoch=on_epoch, stop=flag.is_set, device="cpu")
    assert fitted.reason == "stopped" and fitted.epochs == 2
    assert tuple(seen) == fitted.curve
    assert {"epoch", "train_loss", "accuracy", "loss", "lr", "seconds"} <= seen[0].keys()


def test_an_interrupt_leaves_the_best_weights(digits):
    def interrupt(entry):
        if entry["epoch"] == 2:
            raise KeyboardInterrupt

    net, reference = convnet(), convnet()
    with pytest.raises(KeyboardInterrupt):
        fit(net, digits, EVERYTHING, on_epoch=interrupt, device="cpu")
    fit(reference, digits, EVERYTHING, device="cpu")
    assert same(weights(net), weights(reference))


def test_one_step_is_the_one_that_torch_would_take(line):
    """The oracle: plain momentum steps with Nesterov, written out."""
    count = len(line.train)
    recipe = Recipe(SGD(lr=0.1, momentum=0.9, weight_decay=0.01), Cosine(0.0), batch=count, epochs=3)
    net = mlp()
    other = copy.deepcopy(net)
    whole = Split(line.train.x, line.train.y)
    fit(net, Task("whole", line.inputs, line.outputs, whole, whole, whole), recipe, device="cpu")
    x, target = line.inputs.module()(line.train.x), line.outputs.standardise(line.train.y)
    velocity = [torch.zeros_like(p) for p in other.parameters()]
    best, kept = math.inf, None
    for step in range(3):
        grads = torch.autograd.grad((other(x) - target).square().mean(), list(other.parameters()))
        with torch.no_grad():
            for p, g, v in zip(other.parameters(), grads, velocity, strict=True):
                g = g + 0.01 * p if p.ndim > 1 else g
                v.copy_(g if step == 0 else 0.9 * v + g)
                p -= 0.1 * Cosine(0.0).factor((step + 0.5) / 3) * (g + 0.9 * v)
            loss = (other(x) - target).square().mean().item()
        if loss < best:
            best, kept = loss, weights(other)
    for name, t in net.state_dict().items():
        torch.testing.assert_close(t, kept[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_norms_and_biases_do_not_decay(kind):
    net = convnet()
    groups = kind(weight_decay=0.1).over(net.parameters()).param_groups
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert {id(p) for p in net.parameters()} == decays.keys()
    assert all(decays[id(p)] == (0.1 if p.ndim > 1 else 0.0) for p in net.parameters())


def test_frozen_weights_stay(digits):
    net = convnet()
    net[0].weight.requires_grad_(False)
    before = net[0].weight.clone()
    fit(net, digits, QUICK, epochs=0.5, device="cpu")
    assert torch.equal(before, net[0].weight)


def test_a_network_of_another_size_is_refused(digits):
    with pytest.raises(DataError, match=r"Linear\(10\)"):
        fit(nn.Sequential(nn.Flatten(), nn.Linear(64, 7)), digits, QUICK, device="cpu")


def test_a_network_without_weights_is_refused(digits):
    with pytest.raises(DataError, match="no weights"):
        fit(nn.Flatten(), digits, QUICK, device="cpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:1", ""])
def test_unknown_devices_are_refused(digits, device):
    with pytest.raises(UnitError, match="device"):
        fit(convnet(), digits, QUICK, device=device)


def test_the_batch_of_an_evaluation_does_not_matter(digits):
    net = convnet()
    whole, parts = (evaluate(net, digits, "test", batch=b) for b in (1000, 7))
    assert whole == pytest.approx(parts, rel=1e-5)
    logits = [predict_logits(net, digits.inputs, digits.test.x, batch=b) for b in (1000, 7)]
    torch.testing.assert_close(*logits)
    assert net.training


def test_training_never_reads_the_test_split(digits):
    other = Split(digits.test.x.flip(0), digits.test.y)
    changed = Task("changed", digits.inputs, digits.outputs, digits.train, digits.valid, other)
    nets = convnet(), convnet()
    for net, task in zip(nets, (digits, changed), strict=True):
        fit(net, task, QUICK, epochs=1, device="cpu")
    assert same(weights(nets[0]), weights(nets[1]))


def test_half_precision_trains(digits):
    fitted = fit(convnet(4), digits, QUICK.replace(precision="bf16"), epochs=0.5, device="cpu")
    assert math.isfinite(fitted.scores["loss"])


class Paced(nn.Linear):
    """Notes what it is told of the progress."""

    def __init__(self):
        super().__init__(2, 1)
        self.told = []

    def set_progress(self, fraction):
        self.told.append(fraction)


def test_layers_are_told_the_progress_before_every_step(line):
    layer = Paced()
    fitted = fit(nn.Sequential(layer), line, Recipe(batch=16, epochs=3, optimizer=SGD(lr=0.01)), device="cpu")
    steps = 3 * (len(line.train) // 16)
    assert fitted.reason == "finished" and len(layer.told) == steps
    assert layer.told == [pytest.approx((i + 0.5) / steps) for i in range(steps)]


class Clock:
    """A clock that the test holds: every step of the layer takes a second, every evaluation three, and nothing else any."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(limits, "clock", lambda: self.now)

    def hook(self, layer, *_):
        self.now += 1.0 if layer.training else 3.0


def test_progress_follows_the_clock_where_time_ends_the_run(line, monkeypatch):
    clock, layer = Clock(monkeypatch), Paced()
    layer.register_forward_hook(clock.hook)
    recipe = Recipe(batch=16, optimizer=SGD(lr=0.01))
    fitted = fit(nn.Sequential(layer), line, recipe, epochs=math.inf, seconds=60.0, device="cpu")
    per_epoch = len(line.train) // 16
    assert fitted.reason == "time" and layer.told == sorted(layer.told) and 0 <= layer.told[0] and layer.told[-1] < 1
    evaluations = math.ceil(fitted.epochs)
    assert fitted.seconds == len(layer.told) + 3 * evaluations and 57 <= fitted.seconds <= 61, "kept to within a step"
    assert layer.told[-1] > 0.9 and len(layer.told) == round(fitted.epochs * per_epoch)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 7.0, 33.3, 200.0])
def test_time_is_kept_to_within_one_step_and_one_evaluation(line, monkeypatch, seconds):
    clock, layer = Clock(monkeypatch), Paced()
    layer.register_forward_hook(clock.hook)
    fitted = fit(nn.Sequential(layer), line, Recipe(batch=16), epochs=math.inf, seconds=seconds, device="cpu")
    assert fitted.reason == "time" and fitted.seconds <= max(4.0, seconds + 4.0)


def test_where_time_ends_only_a_part_of_the_run_the_rate_does_not_know(line, monkeypatch):
    clock, layer = Clock(monkeypatch), Paced()
    layer.register_forward_hook(lambda layer, *_: clock.hook(layer))  # a copy of the network has the same clock
    recipe, per_epoch = Recipe(batch=16, optimizer=SGD(lr=0.01)), len(line.train) // 16
    left = fit(nn.Sequential(layer), line, recipe, epochs=50, seconds=30.0, pause=True, device="cpu")
    steps = 50 * per_epoch
    assert left.reason == "until" and 26 <= left.seconds <= 31
    assert layer.told == [pytest.approx((i + 0.5) / steps) for i in range(len(layer.told))]
    assert left.state.progress.spent == 0.0
    clock.now += 1000.0  # it was left, and the clock went on
    seconds = left.seconds + 40.0
    end = fit(left.state, line, epochs=400, seconds=seconds, device="cpu")
    assert end.reason == "time" and seconds - 4 <= end.seconds <= seconds + 4


def test_going_on_after_a_pause_equals_never_having_stopped(line, monkeypatch):
    clock, network, start = Clock(monkeypatch), nn.Sequential(Paced()), nn.Sequential(Paced())
    start.load_state_dict(network.state_dict())
    for one in (network, start):
        one[0].register_forward_hook(clock.hook)
    recipe = Recipe(batch=16, epochs=6, optimizer=SGD(lr=0.01), average=EMA(0.9))
    whole = fit(network, line, recipe, seed=1, device="cpu")
    left = fit(start, line, recipe, seed=1, seconds=11.0, pause=True, device="cpu")
    assert left.reason == "until" and left.epochs < 6
    end = fit(left.state, line, device="cpu")
    assert end.scores == whole.scores and torch.equal(end.network[0].weight, network[0].weight)


@pytest.mark.parametrize("more, goes_on", [(120.0, True), (10.0, True), (0.0, False)])
def test_what_time_has_ended_goes_on_with_more_of_it_at_a_rate_that_rises_again(line, monkeypatch, more, goes_on):
    clock, layer = Clock(monkeypatch), Paced()
    layer.register_forward_hook(lambda layer, *_: clock.hook(layer))
    recipe = Recipe(batch=16, optimizer=SGD(lr=0.01))
    over = fit(nn.Sequential(layer), line, recipe, epochs=math.inf, seconds=60.0, device="cpu")
    steps = len(layer.told)
    end = fit(over.state, line, epochs=math.inf, seconds=over.seconds + more, device="cpu")
    assert end.reason == "time" and (end.epochs > over.epochs) == goes_on
    again = end.network[0].told[steps:]
    assert again == sorted(again) and all(one < 1 for one in again)
    if more == 120.0:
        assert 0.25 < again[0] < 0.45 < 0.9 < again[-1], "a third of the whole was over"
