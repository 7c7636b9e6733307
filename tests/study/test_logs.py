"""What happens is logged under "nasmyth", for those who ask for it, and otherwise nowhere."""

from __future__ import annotations

import logging
import subprocess
import sys

from nasmyth import Recipe, Space, Study, chain, choice, ops, read

SPACE = Space(chain(stem=ops.Conv(choice(2, 4, 6, 8)), pool=ops.Mean("h w"), head=ops.Linear(10)), (1, 8, 8))


def evaluate(graph):
    if graph.nodes[1].op.out == 4:
        raise ValueError("fours are not taken")
    return {"score": 1.0}


def test_results_and_failures_are_info_and_proposals_debug(caplog):
    with caplog.at_level(logging.DEBUG, logger="nasmyth"), Study(None, SPACE, maximize="score") as study:
        study.run(evaluate, trials=4)
    said = [(one.levelno, one.getMessage()) for one in caplog.records if one.name.startswith("nasmyth.study")]
    info = [message for level, message in said if level == logging.INFO]
    assert sum("told in" in message and "score 1" in message for message in info) == 3
    assert sum("failed: crashed: ValueError: fours are not taken" in message for message in info) == 1
    assert sum("proposed" in message for level, message in said if level == logging.DEBUG) == 4
    assert info[-1].endswith("1 failed (ended: trials)")


def test_an_interruption_is_logged(caplog):
    def interrupted(graph):
        raise KeyboardInterrupt

    with caplog.at_level(logging.INFO, logger="nasmyth"), Study(None, SPACE, maximize="score") as study:
        study.run(interrupted, trials=4)
    assert "interrupted" in caplog.records[-1].getMessage()


def test_trainings_log_their_epochs(caplog):
    task = read("digits", limit=100)
    with caplog.at_level(logging.DEBUG, logger="nasmyth"), Study(None, SPACE, maximize="accuracy", task=task) as study:
        study.run(task, trials=1, recipe=Recipe(epochs=2))
    epochs = [one.getMessage() for one in caplog.records if one.name == "nasmyth.train.trainer"]
    assert len(epochs) == 2 and all("loss" in message for message in epochs)
    assert any("at 'trained'" in one.getMessage() or "trial 1 at" in one.getMessage() for one in caplog.records)


def test_nothing_is_printed_unless_asked_for():
    program = (
        "import logging, nasmyth, sys\n"
        "sys.path.insert(0, 'tests/study')\n"
        "from nasmyth import Space, Study, chain, choice, ops\n"
        "assert any(isinstance(h, logging.NullHandler) for h in logging.getLogger('nasmyth').handlers)\n"
        "def broken(graph): raise ValueError('never')\n"
        "space = Space(chain(ops.Conv(choice(2, 4, 6))), (1, 8, 8))\n"
        "Study(None, space, maximize='score').run(broken, trials=2)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
