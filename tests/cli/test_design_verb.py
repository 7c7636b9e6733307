"""`nasmyth design` as a user runs it: in a process of its own, on real digits, in seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

HEARING_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("nasmyth.cli", run_name="__main__", alter_sys=True)
"""
"""Tests may run where Ctrl-C is ignored, as shells do for what they start in the background; children inherit that."""


def start(*args: object) -> subprocess.Popen:
    line = [sys.executable, "-c", HEARING_CTRL_C, *map(str, args)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


@pytest.fixture(scope="module")
def designed(tmp_path_factory):
    """(file, summary, stderr) of a design of a few seconds."""
    path = tmp_path_factory.mktemp("design") / "digits.db"
    process = start("design", "digits", "--under", "params<=4k", "--spend", "20s", "-o", path, "--json", "--seed", 3)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return path, json.loads(out), err


def test_the_result_is_within_the_budget_and_can_be_made_again(designed):
    path, summary, _ = designed
    assert summary["best"]["measures"]["params"] <= 4000
    assert summary["command"] == f"nasmyth design digits --under 'params<=4k' --spend 20s -o {path} --json --seed 3"


def test_the_study_is_shown_exported_and_answers(designed, run, folder):
    path = designed[0]
    assert "Pareto front" in run("show", path).stdout
    assert "Linear" in run("show", f"{path}#best", "--graph").stdout
    run("export", f"{path}#best", path.with_name("net.safetensors"))
    assert len(json.loads(run("predict", f"{path}#best", folder / "new.npz", "--json").stdout)) == 7


def test_the_report_holds_the_answers_on_test(designed, run):
    page = designed[0].with_name("report.html")
    run("show", designed[0], "--html", page)
    text = page.read_text()
    assert "What it gets wrong" in text
    assert "Best network" in text


def interrupted(process):
    """Press Ctrl-C, and once more where a library has swallowed the first, as a person would."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.communicate()


def test_interrupting_keeps_and_prints_the_best(tmp_path):
    path = tmp_path / "digits.db"
    process = start("design", "digits", "--under", "params<=4k", "--spend", "300s", "--on", "here", "-o", path)
    lines = []
    while not any(line.startswith("trying something new") for line in lines):  # the baseline is trained by then
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    time.sleep(0.5)
    out, err = interrupted(process)
    assert process.returncode == 0, err
    assert out.startswith("Interrupted")
    assert "Traceback" not in err
