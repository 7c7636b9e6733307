"""Trainings are watched from around them: a few times a second, in this thread, and at no one's expense."""

from __future__ import annotations

import threading

import pytest

from nasmyth import Recipe, chain, ops
from nasmyth.progress import Step, watch, watching
from nasmyth.progress.watch import INTERVAL
from nasmyth.train import AdamW


def tell(times: int = 1) -> int:
    """What the training loop does at every step; how often it told."""
    told = 0
    for i in range(times):
        if (watcher := watch()) is not None and watcher.due():
            watcher.tell(Step(i, times, 0.5))
            told += 1
    return told


def test_nobody_watches_unless_they_say_so():
    assert watch() is None and tell() == 0


def test_steps_are_told_at_once_and_then_rarely():
    seen: list[Step] = []
    with watching(seen.append):
        assert tell(10_000) == len(seen) <= 1 + 2 / INTERVAL
        assert seen[0] == Step(0, 10_000, 0.5)
    assert watch() is None


def test_other_threads_are_not_watched():
    told = []
    with watching(lambda step: None):
        thread = threading.Thread(target=lambda: told.append(tell()))
        thread.start()
        thread.join()
    assert told == [0]


def test_what_a_watcher_raises_is_no_failure_of_a_candidate():
    """It passes by whatever records failures, and arrives where the watching began as it was."""

    def broken(step: Step) -> None:
        raise ValueError("cannot draw")

    recorded = []
    with pytest.raises(ValueError, match="cannot draw"), watching(broken):
        try:
            tell()
        except Exception as error:
            recorded.append(error)
    assert recorded == []


def test_a_training_tells_its_steps_and_comes_to_the_same_weights(blobs):
    import torch

    from nasmyth import Graph, build, fit

    graph = Graph.of(chain(hidden=ops.Linear(8), act=ops.Activation("relu"), head=ops.Linear(3)), input=(4,))
    seen: list[Step] = []
    networks = []
    for watched in (False, True):
        network = build(graph, 0, blobs.inputs, blobs.outputs)
        with watching(seen.append if watched else lambda step: None):
            fit(network, blobs, Recipe(optimizer=AdamW(lr=1e-2), batch=16, epochs=4))
        networks.append(network)
    assert seen and all(0 < step.epoch <= 4 and step.epochs == 4 and step.loss > 0 for step in seen)
    for ours, theirs in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(ours, theirs)


@pytest.fixture
def blobs():
    from sklearn.datasets import make_blobs

    from nasmyth import read

    x, y = make_blobs(120, n_features=4, random_state=0)
    return read((x, y), kind="classification")
