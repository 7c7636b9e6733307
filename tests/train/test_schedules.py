import math

import pytest
import torch

from nasmyth.errors import SpaceError
from nasmyth.space import choice
from nasmyth.train import ConstantRate, Cosine, MultiStep, OneCycle, WarmupStableDecay


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("final", [0.0, 0.2])
def test_cosine_is_a_line_then_half_a_cosine(warmup, final):
    for i in range(101):
        p = i / 100
        if p < warmup:
            expected = p / warmup
        else:
            expected = final + (1 - final) * (1 + math.cos(math.pi * (p - warmup) / (1 - warmup))) / 2
        assert Cosine(warmup, final).factor(p) == pytest.approx(expected, abs=1e-12)


def test_cosine_rises_to_one_and_falls_from_there():
    values = [Cosine(warmup=0.25).factor(i / 1000) for i in range(1001)]
    assert max(values) == values[250] == 1.0
    assert values[:251] == sorted(values[:251])
    assert values[250:] == sorted(values[250:], reverse=True)
    assert values[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    "schedule",
    [
        Cosine(0.1),
        Cosine(final=0.3),
        OneCycle(),
        MultiStep(warmup=0.1),
        ConstantRate(0.2),
        WarmupStableDecay(final=0.1),
    ],
)
def test_progress_outside_is_held_at_the_ends(schedule):
    assert schedule.factor(-1.0) == schedule.factor(0.0) >= 0
    assert schedule.factor(1.7) == schedule.factor(1.0) <= 1


def test_one_cycle_is_that_of_torch():
    """The oracle: torch.optim.lr_scheduler.OneCycleLR, which counts steps."""
    steps, weight = 101, torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, pct_start=0.3)
    peak = 0.3 * steps - 1  # where theirs turns, of steps - 1
    ours = OneCycle(warmup=peak / (steps - 1))
    for step in range(steps):
        assert ours.factor(step / (steps - 1)) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        if step + 1 < steps:
            theirs.step()


def test_steps_and_constants():
    schedule = MultiStep(at=(0.5, 0.75), gamma=0.1, warmup=0.2)
    told = [schedule.factor(p) for p in (0.1, 0.2, 0.49, 0.5, 0.75, 1.0)]
    assert told == pytest.approx([0.5, 1.0, 1.0, 0.1, 0.01, 0.01])
    assert [ConstantRate().factor(p) for p in (0.0, 0.5, 1.0)] == [1.0] * 3 and ConstantRate(0.5).factor(0.25) == 0.5


@pytest.mark.parametrize("fall", ["sqrt", "linear"])
@pytest.mark.parametrize(("warmup", "decay", "final"), [(0.05, 0.25, 0.0), (0.0, 1.0, 0.1), (0.2, 0.1, 0.5)])
def test_a_stable_phase_between_a_rise_and_a_fall(fall, warmup, decay, final):
    """Haegele et al. 2024, equations 1 and 2, in shares of the training."""
    schedule = WarmupStableDecay(warmup, decay, final, fall)
    for i in range(201):
        p = i / 200
        if p < warmup:
            expected = p / warmup
        elif p <= 1 - decay:
            expected = 1.0
        else:
            share = (p - (1 - decay)) / decay
            expected = final + (1 - final) * (1 - (math.sqrt(share) if fall == "sqrt" else share))
        assert schedule.factor(p) == pytest.approx(expected, abs=1e-9)
    assert schedule.factor(1.0) == pytest.approx(final, abs=1e-9)


def test_a_stable_phase_without_a_fall_and_shares_that_are_open():
    assert WarmupStableDecay(decay=0.0).factor(1.0) == 1.0
    WarmupStableDecay(warmup=0.5, decay=choice(0.2, 0.6))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Cosine(warmup=1.0), "warmup"),
        (lambda: OneCycle(start=-1), "start"),
        (lambda: MultiStep(at=(2.0,)), "at="),
        (lambda: WarmupStableDecay(warmup=0.5, decay=0.6), "warmup=0.5, decay=0.6"),
        (lambda: WarmupStableDecay(fall="cosine"), "fall='cosine'"),
    ],
)
def test_what_no_schedule_can_be(make, said):
    with pytest.raises(SpaceError, match=said):
        make()
