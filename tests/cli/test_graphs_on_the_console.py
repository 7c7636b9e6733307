"""A graph whose nodes are classified, from its file to answers, on the console."""

from __future__ import annotations

import json

import numpy as np
import pytest

N = 45


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """A folder with `g.npz`, 45 nodes with labels; `new.npz`, without them; and `small.npz`, of 30 nodes."""
    folder, rng = tmp_path_factory.mktemp("graph"), np.random.default_rng(0)
    y = np.arange(N) % 3
    joined = rng.random((N, N)) < np.where(y[:, None] == y, 0.2, 0.01)
    edges, x = np.array(np.nonzero(joined & ~np.eye(N, dtype=bool))), rng.normal(size=(N, 8)) + np.eye(8)[y]
    np.savez(folder / "g.npz", x=x, edge_index=edges, y=y)
    np.savez(folder / "new.npz", x=x, edge_index=edges)
    np.savez(folder / "small.npz", x=x[:30], edge_index=edges[:, (edges < 30).all(0)])
    return folder


def test_from_a_graph_to_answers_for_each_node(run, graph):
    line = ("design", graph / "g.npz", "-u", "params<=2k", "--spend", "1 trials", "-o", graph / "g.db", "--json")
    assert json.loads(run(*line).stdout)["task"]["input"][0] == ["x", [N, 8], "float"]
    answers = json.loads(run("predict", f"{graph}/g.db#best", graph / "new.npz", "--json").stdout)
    assert [one["input"] for one in answers] == [f"new[{i}]" for i in range(N)]
    assert all(sum(one["probabilities"].values()) == pytest.approx(1) for one in answers)
    right = np.mean([one["label"] == i % 3 for i, one in enumerate(answers)])
    assert right > 0.6
    run("predict", f"{graph}/g.db#best", graph / "new.npz", "-o", graph / "a.csv")
    rows = (graph / "a.csv").read_text().splitlines()
    assert (
        rows[0] == "input,label,0,1,2" and len(rows) == N + 1 and rows[1].startswith(f"new[0],{answers[0]['label']},")
    )
    assert "and 25 more" in run("predict", f"{graph}/g.db#best", graph / "new.npz").stdout
    said = run("predict", f"{graph}/g.db#best", graph / "small.npz", status=1).stderr
    assert "(30, 8)" in said and "expected (45, 8)" in said
