"""Progress as a user sees it: in a real terminal, in a pipe, and when it is not wanted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import pytest

from nasmyth.progress import PHASES

ENV = {**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm-256color"}


def on_a_terminal(*line: str, cwd, until: str, most: float) -> str:
    """What a terminal of 100 columns shows of `python -m nasmyth LINE`, until it shows that or is done."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "nasmyth", *line], stdout=theirs, stderr=theirs, stdin=theirs, env=ENV, cwd=cwd
    )
    os.close(theirs)
    seen, end = b"", time.monotonic() + most
    try:
        while time.monotonic() < end and until.encode() not in seen:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 65536)
                except OSError:  # the program has ended
                    break
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return seen.decode(errors="replace")


def test_a_terminal_shows_a_bar_with_epoch_and_loss_from_the_first_training_on(tmp_path):
    line = ("design", "digits", "--under", "params<=3k", "--spend", "60s", "--on", "here")
    shown = on_a_terminal(*line, cwd=tmp_path, until="best so far", most=150)
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "\x1b[" in shown and "━━━" in words
    assert words.index("starting") < words.index("reading the data") < words.index("timing the plain network")
    assert re.search(r"timing the plain network ━+.*\s+epoch [\d.]+ of [\d.]+ · loss [\d.]+", words), words[-2000:]
    assert re.search(r"training the plain network ━+.*\s+epoch [\d.]+ of \d+ · loss [\d.]+", words), words[-2000:]
    assert re.search(r"best so far 0\.\d+ accuracy", words)


def test_a_search_shows_the_training_that_goes_on(tmp_path, folder):
    line = ("search", f"{folder}/mine_cli.py:space", "--data", "digits", "--trials", "2", "--epochs", "9")
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", on_a_terminal(*line, cwd=tmp_path, until="best so far", most=150))
    assert re.search(r"trying candidates ━+.*\s+epoch [\d.]+ of 9 · loss [\d.]+ · 0 of 2 candidates", words), words[
        -2000:
    ]
    assert re.search(r"best so far 0\.\d+ accuracy · 1 of 2 candidates", words)


@pytest.fixture(scope="module")
def piped(tmp_path_factory):
    """(stdout, stderr) of a design whose output goes to pipes, run as `python -m nasmyth`."""
    where = tmp_path_factory.mktemp("piped")
    line = [sys.executable, "-m", "nasmyth", "design", "iris", "--under", "params<=500", "--spend", "3 trials"]
    done = subprocess.run(line, capture_output=True, text=True, env=ENV, cwd=where, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_a_pipe_gets_a_line_a_phase_and_no_control_characters(piped):
    out, err = piped
    assert not re.search(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f]", out + err)
    phases = [line.split(" · ")[0] for line in err.splitlines()]
    assert phases[:4] == [PHASES[phase] for phase in ("reading", "sizing", "timing", "baseline")]
    assert "trying something new" in phases and "final check on the test split" in phases
    assert len(phases) < 15


def test_quiet_is_quiet(tmp_path):
    line = [sys.executable, "-m", "nasmyth", "design", "iris", "--spend", "1 trials", "--quiet"]
    done = subprocess.run(line, capture_output=True, text=True, env=ENV, cwd=tmp_path, timeout=120)
    assert done.stderr == "" and done.stdout.count("\n") == 1 and done.stdout.startswith("iris: accuracy")


def test_the_module_is_the_program(tmp_path):
    for module in ("nasmyth", "nasmyth.cli"):
        line = [sys.executable, "-m", module, "--version"]
        done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, env=ENV)
        assert done.returncode == 0 and re.fullmatch(r"nasmyth \d+\.\d+.*\n", done.stdout)
    wrong = subprocess.run(
        [sys.executable, "-m", "nasmyth", "show", "nowhere.db"], capture_output=True, text=True, cwd=tmp_path, env=ENV
    )
    assert wrong.returncode == 1 and "nowhere.db" in wrong.stderr and "Traceback" not in wrong.stderr
