"""Stages and parents: one candidate may be several pieces of work, and work may start from what other work left."""

from __future__ import annotations

import math
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from study_toys import Anywhere, ToySpace

from nasmyth.errors import StudyError
from nasmyth.search.strategy import FULL, Pending, Proposal, Stage
from nasmyth.study import Journal, Outcome, Study, Trial
from nasmyth.study.events import event

SPACE = ToySpace(2, 6)
LITTLE = Stage("little", 0.25, keep=True)


class Halving:
    """Tries four a little, then the best of them in full, from its weights; then the next four."""

    def init(self, space: Any) -> Any:
        return ()

    def tell(self, state: Any, trial: Any) -> Any:
        return (*state, (trial.number, trial.genome, trial.stage, trial.objectives, trial.parent))

    def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        little = [one for one in state if one[2].name == "little"]
        promoted = {one[4] for one in state} | {one.parent for one in pending}
        for i in range(0, len(little) - len(little) % 4, 4):
            best = max(little[i : i + 4], key=lambda one: one[3])
            if best[0] not in promoted:
                return [Proposal(best[1], FULL, best[0], "promoted")]
        open_ = sum(one.stage.name == "little" for one in pending)
        if (len(little) + open_) % 4 == 0 and open_:
            return []  # wait for these four
        return [Proposal(space.sample(rng), LITTLE) for _ in range(min(n, 4 - (len(little) + open_) % 4))]


def evaluate(trial: Trial) -> Outcome:
    """Keeps what it was started from, so that it can be seen."""
    left = f"{trial.number}" if trial.start is None else f"{trial.start.decode()}>{trial.number}"
    value = sum(trial.graph.numbers) + trial.stage.share
    kept = {"state": left.encode()}
    return Outcome({"accuracy": value}, trial.stage.name, artefacts=kept, keep=trial.stage.keep)


def test_a_promoted_candidate_is_another_trial_that_starts_from_its_weights(tmp_path: Path) -> None:
    with Study(tmp_path / "a.db", SPACE, strategy=Halving(), maximize="accuracy") as study:
        study.run(evaluate, trials=11)
        trials = study.trials
        full = [trial for trial in trials if trial.full]
        assert [trial.number for trial in full] == [5, 10]
        for trial in full:
            assert trial.parent is not None
            parent = trials[trial.parent - 1]
            assert trial.genome == parent.genome and trial.key == parent.key and parent.stage == LITTLE
            if trial.artefacts:  # the second is kept if it is better than the first
                assert study.get(trial.artefacts["state"]) == f"{parent.number}>{trial.number}".encode()
        assert full[0].artefacts and all(trial.artefacts for trial in trials if trial.stage.keep), (
            "what is to be started from is kept"
        )
        assert study.best in full and study.best.objectives == max(trial.objectives for trial in full)
        shown = [(t.number, t.stage, t.parent) for t in study.trials]
    with Study.open(tmp_path / "a.db") as again:
        assert [(t.number, t.stage, t.parent) for t in again.trials] == shown


@pytest.mark.parametrize("stops", [(1, 2, 3), (4, 5, 6), (9, 10)])
def test_killed_between_stages_it_ends_like_one_that_was_not(stops: Sequence[int], tmp_path: Path) -> None:
    def story(path: Path, stops: Sequence[int]) -> list[Any]:
        for stop in (*stops, 12):
            with Study(path, SPACE, strategy=Halving(), maximize="accuracy", seed=2) as study:
                study.run(evaluate, trials=stop)
        with Study.open(path) as study:
            return [(t.number, t.genome, t.stage, t.parent, t.measures, t.artefacts) for t in study.trials]

    assert story(tmp_path / "a.db", stops) == story(tmp_path / "b.db", ())


def test_a_strategy_that_waits_is_waited_for() -> None:
    with Study(None, SPACE, strategy=Halving(), maximize="accuracy") as study:
        first = study.ask(3)
        assert len(first) == 3 and len(study.ask(3)) == 1 and study.ask(2) == []
        for trial in study.trials:
            study.tell(trial, accuracy=1.0)
        (next_one,) = study.ask(1)
        assert next_one.full and next_one.parent == 1


def test_nothing_is_tried_twice_at_one_stage() -> None:
    with Study(None, SPACE, strategy=Anywhere(), maximize="accuracy") as study:
        genome = SPACE.sample(0)
        one, two = study.add(genome, stage=LITTLE), study.add(genome)
        assert one.number != two.number and one.key == two.key
        assert study.add(genome, stage=LITTLE).number == one.number


def test_a_parent_that_is_not_there_is_the_proposals_fault() -> None:
    class Orphans(Anywhere):
        def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Proposal]:
            return [Proposal(space.sample(rng), parent=99), *super().ask(state, space, rng, n - 1, pending)]

    with Study(None, SPACE, strategy=Orphans(), maximize="accuracy") as study:
        study.run(lambda graph: 1.0, trials=4)
        invalid = [trial for trial in study.trials if trial.error]
        assert invalid and all("its parent, trial 99, is not there" in t.error.message for t in invalid if t.error)


def test_the_strategy_sees_what_is_pending() -> None:
    seen: list[list[int]] = []

    class Watching(Anywhere):
        def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Proposal]:
            seen.append([one.number for one in pending])
            return super().ask(state, space, rng, n, pending)

    with Study(None, SPACE, strategy=Watching(), maximize="accuracy") as study:
        study.ask(2)
        study.tell(1, accuracy=0.5)
        study.ask(1)
    assert seen[0] == [] and seen[-1] == [2]


def test_the_furthest_stage_of_a_candidate_speaks_for_it() -> None:
    with Study(None, SPACE, strategy=Anywhere(), maximize="accuracy") as study:
        a, b = SPACE.sample(0), SPACE.sample(1)
        for genome, stage, value in ((a, LITTLE, 0.9), (b, LITTLE, 0.8), (a, FULL, 0.7)):
            study.tell(study.add(genome, stage=stage), accuracy=value, params=1.0)
        assert study.best is not None and study.best.number == 3
        assert [trial.number for trial in study.front] == [2]
        study.fail(study.add(b), "crashed")
        assert [trial.number for trial in study.front] == [3], "what failed in full does not stand by a short training"


# --- studies of format 1, in which one trial went through all stages -----------------------------------------------


def old_study(path: Path) -> None:
    with Journal(path) as journal:
        head = {
            "format": 1,
            "nasmyth": "0.1.0",
            "objectives": [["accuracy", "max"]],
            "under": [],
            "seed": 0,
            "space_key": "x",
        }
        figures = [("short", 0.7), ("long", 0.8), ("final", 0.9)]
        events = [event("study", **head)]
        for number, reached in ((1, 3), (2, 1), (3, 2)):
            events.append(event("ask", number, genome={"h0": number}, key=f"k{number}", origin="evolution"))
            for stage, value in figures[:reached]:
                told = {"accuracy": value + number / 100}
                events.append(event("measured", number, stage=stage, measures=told, seconds=1.0))
                if stage == "short":
                    events.append(event("tell", number, measures={}, seconds=1.0))
        journal.append(events)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
    connection.close()


def test_an_old_study_is_read_as_it_was(tmp_path: Path) -> None:
    old_study(tmp_path / "old.db")
    with Study.open(tmp_path / "old.db") as study:
        assert [trial.stage.name for trial in study.trials] == ["final", "short", "long"]
        assert study.best is not None and study.best.number == 1 and math.isclose(study.best.measures["accuracy"], 0.91)
        assert len(study.summary()["trials"]) == 3


def test_an_old_study_is_not_gone_on_with(tmp_path: Path) -> None:
    old_study(tmp_path / "old.db")
    with pytest.raises(StudyError, match=r"format 1\), which goes on with it; this one \(format 2\) shows it"):
        Study(tmp_path / "old.db", SPACE, strategy=Anywhere())


@pytest.mark.parametrize("act", [lambda s: s.ask(), lambda s: s.tell(1, accuracy=1.0), lambda s: s.run(len, trials=1)])
def test_what_is_open_for_reading_says_so(act: Callable[[Any], Any], tmp_path: Path) -> None:
    Study(tmp_path / "a.db", SPACE, strategy=Anywhere()).close()
    with (
        Study.open(tmp_path / "a.db") as reader,
        pytest.raises(StudyError, match="opened for reading only; open it with"),
    ):
        act(reader)


def test_the_funnel_of_stages_says_who_was_tried_further() -> None:
    with Study(None, SPACE, strategy=Halving(), maximize="accuracy") as study:
        study.run(evaluate, trials=10)
        little, full = study.summary()["funnel"]
        assert (little["stage"], little["entered"], little["passed"]) == ("little", 8, 2)
        assert (full["stage"], full["entered"], full["passed"]) == ("final", 2, 2)
