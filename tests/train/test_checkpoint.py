"""Checkpoints within a training: what they hold, how often they are taken, what they cost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import resuming
from toys import convnet, same, weights

from nasmyth.errors import UnitError
from nasmyth.train import EMA, Recipe, TrainingState, fit, limits
from nasmyth.train.limits import CHECKPOINTING, Due

RECIPE = Recipe(batch=64, epochs=2, average=EMA(0.9))


def test_every_checkpoint_leads_to_the_same_end(digits):
    seen = []
    net = convnet(dropout=0.1)
    expected = fit(net, digits, RECIPE, checkpoint=seen.append, every=0, device="cpu")
    undisturbed = convnet(dropout=0.1)
    fit(undisturbed, digits, RECIPE, device="cpu")
    assert same(weights(net), weights(undisturbed)), "they change nothing"
    assert len(seen) >= 2 and [s.progress.steps for s in seen] == sorted(s.progress.steps for s in seen)
    for state in (seen[0], seen[len(seen) // 2], seen[-1]):
        gone_on = fit(TrainingState.from_bytes(state.to_bytes(), convnet(dropout=0.1)), digits, device="cpu")
        assert same(weights(gone_on.network), weights(net)) and gone_on.scores == expected.scores


def test_they_come_as_often_as_asked(digits, monkeypatch):
    now, at = [0.0], []

    def tick(layer, *_):
        now[0] += 1.0 if layer.training else 0.0

    monkeypatch.setattr(limits, "clock", lambda: now[0])
    net = convnet(4)
    net[-1].register_forward_hook(tick)
    fit(net, digits, RECIPE, checkpoint=lambda state: at.append(now[0]), every="5s", device="cpu")
    assert at == [5.0, 10.0, 15.0, 20.0, 25.0, 30.0]


def test_they_never_take_more_than_a_few_per_cent(monkeypatch):
    now, spent = [0.0], 0.0
    monkeypatch.setattr(limits, "clock", lambda: now[0])
    due = Due("1s")
    while now[0] < 10_000:
        now[0] += 0.5
        if due.now():
            now[0] += 2.0
            spent += 2.0
            due.took(2.0)
    assert 0.9 * CHECKPOINTING < spent / now[0] <= CHECKPOINTING


@pytest.mark.parametrize("every", ["5 apples", "fast"])
def test_every_is_a_duration(digits, every):
    with pytest.raises(UnitError):
        fit(convnet(4), digits, RECIPE, checkpoint=print, every=every, device="cpu")


KILLED = """
import os, signal, sys
import torch
torch.set_num_threads(1)
import resuming
from pathlib import Path
from nasmyth.train import fit

case, path = resuming.CASES["sgd"], Path(sys.argv[1])

asked = 0

def stop():
    global asked
    asked += 1
    if asked > 40:
        os.kill(os.getpid(), signal.SIGKILL)

def keep(state):
    path.write_bytes(state.to_bytes())

fit(case.network(), resuming.task(), case.recipe, seed=3, checkpoint=keep, every="1ms", stop=stop, device="cpu")
"""


def test_a_training_that_was_killed_goes_on(tmp_path):
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    line = [sys.executable, "-c", KILLED, str(tmp_path / "state")]
    assert subprocess.run(line, env={**os.environ, "PYTHONPATH": path}).returncode == -signal.SIGKILL
    case, net = resuming.CASES["sgd"], resuming.graph_network()
    fit(net, resuming.task(), case.recipe, seed=3, device="cpu")
    state = TrainingState.from_bytes((tmp_path / "state").read_bytes())
    gone_on = fit(state, resuming.task(), device="cpu")
    assert 1 <= state.progress.steps <= 41
    assert same(weights(gone_on.network), weights(net))
