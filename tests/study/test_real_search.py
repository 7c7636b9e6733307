"""Real spaces and strategies in a study: budgets, recipes, dedup, resuming."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from study_toys import story

from nasmyth import spaces
from nasmyth.errors import BudgetError
from nasmyth.graph.chain import chain
from nasmyth.measure import macs, params
from nasmyth.ops import Activation, Conv, Linear, Mean
from nasmyth.search import Evolution, Random, Tournament
from nasmyth.space import Space, choice
from nasmyth.study import Study
from nasmyth.train import SGD, Recipe

torch.set_num_threads(1)


def space(**options: Any) -> Space:
    body = chain(
        Conv(choice(4, 8, 16, 32), kernel=choice(1, 3, 5)),
        Activation(),
        Conv(choice(4, 8, 16)),
        Mean("h w"),
        Linear(10),
    )
    return Space(body, input=(3, 16, 16), **options)


def price(graph: Any) -> float:
    return -abs(params(graph) - 3000.0)


@pytest.mark.parametrize("strategy", [Random(), Evolution(population=6, parent=Tournament(3))])
def test_resumed_equals_uninterrupted(strategy: Any, tmp_path: Path) -> None:
    with Study(None, space(), strategy=strategy, under=[macs <= 2e6]) as whole:
        whole.run(price, trials=15)
        for trials in (1, 7, 15):
            with Study(tmp_path / "a.db", space(), strategy=strategy, under=["macs<=2M"]) as part:
                part.run(price, trials=trials)
        with Study(tmp_path / "a.db", space(), strategy=strategy, under=["macs<=2M"]) as part:
            assert story(part.journal) == story(whole.journal)
        assert all(t.measures["macs"] <= 2e6 and t.feasible for t in whole.trials), "proposals meet what a graph tells"
        with Study.open(tmp_path / "a.db") as read:
            assert read.best is not None and whole.best is not None
            assert read.best.graph == whole.best.graph, "decoded from what the file says"


def test_a_budget_that_nothing_meets_is_said_before_a_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="params"):
        Study(tmp_path / "a.db", space(), under=["params<=5"])
    assert list(tmp_path.iterdir()) == []


def test_a_space_is_exhausted_once() -> None:
    with Study(None, space(), strategy=Random(), minimize=params, maximize=()) as study:
        assert study.run(lambda graph: {}, trials=1000).reason == "exhausted"
        keys = [t.key for t in study.trials]
        assert len(keys) == len(set(keys)) <= 36
        assert {space().decode(genome).key for genome in space().enumerate()} == set(keys)


def test_one_graph_with_two_recipes_is_two_candidates() -> None:
    plain = Space(
        chain(Conv(4), Mean("h w"), Linear(10)), (3, 16, 16), recipe=Recipe(optimizer=SGD(lr=choice(0.2, 0.3, 0.4)))
    )
    with Study(None, plain, strategy=Random()) as study:
        assert study.run(lambda trial: trial.recipe["optimizer"]["lr"], trials=100).reason == "exhausted"
        assert len(study.trials) == 3 and len({t.key for t in study.trials}) == 1
        assert study.best is not None and study.best.recipe["optimizer"]["lr"] == 0.4


def test_a_graph_of_your_own_is_a_baseline(tmp_path: Path) -> None:
    graph = Space(chain(Conv(7), Mean("h w"), Linear(10)), (3, 16, 16)).decode({})
    with Study(tmp_path / "a.db", space(), strategy=Evolution(population=4)) as study:
        study.tell(study.add(graph=graph, origin="baseline"), accuracy=-1.0)
        study.run(price, trials=8)
    with Study.open(tmp_path / "a.db") as read:
        assert read.trials[0].graph == graph and read.summary()["baseline"]["key"] == graph.key


def test_workers_get_the_graph(tmp_path: Path) -> None:
    import pickle

    with Study(tmp_path / "a.db", space(), strategy=Random()) as study:
        trial = study.tell(study.ask()[0], accuracy=1.0)
        copy = pickle.loads(pickle.dumps(trial))
        assert copy == trial and copy.graph == trial.graph and not isinstance(copy.space, Space)


def test_a_process_that_imported_nothing_else_reads_the_graphs(tmp_path: Path) -> None:
    images = spaces.images((1, 28, 28), 10)
    with Study(tmp_path / "a.db", images, strategy=Random()) as study:
        study.tell(study.ask()[0], accuracy=1.0)
        study.tell(study.add(graph=images.decode(images.sample(1)), origin="baseline"), accuracy=0.5)
        keys = [trial.key for trial in study.trials]
    script = (
        "import sys; from nasmyth.study import Study; print(*[t.graph.key for t in Study.open(sys.argv[1]).trials])"
    )
    line = [sys.executable, "-c", script, str(tmp_path / "a.db")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(line, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == keys
