import math

import pytest

from nasmyth.train.rates import factor


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("final", [0.0, 0.2])
def test_is_a_line_then_half_a_cosine(warmup, final):
    for i in range(101):
        p = i / 100
        if p < warmup:
            expected = p / warmup
        else:
            expected = final + (1 - final) * (1 + math.cos(math.pi * (p - warmup) / (1 - warmup))) / 2
        assert factor(p, warmup, final) == pytest.approx(expected, abs=1e-12)


def test_rises_to_one_and_falls_from_there():
    values = [factor(i / 1000, warmup=0.25) for i in range(1001)]
    assert max(values) == values[250] == 1.0
    assert values[:251] == sorted(values[:251])
    assert values[250:] == sorted(values[250:], reverse=True)
    assert values[-1] == pytest.approx(0.0, abs=1e-12)


def test_progress_outside_is_held_at_the_ends():
    assert factor(-1.0, warmup=0.1) == factor(0.0, warmup=0.1)
    assert factor(1.7, final=0.3) == pytest.approx(0.3)
