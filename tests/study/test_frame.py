"""A study as a DataFrame: a row a trial, a column a measure, a column a decision."""

from __future__ import annotations

import math
import subprocess
import sys

import pandas as pd

from nasmyth import Space, Study, chain, choice, integer, ops, repeat
from nasmyth.search import Random


def test_rows_are_trials_and_columns_what_is_known_of_them():
    body = choice(ops.Identity(), repeat(ops.Conv(choice(4, 8), kernel=choice(1, 3)), integer(1, 3)), name="body")
    space = Space(chain(stem=ops.Conv(choice(2, 4, 8)), body=body, pool=ops.Mean("h w")), (1, 8, 8))
    with Study(None, space, maximize="score", under=["params<=1k"], strategy=Random(), seed=3) as study:
        assert len(study.to_frame()) == 0 and "number" in study.to_frame()
        trials = study.ask(12)
        for trial in trials[:-2]:
            study.record(trial, "short", {"loss": 0.5}, seconds=1.5, epochs=2.5)
            study.tell(trial, score=trial.number / 10)
        study.fail(trials[-2], "out of luck")
        frame = study.to_frame()
    assert list(frame["number"]) == [trial.number for trial in trials] and frame["number"].dtype == "int64"
    assert list(frame["state"]) == ["finished"] * 10 + ["failed", "open"]
    assert frame["failure"].iloc[10] == "crashed: out of luck" and not frame["feasible"].iloc[10]
    told = frame.iloc[:10]
    assert (
        (told["score"] == told["number"] / 10).all() and (told["loss"] == 0.5).all() and (told["epochs"] == 2.5).all()
    )
    assert (told["stage"] == "short").all() and (told["seconds"] >= 1.5).all()
    assert math.isnan(frame["score"].iloc[11]) and math.isnan(frame["epochs"].iloc[11])
    assert (frame["feasible"] == (frame["params"] <= 1000) & (frame["state"] == "finished")).all()
    for trial, (_, row) in zip(trials, frame.iterrows(), strict=True):
        for address, value in trial.genome.items():
            assert row[f"genome.{address}"] == value
        absent = [c for c in frame if c.startswith("genome.") and c.removeprefix("genome.") not in trial.genome]
        assert all(pd.isna(row[column]) for column in absent)
    some = frame.filter(like="genome.").dtypes.astype(str)
    assert set(some) <= {"int64", "Int64"} and "Int64" in set(some), (
        "decisions that some genomes lack stay whole numbers"
    )


def test_measures_do_not_hide_what_is_known_of_every_trial():
    space = Space(chain(stem=ops.Conv(choice(2, 4)), pool=ops.Mean("h w")), (1, 8, 8))
    with Study(None, space, maximize="score") as study:
        (trial,) = study.ask()
        study.tell(trial, score=1.0, seconds=2.0, epochs=7)
        frame = study.to_frame()
    assert frame["measure.epochs"].iloc[0] == 7 and math.isnan(frame["epochs"].iloc[0])


def test_without_pandas_it_says_what_to_install():
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from nasmyth import Space, Study, chain, choice, ops\n"
        "study = Study(None, Space(chain(ops.Conv(choice(2, 4))), (1, 8, 8)), maximize='score')\n"
        "try: study.to_frame()\n"
        "except ImportError as error: assert 'nasmyth[data]' in str(error)\n"
        "else: raise AssertionError\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
