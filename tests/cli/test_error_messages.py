"""Every wrong line gets one clear message on stderr, a status, and never a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from nasmyth.errors import NasmythError, UnknownNameError


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["show", "nowhere.db"], "no such file"),
        (["show", "{folder}/mine_cli.py"], "not a"),
        (["show", "{folder}/mine.dc"], "did you mean 'mine.db'"),
        (["show", "{study}#bst"], "did you mean 'best'"),
        (["show", "{study}#99"], "trials 1 to 3"),
        (["show", "{study}#baseline"], "no baseline"),
        (["export", "{study}#best", "net.onx"], "did you mean '.onnx'"),
        (["export", "{folder}/new.npz", "net.onnx"], "is not a study file"),
        (["predict", "{study}#best", "nothing.npz"], "no such file"),
        (["check", "{study}#best", "--under", "latncy@cpu<=1ms"], "did you mean 'latency'"),
        (["check", "{study}#best", "--under", "params<=3X"], "unknown unit"),
        (["check", "{study}#best", "--under", "accuracy>=0.9"], "--data"),
        (["measure", "{folder}/mine_cli.py:spac"], "did you mean 'space'"),
        (["measure", "{folder}/mine_cli.py:number"], "expected a Space"),
        (["measure", "{folder}/mine_cly.py:space"], "did you mean 'mine_cli.py'"),
        (["measure", "{folder}/mine_cli.py"], "say which object"),
        (["measure", "{folder}/mine_cli.py:space", "--by", "accuracy"], "needs training"),
        (["measure", "{folder}/mine_cli.py:space", "--under", "params<=3"], "params"),
        (["search", "{folder}/mine_cli.py:space", "--data", "digts"], "did you mean 'digits'"),
        (
            ["search", "{folder}/mine_cli.py:space", "--data", "digits", "--strategy", "evolutin"],
            "did you mean 'evolution'",
        ),
        (
            ["search", "{folder}/mine_cli.py:space", "--data", "digits", "--strategy", "evolution(size=3)"],
            "no setting 'size'",
        ),
        (["design", "digts"], "did you mean 'digits'"),
        (["design", "digits", "--spend", "soon", "-o", "{folder}/x.db"], "soon"),
        (["list", "opz"], "did you mean 'ops'"),
    ],
)
def test_what_is_wrong_is_said(run, folder, study, line, says):
    result = run(*[part.format(folder=folder, study=study) for part in line], status=1)
    assert result.stdout == ""
    assert re.search("^error: ", result.stderr, re.MULTILINE), "after what was said of the progress, if anything was"
    assert says in result.stderr


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["shw"], "Did you mean 'show'"), (["design"], "Missing argument 'DATA'"), (["show", "--nonsense"], "--nonsense"),
        (["design", "digits", "--size", "big"], "write 64, or 48x64"),
        (["design", "digits", "--on-bad", "perhaps"], "skip, refuse"),
        (["check", "net.safetensors"], "--under 'latency@cpu<=8ms'"),
    ],
)  # fmt: skip
def test_wrong_usage_is_status_2(run, line, says):
    assert says in run(*line, status=2).stderr


def test_a_space_that_cannot_be_imported_names_the_line(run, folder):
    (folder / "broken_cli.py").write_text("import math\nspace = math.nothing\n")
    result = run("measure", f"{folder}/broken_cli.py:space", status=1)
    assert "AttributeError" in result.stderr
    assert "(line 2)" in result.stderr


def test_a_study_that_is_not_one(run, tmp_path):
    (tmp_path / "text.db").write_text("this is not a study at all, but a text that is long enough to be read" * 20)
    assert (
        "text.db is not a study file (it is not a SQLite database)"
        in run("show", tmp_path / "text.db", status=1).stderr
    )


def test_debug_shows_the_traceback():
    env = {**os.environ, "NASMYTH_DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "nasmyth.cli", "show", "nowhere.db"], capture_output=True, text=True, env=env
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "StudyError" in done.stderr


@pytest.mark.parametrize("text", [f"evolution({'(' * 5000}", f"evolution(population={'-' * 100_000}1)"])
def test_brackets_within_brackets_are_no_settings(text):
    from nasmyth.cli.strategies import strategy_of

    with pytest.raises(UnknownNameError, match="cannot read"):
        strategy_of(text)


def test_a_setting_that_is_a_strategy_is_written_like_one():
    from nasmyth.cli.strategies import strategy_of
    from nasmyth.search import Bandit, Deduplicated, Evolution, LocalSearch

    assert strategy_of("deduplicated(inner=local(start=5), retries=2)") is Deduplicated(LocalSearch(start=5), retries=2)
    arms = (LocalSearch(), Evolution(population=16))
    assert strategy_of("bandit(arms=[local, evolution(population=16)])") is Bandit(arms)
    wrong = {
        "deduplicated(inner=lokal)": "did you mean 'local'",
        "bandit(arms=[evolution(size=3)])": "no setting 'size'",
        "deduplicated(inner=evolution(population=0))": "needs population >= 1",
    }
    for text, said in wrong.items():
        with pytest.raises(NasmythError, match=said):
            strategy_of(text)
