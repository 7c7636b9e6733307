"""What is shown while long work goes on: words, a bar where somebody looks, plain lines in files, nothing elsewhere."""

from __future__ import annotations

import math
import sys
import types

from nasmyth.progress import PHASES, Progress, Step, shown
from nasmyth.progress import display as displays
from nasmyth.units import Spend

TRAINING = Progress("baseline", 1, "0.9611 accuracy", 20.0, Spend(seconds=80.0), Step(3.4, 60.0, 0.4123))


def test_a_line_says_all_that_is_known():
    assert TRAINING.line() == (
        "training the plain network · epoch 3.4 of 60 · loss 0.412 · best so far 0.9611 accuracy · 1 candidate · 60 s left"
    )
    assert Progress("searching", 3, spend=Spend(trials=50)).line() == "trying candidates · 3 of 50 candidates"
    assert "epoch 2" in Progress("final", step=Step(2.0, math.inf, 1.0)).line()
    assert Progress("a phase of your own").line() == "a phase of your own"


def test_words_explain_themselves():
    for phase, words in PHASES.items():
        assert words and (phase not in ("explore", "long", "final", "judge") or words != phase)


def test_the_bar_follows_what_is_used_up_first():
    assert TRAINING.share() == 0.25 and TRAINING.share(since=40.0) == 0.75 and TRAINING.share(since=1e6) == 1.0
    assert Progress("explore", 5, spent=10.0, spend=Spend(seconds=100.0, trials=10)).share() == 0.5
    assert Progress("reading", spend=Spend(seconds=10.0)).share() is None and Progress("explore").share() is None
    assert Progress("final", 5, spend=Spend(trials=5)).share() is None
    assert Progress("final", 5, spent=5.0, spend=Spend(seconds=10.0, trials=50)).share() == 0.5


def test_plain_lines_are_few_and_hold_no_control_characters(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(displays.time, "monotonic", lambda: clock[0])
    with shown(True) as display:
        for i in range(400):  # 100 seconds, a step every quarter of a second, the phases by turns
            clock[0] = 1000 + i / 4
            display(Progress(("explore", "long")[i // 20 % 2], i // 20, step=Step(i, 400, 0.5)))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" · ")[0] for line in lines[:2]] == [PHASES["explore"], PHASES["long"]]
    assert 2 + 2 <= len(lines) <= 2 + 100 / displays.INTERVAL
    assert all(character.isprintable() for line in lines for character in line)


def test_by_default_nothing_is_shown_where_nobody_looks(capsys):
    with shown(None) as display, shown(False) as silent:
        display(TRAINING)
        silent(TRAINING)
    assert type(display) is type(silent) is displays.Display
    assert capsys.readouterr() == ("", "")


def test_a_function_is_called_and_a_display_passed_on():
    seen = []
    with shown(seen.append) as display:
        display(TRAINING)
        assert shown(display) is display
    assert seen == [TRAINING]


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert type(shown(None)) is displays.Bar
    monkeypatch.setenv("TERM", "dumb")
    assert type(shown(None)) is displays.Display and type(shown(True)) is displays.Lines


def test_a_notebook_gets_one_line_that_is_rewritten(monkeypatch):
    """As a notebook's kernel has it: `get_ipython().kernel`, `display(..., display_id=True)`, `handle.update`."""
    drawn: list[str] = []
    handle = types.SimpleNamespace(update=drawn.append)
    kernel = types.ModuleType("IPython")
    kernel.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    page = types.ModuleType("IPython.display")
    page.HTML = lambda text: text
    page.display = lambda html, display_id: drawn.append(html) or handle
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", page)
    with shown(None) as display:
        display(TRAINING)
        display(Progress("final", 2, "<b>0.97 & more"))
        display(Progress("done", 2))
    assert type(display) is displays.Notebook and len(drawn) == 3
    assert '<progress value="0.250">' in drawn[0] and "epoch 3.4 of 60" in drawn[0]
    assert "&lt;b&gt;0.97 &amp; more" in drawn[1] and "<progress>" in drawn[1]
    assert "<progress" not in drawn[2]
