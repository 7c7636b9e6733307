"""A long training is gone on with inside a candidate, from its last checkpoint in the journal's store."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from study_toys import Anywhere, ToySpace
from training_toys import one_thread, three_classes

import nasmyth
from nasmyth import Space, chain, choice, ops
from nasmyth.errors import Crashed
from nasmyth.progress import Step, checkpoint, keeper, watching
from nasmyth.search import Random
from nasmyth.search.strategy import Proposal, Stage
from nasmyth.study import Processes, Study, Trial
from nasmyth.train import SGD, Recipe

RECIPE = Recipe(optimizer=SGD(lr=0.05), epochs=12, batch=16)
SPACE = Space(chain(ops.Linear(choice(6, 8)), ops.Activation(), ops.Linear(3)), (5,))


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr("nasmyth.train.limits.CHECKPOINTING", 1.0)
    monkeypatch.setattr(sys.modules["nasmyth.progress.watch"], "INTERVAL", 0.0)
    with one_thread():
        yield


@pytest.fixture(scope="module")
def task() -> Any:
    return three_classes(400)


def story(study: Any) -> Any:
    return [(t.genome, t.measures, {k: v for k, v in t.stages["final"].items() if k == "epochs"}) for t in study.trials]


def test_an_interrupted_training_goes_on_and_ends_like_one_that_was_not(task: Any, tmp_path: Path) -> None:
    def stop(step: Step) -> None:
        if step.epoch > 6:
            raise KeyboardInterrupt

    with Study(tmp_path / "a.db", SPACE, strategy=Random(), task=task) as study:
        with watching(stop):
            assert study.run(task, trials=1, recipe=RECIPE).reason == "interrupted"
        (trial,) = study.trials
        assert not trial.closed and trial.artefacts.keys() == {"checkpoint"}
    begun: list[float] = []
    with Study(tmp_path / "a.db", SPACE, strategy=Random(), task=task) as study:
        with watching(lambda step: begun.append(step.epoch)):
            study.run(task, trials=1, recipe=RECIPE)
        assert begun[0] > 1, "it does not begin anew"
        parts = story(study)
        (trial,) = study.trials
        with pytest.raises(nasmyth.StudyError, match="no artefact"):
            study.get(trial.artefacts["checkpoint"])  # it is closed: nobody needs that any more
    with Study(tmp_path / "b.db", SPACE, strategy=Random(), task=task) as study:
        study.run(task, trials=1, recipe=RECIPE)
        assert story(study) == parts


class Pauses(Anywhere):
    """A third of a training, then the rest of it."""

    def tell(self, state: Any, trial: Any) -> Any:
        return trial.number if trial.stage.name == "third" else None

    def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Proposal]:
        genome = {key: hole.first() for key, hole in space.holes.items()}
        return [Proposal(genome, parent=state) if state else Proposal(genome, Stage("third", 1 / 3, keep=True))]


def test_a_stage_goes_on_where_its_parent_paused(task: Any) -> None:
    """To the bit, as if it had never been left: the rate of both is that of the whole training."""
    with Study(None, SPACE, strategy=Pauses(), task=task) as study:
        study.run(task, trials=2, recipe=RECIPE)
        third, rest = study.trials
        assert (third.stages["third"]["epochs"], rest.stages["final"]["epochs"]) == (4, 12)
        curve = rest.stages["final"]["curve"]
        assert [entry["loss"] for entry in curve[:4]] == [entry["loss"] for entry in third.stages["third"]["curve"]]
    with Study(None, SPACE, strategy=Anywhere(), task=task) as study:
        whole = study.add(third.genome)
        study.release([whole])
        study.run(task, trials=1, recipe=RECIPE)
        (whole,) = study.trials
        assert whole.measures == rest.measures


def hands_over(trial: Trial) -> float:
    """Says what it was started from, and hands over two checkpoints before it may end."""
    keep = keeper()
    assert keep is not None
    for i in (1, 2):
        keep(f"{trial.number}: {i} after {trial.start}".encode())
    if trial.start is None:
        raise Crashed("as if its machine had gone")
    return 1.0


def test_a_process_hands_its_checkpoints_over(tmp_path: Path) -> None:
    with Study(tmp_path / "a.db", ToySpace(), strategy=Anywhere(), maximize="accuracy") as study, Processes(1) as pool:
        future = pool.submit(hands_over, study.ask(1)[0])
        kept: list[bytes] = []
        future.keep = kept.append  # type: ignore[attr-defined]
        assert isinstance(future.exception(), Crashed)
        assert kept in ([b"1: 1 after None", b"1: 2 after None"], [b"1: 2 after None"])


def test_the_last_checkpoint_is_the_only_one(tmp_path: Path) -> None:
    with Study(tmp_path / "a.db", ToySpace(), strategy=Anywhere(), maximize="accuracy") as study:
        (trial,) = study.ask(1)
        study.release([trial])

        def evaluate(trial: Trial) -> float:
            keep = keeper()
            assert keep is not None and trial.start is None
            keep(b"one"), keep(b"two"), keep(b"two")
            kept = study.trials[0].artefacts["checkpoint"]
            assert study.get(kept) == b"two"
            return 0.5

        study.run(evaluate, trials=1)
        assert study.trials[0].finished
        with pytest.raises(nasmyth.StudyError, match="no artefact"):
            study.get(study.trials[0].artefacts["checkpoint"])
