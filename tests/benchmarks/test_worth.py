"""What `benchmarks/worth.py` tells of results, its file of results, and its data."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from worth_of import figures, results, tasks
from worth_of.page import page
from worth_of.processes import run
from worth_of.regret import in_full

from nasmyth.errors import DataError
from nasmyth.study import Study


def record(method, score, seed=0, task="digits-10k", metric="accuracy", tests=100, **more):
    return {"task": task, "method": method, "seed": seed, "metric": metric, "score": score, "tests": tests,
            "spend": 90.0, "seconds": 91.0, "cores": 2, **more}  # fmt: skip


def final(number, test, valid, loss, origin=""):
    return {"number": number, "origin": origin, "test": test, "valid": valid, "loss": loss}


def test_error_of_a_faultless_network_is_half_a_mistake():
    assert figures.error_of(1.0, "accuracy", 100) == 0.005
    assert figures.error_of(0.97, "accuracy", 100) == pytest.approx(0.03)
    assert figures.error_of(41.5, "rmse", 100) == 41.5


def test_ratios_are_of_pairs_of_one_task_and_seed():
    records = [
        record("plain", 0.90), record("design", 0.95),
        record("plain", 0.90, seed=1), record("design", 0.80, seed=1),
        record("design", 0.99, seed=2),
        record("plain", None, seed=3, failure="late"), record("design", 0.99, seed=3),
        record("plain", 50.0, task="beijing_pm25-5k", metric="rmse"),
        record("design", 40.0, task="beijing_pm25-5k", metric="rmse"),
    ]  # fmt: skip
    found = figures.ratios(records, "design")
    assert found["digits-10k"] == pytest.approx([0.5, 2.0]) and found["beijing_pm25-5k"] == pytest.approx([0.8])
    assert figures.wins(found) == (2, 0, 1)


def test_every_task_counts_once_in_the_geometric_mean():
    mean, low, high = figures.geometric({"a": [0.5, 2.0, 1.0, 1.0], "b": [0.25]})
    assert mean == pytest.approx(0.5) and low == pytest.approx(0.25) and 1.0 <= high <= 2.0


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    for trial in range(60):
        truths = rng.normal(-0.2, 0.2, 12)
        found = {str(i): list(np.exp(rng.normal(truth, 0.1, 3))) for i, truth in enumerate(truths)}
        _, low, high = figures.geometric(found, seed=trial)
        hits += low <= math.exp(-0.2) <= high
    assert 48 <= hits <= 60


def test_worse_by_more_than_one_standard_deviation_of_seeds():
    def told(ours):
        pairs = zip([0.90, 0.91, 0.92], ours, strict=True)
        return [
            one for seed, (a, b) in enumerate(pairs) for one in (record("plain", a, seed), record("design", b, seed))
        ]

    assert figures.worse(told([0.895, 0.905, 0.915]), "design") == {}
    assert figures.worse(told([0.93, 0.94, 0.95]), "design") == {}
    assert figures.worse(told([0.88, 0.89, 0.90]), "design") == {"digits-10k": pytest.approx(2.0)}
    assert figures.worse(told([0.5, 0.6, 0.7])[:2], "design") == {}, "one seed has no standard deviation"


def test_regret_of_the_choice_and_of_the_other_rules():
    finals = [
        final(0, 0.98, 0.97, 0.10, "baseline"), final(1, 0.97, 0.99, 0.20),
        final(2, 0.99, 0.98, 0.05), final(3, 0.995, 0.90, 0.30),
    ]  # fmt: skip
    expected = {
        "handed over": 0.0,
        "plain always": 1.5,
        "best score in validation": 2.5,
        "least loss in validation": 0.5,
    }
    assert figures.regrets(finals, 3, "accuracy") == pytest.approx(expected)
    assert "plain always" not in figures.regrets(finals[1:], 3, "accuracy")


def test_regret_in_rmse_is_relative_and_less_is_better():
    finals = [final(0, 50.0, 49.0, 0.3, "baseline"), final(1, 40.0, 45.0, 0.2)]
    assert figures.regrets(finals, 0, "rmse") == pytest.approx(
        {"handed over": 25.0, "plain always": 25.0, "best score in validation": 0.0, "least loss in validation": 0.0}
    )


def test_the_page_has_every_figure():
    finals = [final(0, 0.90, 0.9, 0.3, "baseline"), final(1, 0.95, 0.95, 0.2)]
    told = page([
        record("plain", 0.90), record("plain", 0.92, seed=1), record("random", None, failure="too slow"),
        record("design", 0.95, finals=finals, handed=1, checkout="a"),
        record("design", 0.95, seed=1, finals=finals, handed=0, checkout="b"),
    ])  # fmt: skip
    for text in ("91.00 ± 1.41", "0.559 [0.500, 0.625]", "(at least 0.9, aim 0.75)", "2 wins, 0 ties, 0 losses in 1 task",
                 "handed over", "2.500", "(2 designs)", "failed: too slow", "several states of the code: a, b"):  # fmt: skip
        assert text in told, told


# --- the file of results --------------------------------------------------------------------------------------------------


def test_a_line_that_was_not_finished_is_the_run_that_is_lost(tmp_path):
    path = tmp_path / "worth.jsonl"
    results.append(path, record("plain", 0.9))
    with path.open("a") as file:
        file.write('{"task": "digits-10k", "method": "des')
    assert [one["method"] for one in results.load(path)] == ["plain"]
    results.append(path, record("design", math.nan))
    assert [one["method"] for one in results.load(path)] == ["plain", "design"]
    assert all(json.loads(line) for line in path.read_text().splitlines()) and results.load(path)[1]["score"] is None


def test_a_line_that_is_no_result_is_named(tmp_path):
    (tmp_path / "other.jsonl").write_text('{"task": "digits-10k"}\n')
    with pytest.raises(DataError, match="other.jsonl, line 1"):
        results.load(tmp_path / "other.jsonl")


def test_only_runs_of_the_same_time_and_cores_are_compared_and_the_last_counts():
    other = {**record("design", 0.5), "cores": 1}
    short = {**record("design", 0.6), "spend": 9.0}
    told = [record("design", None), other, short, record("design", 0.9)]
    assert [one["score"] for one in results.comparable(told, 2, 1.0, {"digits-10k": 90.0})] == [0.9]
    assert [one["score"] for one in results.comparable(told, 2, 0.1, {"digits-10k": 90.0})] == [0.6]


# --- processes --------------------------------------------------------------------------------------------------------------

CHILD = """
import os, pathlib, sys, time
sys.path.append(sys.argv[1])
from worth_of.job import Job, on_each_core

def work(job, number):
    pathlib.Path(f"{os.getpid()}.pid").touch()
    time.sleep(600)

on_each_core(work, Job("", None, "", "", 1.0, 0, 2))
"""
PARENT = """
import pathlib, signal, sys
sys.path.append(sys.argv[1])
from worth_of.processes import run
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what runs in the background
run([sys.executable, "-c", sys.argv[2], sys.argv[1]], [], 1, 600.0, pathlib.Path(sys.argv[3]))
"""


def test_nothing_is_left_behind_by_a_benchmark_that_is_killed(tmp_path):
    folder = str(Path(__file__).parents[2] / "benchmarks")

    def pids():
        return [int(path.stem) for path in tmp_path.glob("*.pid")]

    def alive(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    def until(what):
        end = time.monotonic() + 60
        while not what():
            assert time.monotonic() < end
            time.sleep(0.05)

    begun = subprocess.Popen([sys.executable, "-c", PARENT, folder, CHILD, str(tmp_path)])
    until(lambda: len(pids()) == 2)
    begun.kill()
    begun.wait()
    until(lambda: not any(map(alive, pids())))


def test_a_process_that_is_late_is_ended(tmp_path):
    ran = run([sys.executable, "-c", "import time; print('hello', flush=True); time.sleep(600)"], [], 1, 3.0, tmp_path)
    assert ran.code is None and ran.last.endswith("KeyboardInterrupt") and ran.seconds < 60


# --- data ---------------------------------------------------------------------------------------------------------------


def test_tasks_by_name_and_by_data_set():
    assert [one.name for one in tasks.chosen("adult,digits-2k")] == ["digits-2k", "adult-50k", "adult-5k"]
    assert len(tasks.chosen("all")) == len(tasks.TASKS) == 15
    with pytest.raises(SystemExit, match="no task 'digit'"):
        tasks.chosen("digit")


def test_images_are_split_as_they_are_read(tmp_path):
    from nasmyth import read

    (task,) = tasks.chosen("digits-10k")
    path = tasks.prepared(task, 3, tmp_path, tmp_path)
    ours, direct = read(str(path), seed=3), read("digits", seed=3)
    assert (ours.test.x == direct.test.x).all() and (ours.test.y == direct.test.y).all()
    assert len(ours.train) + len(ours.valid) == len(direct.train) + len(direct.valid)
    assert tasks.test_size(path) == len(direct.test) == 359


def test_tables_are_split_as_they_are_read_without_rows_that_have_no_target(tmp_path):
    from nasmyth import read

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=200), "b": rng.choice(["x", "y"], 200), "t": rng.normal(size=200)})
    frame.loc[5, "t"] = math.nan
    frame.to_parquet(tmp_path / "made.parquet")
    task = tasks.Benchmark("made", "made.parquet", "params<=5k", 10, "rmse", "t")
    path = tasks.prepared(task, 1, tmp_path, tmp_path)
    ours, direct = read(str(path), "t", seed=1), read(str(tmp_path / "made.parquet"), "t", seed=1, on_bad="skip")
    assert sorted(ours.test.y.flatten().tolist()) == sorted(direct.test.y.flatten().tolist())
    assert len(pd.read_parquet(path)) == 199 and tasks.test_size(path) == len(direct.test)


def test_data_that_has_a_test_split_is_used_as_it_is(tmp_path):
    arrays = {f"{a}_{part}": np.zeros((40, 8, 8) if a == "x" else 40) for a in "xy" for part in ("train", "test")}
    np.savez(tmp_path / "made.npz", **arrays)
    task = tasks.Benchmark("made", "made.npz", "params<=5k", 10)
    assert tasks.prepared(task, 1, tmp_path, tmp_path / "cache") == tmp_path / "made.npz"


def test_a_design_without_a_part_is_compared_with_a_whole_one():
    told = page([record("plain", 0.90), record("design", 0.96), record("without-fixed", 0.92)])
    assert "without-fixed: test error as a ratio to design's" in told and "2.000 [2.000, 2.000]" in told


@pytest.mark.parametrize("part", ["starts", "fixed", "weights"])
def test_a_part_can_be_left_out(part, tmp_path):
    script = str(Path(tasks.__file__).with_name("without.py"))
    line = ["design", "iris", "--under", "params<=500", "--spend", "2 trials", "--quiet", "-o", str(tmp_path / "a.db")]
    subprocess.run([sys.executable, script, part, *line], check=True, capture_output=True)
    with Study.open(tmp_path / "a.db") as study:
        recipes = {json.dumps(trial.recipe) for trial in study.trials}
        origins = {trial.origin for trial in study.trials}
        assert "baseline" in origins and any(trial.full for trial in study.trials)
    if part == "starts":
        assert not any(origin.startswith("start") for origin in origins)
    assert len(recipes) == 1 or part == "fixed"
    if part == "weights":
        assert all(trial.parent is None for trial in study.trials)


def test_what_an_old_checkout_kept_was_trained_in_full():
    assert in_full(SimpleNamespace(full=True)) and not in_full(SimpleNamespace(full=False))
    assert in_full(SimpleNamespace()), "it has no such word"
