"""The report in the terminal, and the facts that both reports are made of."""

from __future__ import annotations

import pytest

from nasmyth import report
from nasmyth.report import facts
from nasmyth.report.svg import axis, round_ticks, share_axis, tag
from nasmyth.report.verdict import verdict as verdict_of


def test_text_says_everything_without_colour(summary):
    told = report.text(summary)
    for part in ("digits: accuracy 0.9861 on test", "Pareto front: accuracy, params", "best", "baseline", "The search beat",
                 "Funnel", "Where the time went", "Failed: ", "Again: nasmyth design digits"):  # fmt: skip
        assert part in told
    assert "\x1b" not in told


def test_what_a_stranger_wrote_is_printed_and_not_obeyed(summary):
    bad = "[/red]\x1b]0;title\x07[bold]\x9b31m"
    spend = {**summary["spend"], "phases": {bad: 3.0}}
    hostile = {**summary, "spend": spend, "command": bad, "task": {**summary["task"], "name": bad, "notes": [bad]}}
    for told in (report.text(hostile), report.text([hostile, summary])):
        assert "[/red]" in told and "[bold]" in told
        assert not any(mark in told for mark in "\x1b\x07\x9b")


def test_the_winner_and_the_baseline_are_in_the_table(summary):
    numbers = [one["number"] for one in facts.shortlist(summary, 5)]
    assert facts.winner(summary)["number"] in numbers
    assert summary["baseline"]["number"] in numbers


def test_a_baseline_that_won_stands_in_the_table_once(summary):
    other = next(one for one in facts.front(summary) if one["number"] != summary["baseline"]["number"])
    won = {**summary, "best": summary["baseline"], "front": [other]}
    assert [one["number"] for one in facts.shortlist(won, 5)] == [summary["baseline"]["number"], other["number"]]


@pytest.mark.parametrize(
    ("ours", "theirs", "interval", "said"),
    [
        (0.98, 0.97, None, "The search beat"),
        (0.97, 0.98, None, "The search did not beat"),
        (0.97, 0.97, None, "The search equalled"),
        (0.98, 0.97, {"value": 0.01, "low": -0.005, "high": 0.02}, "so it may be chance"),
        (0.98, 0.97, {"value": 0.01, "low": 0.005, "high": 0.02}, "95 % interval +0.50 to +2.00"),
    ],
)
def test_the_verdict_follows_the_figures(summary, ours, theirs, interval, said):
    result = {
        "trial": summary["best"]["number"],
        "test": {"accuracy": ours},
        "baseline": {"test": {"accuracy": theirs}},
    }
    verdict = verdict_of({**summary, "result": {**result, "difference": interval}})
    assert said in verdict
    assert ("chance" in verdict) == (interval is not None and interval["low"] < 0)


def test_a_smaller_error_is_better(summary):
    trial = {**summary["best"], "measures": {"rmse": 0.4}}
    other = {**summary["baseline"], "measures": {"rmse": 0.5}}
    study = {
        **summary,
        "objectives": [["rmse", "min"]],
        "best": trial,
        "trials": [trial, other],
        "baseline": other,
        "result": None,
    }
    assert "The search beat" in verdict_of(study)
    assert "rmse 0.4 against 0.5" in verdict_of(study)


def test_ticks_are_round_and_inside():
    for low, high in [(0, 1), (0.93, 0.991), (-3, 17), (1e3, 5e6), (2.5, 2.6)]:
        ticks = round_ticks(low, high, 6)
        assert 2 <= len(ticks) <= 7
        assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    spread = axis([10, 20_000], "params", "{:g}".format)
    assert spread.log
    assert 0 < spread.place(10) < spread.place(100) < spread.place(20_000) < 1


def test_shares_near_one_are_told_apart():
    shares = share_axis([0.5, 0.9, 0.99, 0.999], "accuracy", "{:g}".format)
    assert shares.place(0.99) - shares.place(0.9) == pytest.approx(shares.place(0.999) - shares.place(0.99))
    assert {0.9, 0.99} <= set(shares.ticks())
    assert 0 < share_axis([0.5, 1.0, 0.99], "accuracy", "{:g}".format).place(0.99) < 1
    assert share_axis([0.97, 0.98], "accuracy", "{:g}".format).top is None


def test_attributes_are_escaped():
    assert tag("g", data_tip='"<&') == '<g data-tip="&quot;&lt;&amp;"/>'
