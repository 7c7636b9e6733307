"""Attacks against a network for which the worst change is known, a trained one, and ones that hide their gradients."""

from __future__ import annotations

import pickle
import re

import pytest
import torch
from torch import nn

import nasmyth
from nasmyth.errors import DataError, UnitError
from nasmyth.forms.inputs import ImageInput
from nasmyth.forms.outputs import Classes
from nasmyth.measure import Candidate, constraint, find, masking, robust
from nasmyth.measure.attacks import Attack, Victim, attacked, perturbed, survivors
from nasmyth.measure.robustness import masked, signs_of
from nasmyth.testing import check_measure
from nasmyth.train import SGD, Recipe, Split, Task, evaluate, fit, initialise

torch.set_num_threads(1)


def task_of(x, y, classes=2):
    split = Split(x, y)
    inputs = ImageInput(x.shape[1], x.shape[2], x.shape[3], (0.5,) * x.shape[3], (0.25,) * x.shape[3])
    return Task("toy", inputs, Classes(tuple(map(str, range(classes)))), split, split, split)


class Threshold(nn.Module):
    """Answers 1 where the mean pixel is above a half: what moves every pixel by eps moves its answer by exactly that."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(8.0))

    def forward(self, x):
        score = self.gain * x.mean((1, 2, 3))
        return torch.stack([-score, score], 1)


@pytest.fixture(scope="module")
def grey():
    """Flat images of every level from black to white, and whether they are bright."""
    levels = torch.arange(256, dtype=torch.uint8)
    return task_of(levels.view(-1, 1, 1, 1).expand(-1, 4, 4, 1).clone(), (levels > 127).long())


@pytest.mark.parametrize("kind", ["fgsm", "pgd"])
@pytest.mark.parametrize("eps", [10 / 255, 0.2])
def test_of_a_linear_network_exactly_those_within_reach_fall(grey, kind, eps):
    levels = torch.arange(256) / 255
    margin = (levels - 0.5).abs()
    left = survivors(Threshold(), grey, Attack(kind, eps, 10))
    clear = (margin - eps).abs() > 1e-3
    assert torch.equal(left[clear], (margin > eps)[clear])
    assert robust(kind, eps=eps)(Threshold(), grey) == pytest.approx(float((margin > eps).double().mean()), abs=0.01)


@pytest.mark.parametrize("kind", ["fgsm", "pgd", "noise"])
def test_images_stay_near_and_within_the_scale(digits, trained, kind):
    victim = Victim("test", trained, digits)
    x, y = victim.pixels(digits.valid.x[:50]), digits.valid.y[:50]
    with attacked(trained), torch.no_grad():
        moved = perturbed(victim, x, y, Attack(kind, 0.1, 5, 2))
        again = perturbed(victim, x, y, Attack(kind, 0.1, 5, 2))
        other = perturbed(victim, x, y, Attack(kind, 0.1, 5, 2, seed=1))
    assert float((moved - x).abs().max()) <= 0.1 + 1e-6 and float(moved.min()) >= 0 and float(moved.max()) <= 1
    assert torch.equal(moved, again) and (kind == "fgsm") == torch.equal(moved, other)
    assert not torch.equal(moved, x)


@pytest.fixture(scope="module")
def digits():
    return nasmyth.read("digits")


@pytest.fixture(scope="module")
def trained(digits):
    def layer(c, out, stride=1):
        return [nn.Conv2d(c, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]

    body = [*layer(1, 12), *layer(12, 12, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10)]
    network = initialise(nn.Sequential(*body))
    fit(network, digits, Recipe(epochs=6, optimizer=SGD(lr=0.1), batch=32))
    return network


def test_the_scale_is_that_of_the_training_images(digits, trained):
    """Scikit-learn's digits have 17 levels: their white is 1."""
    victim = Victim("test", trained, digits)
    assert (victim.dark, victim.bright) == (0, 16)
    x = digits.valid.x[:20]
    with attacked(trained), torch.no_grad():
        straight = trained(digits.inputs.module()(x))
        assert torch.allclose(victim(victim.pixels(x)), straight, atol=1e-4)


def test_stronger_attacks_leave_less(digits, trained):
    def left(name):
        return find(name)(trained, digits)

    clean = evaluate(trained, digits)["accuracy"]
    assert clean > 0.8
    noise, fgsm, pgd = (left(f"robust@{kind},eps=0.1") for kind in ("noise", "fgsm", "pgd"))
    assert clean >= noise > fgsm >= pgd
    by_size = [left(f"robust@pgd,eps={eps}") for eps in (0.01, 0.05, 0.1, 0.3, 1)]
    assert by_size == sorted(by_size, reverse=True) and by_size[0] > 0.7 and by_size[-1] < 0.05
    assert left("robust@pgd,eps=0.1,steps=20,restarts=2") <= pgd + 0.02


def test_an_attack_leaves_the_network_as_it_was(digits, trained):
    before = {name: t.clone() for name, t in trained.state_dict().items()}
    trained.train()
    trained.zero_grad()
    trained[0].weight.requires_grad_(False)
    robust("pgd")(trained, digits)
    assert all(torch.equal(before[name], t) for name, t in trained.state_dict().items())
    assert trained.training and not trained[0].weight.requires_grad and trained[3].weight.requires_grad
    assert all(weight.grad is None for weight in trained.parameters())
    trained.eval()[0].weight.requires_grad_(True)


# --- masked gradients --------------------------------------------------------------------------------------------------


class Before(nn.Module):
    """A network behind something that hides its gradients."""

    def __init__(self, network, hide):
        super().__init__()
        self.network, self.hide = network, hide

    def forward(self, x):
        return self.hide(self.network, x)


def test_an_honest_network_shows_no_sign(digits, trained):
    found = masked(trained, digits, eps=0.1, examples=120)
    assert found.signs == () and found.figures["unbounded"] < 0.05 and found.figures["flat"] == 0
    assert masking("pgd", eps=0.1)(trained, digits) == 0


@pytest.mark.parametrize(
    "hide",
    [
        pytest.param(lambda network, x: network((2 * x).round() / 2), id="shattered: rounded inputs"),
        pytest.param(lambda network, x: 1e4 * network(x), id="vanishing: logits so large that softmax is flat"),
    ],
)
def test_hidden_gradients_are_told(digits, trained, hide):
    network = Before(trained, hide)
    assert evaluate(network, digits)["accuracy"] > 0.7, "it classifies as before"
    assert robust("pgd", eps=0.1)(network, digits) > robust("pgd", eps=0.1)(trained, digits) + 0.2, "and seems robust"
    signs = masked(network, digits, eps=0.1, examples=120).signs
    assert any("the gradient is zero" in sign for sign in signs) and any("without bounds" in sign for sign in signs)


HONEST = {
    "clean": 0.9,
    "fgsm": 0.4,
    "pgd": 0.3,
    "noise": 0.8,
    "half": 0.6,
    "double": 0.1,
    "unbounded": 0.0,
    "flat": 0.0,
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"pgd": 0.42, "half": 0.7}, None),  # two points are within chance
        ({"fgsm": 0.1, "double": 0.1}, "one step .0.100 left. does more harm than many .0.300."),
        ({"noise": 0.1}, "random noise"),
        ({"half": 0.1}, "half the distance"),
        ({"double": 0.5}, "twice the distance"),
        ({"unbounded": 0.2}, "without bounds the attack still leaves 0.200"),
        ({"flat": 0.5}, "the gradient is zero for 0.500"),
    ],
)
def test_each_sign_alone(change, said):
    found = signs_of({**HONEST, **change}, examples=200)
    assert found == () if said is None else len(found) == 1
    if said:
        assert re.match(said, found[0])


# --- as measures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("robust@pgd", "robust@pgd"),
        ("robust@fgsm,eps=0.1", "robust@fgsm,eps=0.1"),
        ("robust@pgd,eps=8/255,steps=10", "robust@pgd"),
        ("robust@pgd,steps=40,eps=4/255", "robust@pgd,eps=4/255,steps=40"),
        ("robust@pgd,eps=1,restarts=3", "robust@pgd,eps=1,restarts=3"),
        ("masking@pgd,eps=0.1", "masking@pgd,eps=0.1"),
    ],
)
def test_names_lead_back(text, name):
    one = find(text)
    check_measure(one)
    assert one.name == name and find(name) is one and pickle.loads(pickle.dumps(one)) is one
    assert constraint(f"{text}>=0.25") == (one >= 0.25)


def test_the_laws_hold_on_a_network(digits, trained):
    for name in ("robust@pgd,eps=0.05,steps=3", "robust@fgsm", "robust@noise,steps=2"):
        check_measure(find(name), Candidate.of(trained, digits))
        assert find(name)(trained, digits) == find(name)(trained, digits), "repeatable, though it need not be"
        assert 0 <= find(name)(trained, digits, split="test") <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("robust", "say where it is measured, such as 'robust@pgd'"),
        ("robust@pdg", "no such attack; write robust@fgsm or robust@pgd"),
        ("robust@pgd,eps=2", "above 0 and at most 1, such as 8/255"),
        ("robust@pgd,eps=0", "above 0"),
        ("robust@pgd,eps=a/b", "eps=a/b"),
        ("robust@pgd,eps=1/0", "eps=1/0"),
        ("robust@pgd,steps=0", "steps=0: write a whole number"),
        ("robust@pgd,steps=2.5", "steps=2.5: write a whole number"),
        ("robust@pgd,step=2", "step"),
        ("robust@fgsm,steps=3", "takes one step"),
        ("masking@fgsm", "write masking@pgd"),
    ],
)
def test_bad_settings_are_refused_with_the_cure(text, said):
    with pytest.raises(UnitError, match=said):
        find(text)


def test_tables_cannot_be_attacked():
    from nasmyth.forms.inputs import Column, TableInput

    split = Split(torch.zeros(4, 1), torch.tensor([0, 1, 0, 1]))
    table = Task("table", TableInput((Column("x"),)), Classes(("a", "b")), split, split, split)
    with pytest.raises(DataError, match="for classifiers of images, and table is a classification of inputs"):
        robust("pgd")(nn.Linear(1, 2), table)
