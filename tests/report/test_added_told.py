"""A report says by three bars what the architecture, the recipe and time added to the plain network."""

import pytest
from markupsafe import escape

from nasmyth.report import html, text
from nasmyth.report.added import bars

STEPS = [
    {"what": "time", "gain": 0.02, "error": 0.003},
    {"what": "architecture", "gain": 0.01, "error": 0.01},
    {"what": "recipe", "gain": -0.005, "error": 0.01},
    {"what": "time", "gain": 0.02, "error": 0.004},
]


def test_three_bars_with_points_interval_and_chance(summary):
    told = {**summary, "chosen": {"added": STEPS}}
    architecture, recipe, time = bars(told)
    assert (time.gain, time.share, time.chance) == ("+4.00 points", 1.0, "100%")
    assert (time.interval, time.letters) == ("+3.02 to +4.98", "█" * 20), "errors of both steps together: 0.005"
    assert (architecture.share, architecture.chance, len(architecture.letters)) == (pytest.approx(0.25), "84%", 5)
    assert recipe.loss and recipe.letters == "--" and recipe.gain == "-0.50 points" and recipe.chance == "31%"
    shown, page = text(told, width=1000), html(told)
    for bar in (architecture, recipe, time):
        assert all(said in shown for said in bar[:4]) and all(str(escape(said)) in page for said in bar[:4])
    assert page.count('class="loss"') == 1


@pytest.mark.parametrize("chosen", [None, {}, {"added": []}, {"added": [{"what": "time", "gain": "much"}, 3]}])
def test_where_nothing_is_known_there_are_none(summary, chosen):
    assert bars({**summary, "chosen": chosen}) == []
