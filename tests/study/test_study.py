"""Laws of a study: asking, telling, resuming, refusing, ending."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from study_toys import Anywhere, Climb, Fixed, ToyGraph, ToySpace, score, story

from nasmyth.errors import Diverged, OutOfMemory, StudyError
from nasmyth.search import Proposal
from nasmyth.study import Journal, Study
from nasmyth.study.trial import Limit

Kept = Callable[[str], "str | None"]


def study(where: Any = None, **options: Any) -> Study:
    return Study(where, **{"space": ToySpace(), "strategy": Climb(), **options})


def test_run_finds_something_good(kept: Kept) -> None:
    with study(kept("a")) as one:
        run = one.run(score, trials=60)
        assert (run.reason, run.closed, run.failed) == ("trials", 60, 0)
        assert one.best is not None and one.best.objectives[0] > -30
        assert one.best.objectives[0] == max(trial.objectives[0] for trial in one.trials)
        assert one.best.graph == one.space.decode(one.best.genome)
        assert [trial.number for trial in one.trials] == list(range(1, 61))


@pytest.mark.parametrize("stops", [[1], [7, 8, 30], list(range(1, 40))])
def test_stopped_and_resumed_equals_uninterrupted(stops: list[int], tmp_path: Path) -> None:
    with study(None, seed=3) as whole:
        whole.run(score, trials=40)
        for trials in [*stops, 40]:
            with study(tmp_path / "a.db", seed=3) as part:
                part.run(score, trials=trials)
        with study(tmp_path / "a.db", seed=3) as again:
            assert story(again.journal) == story(whole.journal)
            assert again.state == whole.state, "the state is a fold over the log"
            assert again.run(score, trials=40).closed == 0


def test_another_seed_is_another_search() -> None:
    with study(seed=1) as a, study(seed=2) as b:
        a.run(score, trials=10)
        b.run(score, trials=10)
        assert [t.genome for t in a.trials] != [t.genome for t in b.trials]


def test_no_candidate_is_paid_for_twice() -> None:
    paid: list[Any] = []
    with Study(None, ToySpace(holes=2, options=6, fold=2), strategy=Anywhere()) as one:
        run = one.run(lambda graph: paid.append(graph.key) or 0.0, trials=1000)
        assert run.reason == "exhausted"
        assert len(paid) == len(set(paid)) == 9, "six options fold to three: nine networks, each tried once"
        assert one.run(score, trials=1000).reason == "exhausted"


def test_a_strategy_that_repeats_itself_ends_and_does_not_spin() -> None:
    small = {"h0": 1, "h1": 1}
    with Study(None, ToySpace(2, 3), strategy=Fixed(small)) as one:
        assert one.run(score, trials=100).closed == 9
        assert {t.origin for t in one.trials} == {"fixed", "enumeration"}
    with Study(None, ToySpace(9, 50), strategy=Fixed(dict.fromkeys([f"h{i}" for i in range(9)], 1))) as one:
        assert one.run(score, trials=5).closed == 5, "a large space is sampled"
        assert {t.origin for t in one.trials} == {"fixed", "random"}


def test_a_genome_that_does_not_decode_is_recorded_and_the_search_goes_on() -> None:
    class Odd(Anywhere):
        def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Any]:
            return [Proposal({"h0": 1}), *super().ask(state, space, rng, n, pending)]

    with study(strategy=Odd()) as one:
        one.run(score, trials=5)
        failed = [t for t in one.trials if t.error]
        assert len(failed) == 1 and failed[0].error is not None and failed[0].error.reason == "invalid"
        assert sum(t.finished for t in one.trials) >= 4


def test_asks_at_once_are_distinct_and_held(kept: Kept) -> None:
    with study(kept("a")) as one:
        first, second = one.ask(4), one.ask(3)
        assert [t.number for t in first + second] == [1, 2, 3, 4, 5, 6, 7]
        assert len({t.key for t in first + second}) == 7
        assert one.ask(5, limit=9)[-1].number == 9 and one.ask(1, limit=9) == []


def test_telling(kept: Kept) -> None:
    with study(kept("a"), maximize=["accuracy"], minimize=["loss"], under=[Limit("size", "<=", 10.0)]) as one:
        a, b, c, d, e = one.ask(5)
        assert one.tell(a, accuracy=0.5, loss=0.25, size=8).objectives == (0.5, -0.25)
        assert one.tell(b, accuracy=0.9, loss=0.1, size=12).violation == pytest.approx(0.2)
        assert one.tell(c, accuracy=math.nan, loss=0.1, size=8).feasible is False
        assert one.tell(d.number, accuracy=0.4, loss=0.5, size=8).feasible is True
        assert one.tell(e, accuracy=0.9, loss=0.1).violation == math.inf, "what was not measured is not met"
        assert one.best is not None and one.best.number == a.number
        assert [t.number for t in one.front] == [a.number]


def test_telling_wrongly_is_refused_and_leaves_the_trial_open() -> None:
    with study() as one:
        (trial,) = one.ask()
        with pytest.raises(StudyError, match="objective 'accuracy' was not told"):
            one.tell(trial, loss=0.1)
        with pytest.raises(StudyError, match="a measure is a number"):
            one.tell(trial, accuracy="good")  # type: ignore[arg-type]
        one.tell(trial, accuracy=0.1)
        with pytest.raises(StudyError, match="closed already"):
            one.tell(trial, accuracy=0.1)
        with pytest.raises(StudyError, match="no trial 9"):
            one.tell(9, accuracy=0.1)
        assert sum(e.kind == "tell" for e in one.journal.read()) == 1


def test_failures_say_why() -> None:
    errors = [
        Diverged("loss is nan"),
        OutOfMemory("3 GB"),
        MemoryError(),
        RuntimeError("CUDA out of memory"),
        KeyError("x"),
    ]
    with study() as one:
        told = [one.fail(trial, error) for trial, error in zip(one.ask(5), errors, strict=True)]
        assert [t.error.reason for t in told if t.error] == ["diverged", "memory", "memory", "memory", "crashed"]
        assert all(t.objectives == () and not t.feasible for t in told)
        assert one.best is None and one.front == []
        one.run(score, trials=15)
        assert one.best is not None


def test_stages_are_recorded_once_and_the_latest_value_counts(kept: Kept) -> None:
    with study(kept("a")) as one:
        (trial,) = one.ask()
        one.record(trial, "short", {"accuracy": 0.2}, seconds=1.5, curve=[{"epoch": 1}])
        one.record(trial, "short", {"accuracy": 0.3}, seconds=1.5, step=2)
        with pytest.raises(StudyError, match="recorded already"):
            one.record(trial, "short", {"accuracy": 0.4})
        done = one.tell(trial, seconds=4.0)
        assert done.measures == {"accuracy": 0.3} and done.objectives == (0.3,), "a stage may have told the objective"
        assert list(done.stages) == ["short", "short@2"] and done.stages["short"]["curve"] == [{"epoch": 1}]
        assert done.seconds == 4.0
        assert one.record(trial, "check", {"latency": 0.25}).measures == {"accuracy": 0.3, "latency": 0.25}


def test_candidates_of_your_own(kept: Kept) -> None:
    with study(kept("a")) as one:
        baseline = one.add(graph=ToyGraph("mine", (7, 7)), origin="baseline")
        assert one.add(graph=ToyGraph("mine", (7, 7)), origin="baseline").number == baseline.number == 1
        one.tell(baseline, accuracy=1.0)
        assert one.add(graph=ToyGraph("mine", (7, 7)), origin="baseline").closed
        given = one.add({"h0": 1, "h1": 2, "h2": 3})
        assert given.key == "1-2-3" and given.origin == "given"
        one.run(score, trials=20)
        assert "1-2-3" not in [t.key for t in one.trials if t.origin == "climb"]
        with pytest.raises(StudyError, match="not a genome"):
            one.add({"h0": 1})


def test_artefacts_belong_to_trials(kept: Kept) -> None:
    with study(kept("a")) as one:
        (trial,) = one.ask()
        key = one.put(trial, "weights", b"12345")
        one.put(trial, "weights", b"12345")
        one.put(None, "picture", b"1")
        assert one.trials[0].artefacts == {"weights": key} and one.get(key) == b"12345"
        assert sum(e.kind == "artefact" for e in one.journal.read()) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"space": ToySpace(4)}, "space: it has space toy-3-10"),
        ({"seed": 1}, "seed: it has 0, this asks for 1"),
        ({"maximize": "f1"}, "objectives: it has max accuracy, this asks for max f1"),
        ({"under": [Limit("size", "<=", 5.0)]}, "under: it has no constraints, this asks for size<=5.0"),
        ({"strategy": Anywhere()}, "strategy"),
        ({"task": {"name": "iris", "fingerprint": "b"}}, "task: it has digits (a), this asks for iris (b)"),
        ({"seed": 2, "maximize": "f1"}, "objectives: .*; seed: "),
    ],
)
def test_another_study_in_the_same_place_is_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    kept = {"task": {"name": "digits", "fingerprint": "a"}}
    study(tmp_path / "a.db", **kept).close()
    study(tmp_path / "a.db", **kept, command="another line", spend={"seconds": 99}).close()
    with pytest.raises(StudyError, match=said.replace("(", r"\(").replace(")", r"\)")):
        study(tmp_path / "a.db", **{**kept, **change})
    with Journal(tmp_path / "a.db") as journal:
        assert len(journal.read()) == 1


def test_what_is_asked_for_wrongly_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="named twice"):
        study(tmp_path / "a.db", maximize=["a", "a"])
    assert list(tmp_path.iterdir()) == []


def test_what_the_graph_tells_need_not_be_told() -> None:
    from nasmyth.measure.measure import Measure

    total = Measure("total", lambda graph: float(sum(graph.numbers)), unit="")
    space = ToySpace()
    space.narrow = lambda *limits: space  # type: ignore[attr-defined]
    with study(space=space, minimize=total, maximize="accuracy", under=[total <= 20]) as one:
        trial = one.tell(one.ask()[0], accuracy=0.5)
        assert trial.measures["total"] == sum(trial.graph.numbers)
        assert trial.objectives == (0.5, -trial.measures["total"])


def test_reading_needs_nothing_but_the_file(tmp_path: Path) -> None:
    with study(tmp_path / "flowers.db") as one:
        one.run(score, trials=10)
        one.note("phase", name="search", seconds=2.5)
        with Study.open(tmp_path / "flowers.db") as other:
            assert other.best == one.best and other.trials == one.trials and other.notes == one.notes
            one.run(score, trials=12)
            assert len(other.trials) == 12, "it follows a study that goes on"
            with pytest.raises(StudyError, match="reading only"):
                other.note("x")
    with pytest.raises(StudyError, match=r"no such study; did you mean 'flowers.db'"):
        Study.open(tmp_path / "flower.db")
    assert [p.name for p in tmp_path.iterdir()] == ["flowers.db"]


def test_interrupting_keeps_results_and_gives_back(tmp_path: Path) -> None:
    def evaluate(trial: Any) -> float:
        if trial.number == 5:
            raise KeyboardInterrupt
        return score(trial.graph)

    with study(tmp_path / "a.db") as one, study(None) as whole:
        run = one.run(evaluate, trials=20)
        assert run.reason == "interrupted" and run.closed == 4
        assert one.journal.claims() == []
        one.run(score, trials=20)
        whole.run(score, trials=20)
        assert story(one.journal) == story(whole.journal)


def test_time_ends_a_run() -> None:
    with study() as one:
        assert one.run(score, seconds=0).reason == "time" and one.trials == []
        with pytest.raises(StudyError, match="how long"):
            one.run(score)


def test_an_evaluation_that_never_works_is_said_to_be_wrong() -> None:
    def evaluate(graph: Any) -> float:
        return graph.no_such_thing  # type: ignore[no-any-return]

    with study() as one:
        with pytest.raises(StudyError, match=r"20 candidates in a row crashed.*no_such_thing.*test_study.py"):
            one.run(evaluate, trials=1000)
        assert len(one.trials) == 20
    with study() as one, pytest.raises(StudyError, match=r"returned None; return {'accuracy': ...} or a number"):
        one.run(lambda graph: None, trials=1000)


def test_an_own_trial_that_is_open_does_not_hold_up_a_run() -> None:
    with study() as one:
        one.ask(2)
        assert one.run(score, trials=10).closed == 8


def test_workers_that_share_a_study_share_the_work(kept: Kept) -> None:
    where = kept("a")
    if where is None:
        return
    paid: list[Any] = []

    def work() -> None:
        with study(where) as one:
            one.run(lambda graph: paid.append(graph.key) or score(graph), trials=40)

    crew = [threading.Thread(target=work) for _ in range(4)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join(60)
    with Study.open(where) as one:
        assert len(one.trials) == 40 and all(t.finished for t in one.trials)
        assert len({t.key for t in one.trials}) == 40 == len(paid) == len(set(paid))
        assert sum(e.kind == "tell" for e in one.journal.read()) == 40
