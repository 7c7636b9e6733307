"""Halving through a study, which drops what was tried already: nobody waits for that, and nothing stands in for it."""

from __future__ import annotations

from typing import Any

import pytest
from study_toys import ToySpace

from nasmyth.search import ASHA, Hyperband, SuccessiveHalving
from nasmyth.study import Study


@pytest.mark.parametrize("cls", [SuccessiveHalving, ASHA, Hyperband])
@pytest.mark.parametrize("workers", [1, 4])
def test_one_architecture_by_many_names_keeps_nobody_waiting(cls: Any, workers: int) -> None:
    """Eight genomes decode to each graph: the best of two brackets are one, and trained in full once."""
    strategy = cls(R=9)
    with Study(None, ToySpace(3, 10, fold=2), strategy=strategy, maximize="accuracy") as study:
        while len(study.trials) < 90:
            for trial in study.ask(workers):
                study.tell(trial, accuracy=float(sum(trial.graph.numbers)))
        trials = study.trials
    tried = [(trial.key, trial.stage.name) for trial in trials]
    assert len({*tried}) == len(tried)
    assert {trial.origin for trial in trials} == {cls.__name__.lower()}, "the strategy always found something to do"
    assert {trial.stage for trial in trials} == {stage for bracket in strategy.brackets for _, stage in bracket}
