"""The best so far, against time and candidates; pauses are no time."""

from __future__ import annotations

import itertools

from report_studies import network

from nasmyth.report.curves import curves, improvements, progress
from nasmyth.space import Space, choice
from nasmyth.study import Journal, summary
from nasmyth.study.events import Event


def told(*results):
    """A journal of (seconds in which nothing was done, seconds of the evaluation, trial, accuracy)."""
    journal, now = Journal(), 1_000_000.0
    journal.append(Event(time=now, kind="study", data={"objectives": [["accuracy", "max"]]}))
    for idle, took, number, accuracy in results:
        now += idle
        journal.append(Event(time=now, kind="ask", trial=number, data={"key": str(number), "genome": {"a": number}}))
        now += took
        journal.append(
            Event(time=now, kind="tell", trial=number, data={"measures": {"accuracy": accuracy}, "seconds": took})
        )
    return summary(journal)


def test_the_timeline_is_in_seconds_of_work():
    day = 86_400.0
    found = told((0.0, 5.0, 1, 0.5), (0.0, 30.0, 2, 0.7), (day, 20.0, 3, 0.9), (0.0, 7200.0, 4, 0.95))
    times = [seconds for seconds, *_ in found["timeline"]]
    assert times[:2] == [5.0, 35.0]
    assert times[2] == 35.0 + 60.0 + 20.0, "a day in which nobody worked counts for a minute"
    assert times[3] == times[2] + 7200.0 == found["spend"]["worked"]


def test_a_long_training_is_work():
    journal = Journal()
    journal.append([Event(time=0.0 + 1e6, kind="study", data={"objectives": [["accuracy", "max"]]}),
                    Event(time=1e6, kind="ask", trial=1, data={"key": "k", "genome": {}}),
                    Event(time=1e6 + 7200, kind="measured", trial=1,
                        data={"stage": "final", "measures": {"accuracy": 0.9}, "seconds": 7199.5}),
                    Event(time=1e6 + 7201, kind="tell", trial=1, data={"measures": {}, "seconds": 7199.9})])  # fmt: skip
    found = summary(journal)
    assert [round(seconds) for seconds, *_ in found["timeline"]] == [7200] and found["spend"]["worked"] == 7201


def test_improvements_only_improve():
    found = told(*((0.0, 1.0, i, value) for i, value in enumerate([0.5, 0.4, 0.7, 0.7, 0.6, 0.9], 1)))
    steps = improvements(found)
    assert [value for *_, value in steps] == [0.5, 0.7, 0.9] and [count for _, count, _ in steps] == [1, 3, 6]
    assert all(a[0] < b[0] for a, b in itertools.pairwise(steps))
    down = improvements({**found, "objectives": [["accuracy", "min"]]})
    assert [value for *_, value in down] == [0.5, 0.4]


def test_what_is_over_budget_is_no_progress():
    found = told((0.0, 1.0, 1, 0.5), (0.0, 1.0, 2, 0.9), (0.0, 1.0, 3, 0.6))
    found["trials"][1]["feasible"] = False
    assert [value for *_, value in improvements(found)] == [0.5, 0.6]


def test_the_plots_are_there_as_soon_as_there_is_something_to_see(summary):
    plots, legend = progress(summary)
    assert [title for title, _ in plots] == ["By time", "By candidates"] and len(legend) == 2
    assert progress(told((0.0, 1.0, 1, 0.5), (0.0, 1.0, 2, 0.6))) == ([], [])
    assert progress({**summary, "timeline": None}) == ([], [])


def test_legends_stand_below_the_plots(summary):
    drawn = [plot for _, plot, _ in curves(summary)] + [plot for _, plot in progress(summary)[0]]
    assert len(drawn) == 4
    for plot in drawn:
        assert not any(name in plot.partition(">")[2] for name in ("training loss<", "best so far<", "handed over"))


def test_a_trial_that_is_open_counts_when_it_closes(tmp_path):
    from nasmyth.study import Study

    with Study(None, Space(network(choice(4, 8), 1, 3), (1, 8, 8)), "accuracy") as study:
        (trial,) = study.ask(1)
        study.record(trial, "short", {"accuracy": 0.8}, seconds=0.5)
        assert improvements(study.summary()) == []
        study.tell(trial, {})
        assert [value for *_, value in improvements(study.summary())] == [0.8]
