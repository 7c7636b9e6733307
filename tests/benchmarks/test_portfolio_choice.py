"""How `benchmarks/portfolio.py` chooses what searches start with."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import portfolio

from nasmyth.domains.starts import Entry


def test_the_first_is_good_everywhere_and_the_next_fills_its_gaps():
    errors = {
        "a": {"plain": 1.7, "steady": 1.1, "a's": 1.0, "b's": 2.0, "worse": 1.5},
        "b": {"plain": 1.7, "steady": 1.2, "a's": 3.0, "b's": 1.0, "worse": 1.6},
    }
    assert [name for name, _ in portfolio.chosen(errors)] == ["steady", "b's", "a's", "worse"]
    assert [gain for _, gain in portfolio.chosen(errors)] == pytest.approx([1.32**0.5, 1.1**0.5, 1.0, 1.0])
    assert portfolio.chosen(errors, most=1) == portfolio.chosen(errors)[:1]


def test_what_the_plain_network_does_as_well_comes_later():
    errors = {"a": {"plain": 1.0, "like it": 1.01, "b's": 1.5}, "b": {"plain": 1.4, "like it": 1.39, "b's": 1.0}}
    assert [name for name, _ in portfolio.chosen(errors)] == ["b's", "like it"]


def test_what_gains_nothing_is_there_once_of_each_kind_and_size():
    errors = {
        "a": {"best": 1.0, "best, recipe.batch=1": 1.1, "other": 1.3, "other, 0.4": 1.2, "other, recipe.batch=1": 1.25}
    }
    assert [name for name, _ in portfolio.chosen(errors)] == ["best", "other, 0.4", "other, recipe.batch=1"]


def test_what_is_missing_somewhere_is_far_behind_there():
    errors = {"a": {"fits": 1.3, "rare": 1.0}, "b": {"fits": 1.0}}
    assert [name for name, _ in portfolio.chosen(errors)] == ["fits", "rare"]


def test_trainings_are_real_kept_and_not_done_again(tmp_path):
    problem = portfolio.Problem("digits", "params<=3k", 0.5, limit=120)
    entries = [Entry("plain"), Entry("residual", 0.8, {"recipe.optimizer:0.lr": 1}), Entry("mobile")]
    path = tmp_path / "results.jsonl"
    first = portfolio.Trainings(path, str(tmp_path), "vision", 1, 1.0)
    first.run([problem], entries)
    lines = path.read_text().splitlines()
    assert len(lines) == 3 and all(0 < json.loads(line)["scores"]["accuracy"] <= 1 for line in lines)
    again = portfolio.Trainings(path, str(tmp_path), "vision", 1, 1.0)
    again.run([problem], entries)
    assert path.read_text().splitlines() == lines and again.kinds() == ["few"]
    errors = again.errors("few")
    assert set(errors["digits[:120] params<=3k"]) == {one.name for one in entries}
    assert min(errors["digits[:120] params<=3k"].values()) == 1.0
    assert "portfolio" in portfolio.page("vision", "few", errors, portfolio.chosen(errors))
