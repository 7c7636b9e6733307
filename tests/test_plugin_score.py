"""A training-free score that another package brings: goal, constraint, in a study, in a design, and on the console."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SCORE = '''"""A score of untrained networks."""

import torch

from nasmyth.measure import measure
from nasmyth.ops import Activation


@measure(unit="", direction="max", needs=("network", "batch"))
def wot_score(network, batch):
    """How differently examples switch the activations (Mellor et al. 2021, arXiv:2006.04647)."""
    seen = []
    layers = [layer for layer in network.modules() if isinstance(layer, Activation.module)]
    hooks = [layer.register_forward_hook(lambda _, x, y: seen.append((y > 0).flatten(1).double())) for layer in layers]
    with torch.no_grad():
        network(batch)
    for hook in hooks:
        hook.remove()
    on = torch.cat(seen, 1)
    alike = on @ on.T + (1 - on) @ (1 - on).T + 1e-3 * torch.eye(len(on), device=on.device)
    return float(torch.linalg.slogdet(alike)[1]) / len(on)


@measure(unit="1", direction="max", needs=("trained", "batch"))
def sureness(network, batch):
    """The largest probability that a trained network gives, on the mean over a batch of the training split."""
    with torch.no_grad():
        return float(network(batch).softmax(1).amax(1).mean())
'''
ENTRY = "[nasmyth.measures]\nwot_score = wot:wot_score\nsureness = wot:sureness\n"
MINE = """
from nasmyth import Space, chain, choice, ops
space = Space(chain(ops.Conv(choice(2, 4, 6, 8)), ops.Activation("relu"), ops.Mean("h w"), ops.Linear(10)), (1, 8, 8))
"""
WATCHED = """
import nasmyth.train
from nasmyth import Study, design, read
from nasmyth.search import Grid
from mine import space

trained, fit = [], nasmyth.train.fit
nasmyth.train.fit = lambda *a, **k: trained.append(1) or fit(*a, **k)
digits = read("digits", limit=200)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package is installed, as pip leaves it, with a space of four networks beside it."""
    made = tmp_path_factory.mktemp("installed")
    (made / "wot.py").write_text(SCORE)
    (made / "mine.py").write_text(MINE)
    meta = made / "wot-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: wot\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text(ENTRY)
    return made


@pytest.fixture(scope="module")
def call(folder: Path) -> Any:
    """Run Python there, or `nasmyth` with arguments; gives stdout. Warnings are errors."""

    def run(*arguments: str, status: int = 0) -> str:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            env=environment, capture_output=True, text=True, timeout=240, cwd=folder,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr[-3000:]
        return done.stdout if status == 0 else done.stderr

    return run


@pytest.fixture(scope="module")
def scores(call: Any) -> list[float]:
    """Of the four networks, ascending."""
    line = ["measure", "mine.py:space", "--by", "params,wot_score", "--data", "digits", "--sample", "30", "--json"]
    told = json.loads(call("-m", "nasmyth.cli", *line))
    found = {round(one["measures"]["wot_score"], 9) for one in told["candidates"]}
    assert len(found) == 4 and told["spread"]["wot_score"]["most"] == pytest.approx(max(found))
    return sorted(found)


def test_the_console_measures_it_and_says_what_it_lacks(call: Any, scores: list[float]) -> None:
    assert scores[0] > 0
    said = call("-m", "nasmyth.cli", "measure", "mine.py:space", "--by", "wot_score", status=1)
    assert "wot_score needs data: say which with --data" in said
    assert "wot_score" in call("-m", "nasmyth.cli", "list", "measures")


def test_the_console_searches_for_it_and_holds_to_it(call: Any, scores: list[float]) -> None:
    line = ["search", "mine.py:space", "--data", "digits", "--strategy", "grid", "--json"]
    told = json.loads(call("-m", "nasmyth.cli", *line, "--maximize", "wot_score", "-o", "a.db"))
    assert told["best"]["measures"]["wot_score"] == pytest.approx(scores[-1])
    assert len(told["trials"]) == 4 and not any("accuracy" in trial["measures"] for trial in told["trials"])
    under = f"wot_score>={(scores[1] + scores[2]) / 2}"
    told = json.loads(call("-m", "nasmyth.cli", *line, "--under", under, "--epochs", "1", "-o", "b.db"))
    states = sorted("accuracy" in trial["measures"] for trial in told["trials"])
    assert states == [False, False, True, True] and told["best"]["measures"]["wot_score"] >= scores[2] - 1e-6


def test_in_a_study_it_is_a_goal_and_a_constraint(call: Any) -> None:
    call("-c", WATCHED + """
with Study(None, space, maximize="wot_score", strategy=Grid(), task=digits) as study:
    ended = study.run(digits, trials=9)
    values = [trial.measures["wot_score"] for trial in study.trials]
assert (ended.closed, ended.failed, trained) == (4, 0, []) and study.best.measures["wot_score"] == max(values)
limit = f"wot_score>={sorted(values)[1]}"
with Study(None, space, under=[limit], strategy=Grid(), task=digits) as study:
    study.run(digits, trials=9, epochs=1)
    assert len(trained) == 3 and [trial.error.reason for trial in study.trials if trial.error] == ["budget"]
    assert all(("accuracy" in trial.measures) == (trial.measures["wot_score"] >= sorted(values)[1]) for trial in study.trials)
""")  # fmt: skip


def test_in_a_design_it_is_a_constraint(call: Any) -> None:
    call("-c", WATCHED + """
found = design(digits, under=["wot_score>=0.1", "params<=20k"], spend="4 trials", seed=1)
assert found.study.best.measures["wot_score"] >= 0.1
assert all("wot_score" in trial.measures for trial in found.study.trials if trial.closed)
done = len(trained)
found = design(digits, under=["wot_score>=1000"], spend="3 trials", seed=1)
assert found.summary["best"] is None and all(trial.error.reason == "budget" for trial in found.study.trials if trial.closed)
assert not any("accuracy" in trial.measures for trial in found.study.trials)
""")  # fmt: skip


def test_a_figure_of_a_trained_network_with_needs_of_its_own_is_the_goal_of_a_design(call: Any) -> None:
    """It is asked for at every stage, for the time that it takes, and for what is said on the test split."""
    call("-c", WATCHED + """
from nasmyth.measure import figures_of
from nasmyth.report.facts import result
found = design(digits, maximize="sureness", under=["params<=20k"], spend="30s, 3 trials", seed=1, on="here")
told = result(found.summary)
assert found.study.best.measures["sureness"] > 0.1
assert told["test"]["sureness"] == figures_of(found.best, ["sureness"], found.task, "test")["sureness"]
assert found.best.check("sureness>=0.1", "params<=20k", task=found.task)["sureness"] > 0.1
""")  # fmt: skip
