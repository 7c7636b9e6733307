"""The Gaussian process of the guide to strategies: fitted once for each result, and worth it."""

import math
import re
from pathlib import Path
from statistics import mean, stdev

import pytest
from core_toys import SHAPE, Tag

from nasmyth.graph import chain
from nasmyth.search import Random, Simulation, simulate
from nasmyth.space import Space, integer, real
from nasmyth.testing import check_strategy

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "strategies.md"
SPACE = Space(chain(*(Tag(i, integer(0, 15)) for i in range(4)), Tag(real(0, 1))), SHAPE)


@pytest.fixture(scope="module")
def names():
    """What its block on the page defines; there it is registered, too."""
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "class Observed" in b]
    defined = {"__name__": "guide", "check_strategy": lambda *args, **settings: None, "space": SPACE}
    exec(block.replace('@strategy("gaussian_process")\n', ""), defined)
    return defined


def height(one, parent):
    """A smooth hill; a tenth of all fails."""
    *layers, rate = one.genome.values()
    value = -sum((n - 5 - i) ** 2 for i, n in enumerate(layers)) / 100 - (rate - 0.3) ** 2
    return ([] if one.number % 10 == 9 else [value]), 1.0


@pytest.mark.parametrize("workers", [1, 8])
def test_one_fit_for_each_result_and_none_for_asking(names, workers, monkeypatch):
    """However many ask at once or in turn. Counted where the length scales are tried: nine a fit."""
    calls = []
    likelihood = names["likelihood"]
    monkeypatch.setitem(names, "likelihood", lambda x, y, scale: calls.append(len(y)) or likelihood(x, y, scale))
    search = Simulation(names["SquaredExponential"](start=4, pool=20), SPACE)
    while len(search.log) < 4:
        for one in search.ask(1):
            search.tell(one.number, [float(one.number)])
    assert not calls, "nothing is fitted before it is needed"
    for told in range(4, 16):
        for _ in range(workers):
            search.ask(1)
        search.ask(3)
        assert calls == [n for n in range(4, told + 1) for _ in range(9)], "one fit, of nine length scales"
        search.tell(next(iter(search.pending)), [float(told)])


def test_what_is_pending_is_believed_and_not_asked_for_again(names):
    """Eight workers that ask in turn are sent to eight places, as far apart as eight proposals at once."""
    search = Simulation(names["SquaredExponential"](start=4), SPACE)
    for one in search.ask(12):
        search.tell(one.number, height(one, None)[0])
    asked = [search.ask(1)[0].genome for _ in range(8)]
    assert all(a != b for i, a in enumerate(asked) for b in asked[:i])


def test_it_is_better_than_chance(names):
    """By more than the 99 % interval of the difference over 6 seeds, one at a time and four at once."""
    for workers in (1, 4):
        gains = []
        for seed in range(6):
            found, drawn = (
                simulate(one, SPACE, height, workers=workers, trials=50, seed=seed)
                for one in (names["SquaredExponential"](pool=60), Random())
            )
            gains.append(max(t.objectives for t in found)[0] - max(t.objectives for t in drawn)[0])
        assert mean(gains) - 4.03 * stdev(gains) / math.sqrt(6) > 0  # t quantile of 5 degrees of freedom


def test_laws(names):
    check_strategy(names["SquaredExponential"](start=3, pool=10), SPACE, trials=15)
    check_strategy(names["SquaredExponential"](start=1, pool=5), Space(Tag(integer(1, 2)), SHAPE), trials=15)
