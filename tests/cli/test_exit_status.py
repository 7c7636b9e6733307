"""Exit status and files: 0 only where something was found, and no study after a line that is refused."""

from __future__ import annotations

import json

import pytest

OWN = """
from nasmyth import measure, Space, chain, choice, ops

@measure.measure(unit="", needs="graph")
def nodes_of_mine(graph):
    "Nodes."
    return float(len(graph.nodes))


@nasmyth.op("b c h w -> b c h w")
class Broken(torch.nn.Module):
    def forward(self, x):
        raise ArithmeticError("no such kernel")


space = Space(chain(ops.Conv(choice(2, 3, 4)), ops.Mean("h w"), ops.Linear(10)), input=(1, 8, 8))
broken = Space(chain(ops.Conv(choice(2, 3, 4)), Broken(), ops.Mean("h w"), ops.Linear(10)), input=(1, 8, 8))
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "own_cli.py"
    path.write_text("import nasmyth, torch\n" + OWN)
    return path


def line(space, out, *more):
    return ("search", space, "--data", "digits", "--trials", 2, "--epochs", 0.2, "-o", out, "-q", *more)


@pytest.mark.parametrize("limit", ["size<=200kB", "memory<=100kB", "nodes_of_mine<=9"])
def test_the_best_of_a_search_is_exported_under_any_budget_on_graphs(limit, mine, run, tmp_path):
    run(*line(f"{mine}:space", tmp_path / "s.db", "--under", limit))
    run("export", f"{tmp_path}/s.db#best", tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").stat().st_size > 1_000


def test_nothing_within_the_budget_is_status_1_with_the_nearest(mine, run, tmp_path):
    said = run(*line(f"{mine}:space", tmp_path / "s.db", "--under", "accuracy>=0.999"), status=1)
    assert "nothing found is within the budget: the nearest, #" in said.stderr
    assert "nothing within the budget yet" in said.stdout


def test_all_crashed_is_status_1_with_the_reason(mine, run, tmp_path):
    said = run(*line(f"{mine}:broken", tmp_path / "s.db"), status=1)
    assert "all of 2 candidates failed, the last with crashed: ArithmeticError: no such kernel" in said.stderr


def test_a_design_that_finds_nothing_is_status_1_and_json_stays_json(run, tmp_path):
    said = run(
        "design", "iris", "--under", "accuracy>=1.5", "--spend", "2 trials", "-o", tmp_path / "d.db", "--json", status=1
    )
    assert json.loads(said.stdout)["best"] is None and "the budget is accuracy ≥ 1.5" in said.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--minimize", "rmse"), "no figure of a classification"),
        (("--maximize", "acuracy"), "accuracy"),
        (("--under", "nodes_of_yours<=3"), "nodes_of_mine"),
        (("--limit-seconds", "5s"), "on='processes'"),
        (("--limit-memory", "many"), "many"),
        (("--strategy", "evolutoin"), "evolution"),
    ],
)
def test_a_search_that_is_refused_leaves_no_study(more, said, mine, run, tmp_path):
    path = tmp_path / "s.db"
    assert said in run(*line(f"{mine}:space", path, *more), status=1).stderr
    assert not path.exists()
