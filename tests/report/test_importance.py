"""Shares of variance are those of functions whose shares are known; where nothing is known, nothing is said."""

from __future__ import annotations

import random

import pytest

from nasmyth.report import importance as module
from nasmyth.report.importance import ABSENT, comparable, encoded, importance, sentence


def study(result, count=160, seed=0, **options):
    """A summary of trials whose decisions are drawn evenly, and whose result is a function of them."""
    rng = random.Random(seed)
    trials = []
    for _ in range(count):
        genome = {name: rng.choice(choices) for name, choices in options.items()}
        trials.append({"genome": genome, "measures": {"accuracy": result(genome, rng)}, "stages": {}, "error": None})
    return {"trials": trials, "objectives": [["accuracy", "max"]]}


OPTIONS = {"width": [1, 2, 3, 4], "kind": ["x", "y"], "idle": [0, 1, 2], "still": [7]}


def test_shares_of_a_sum_are_those_of_its_parts():
    """width has variance 1.25 and kind 4 * 0.25: 0.556 and 0.444 of the whole."""
    found = importance(study(lambda g, rng: g["width"] + 2 * (g["kind"] == "y") + rng.gauss(0, 0.05), **OPTIONS))
    shares = {name: share for name, share, _, _ in found.rows}
    assert shares["width"] == pytest.approx(0.556, abs=0.08) and shares["kind"] == pytest.approx(0.444, abs=0.08)
    assert shares["idle"] < 0.02 and "still" not in shares and found.explained > 0.9
    assert [row[0] for row in found.rows] == ["width", "kind", "idle"]
    assert found.rows[0][2:] == ("4", "1") and found.rows[1][2:] == ("y", "x")
    assert sentence(found).startswith("Decisions that mattered: width 5")


def test_what_decisions_do_together_is_nobodys_share():
    found = importance(study(lambda g, rng: float((g["width"] > 2) == (g["kind"] == "y")), **OPTIONS))
    assert found.explained > 0.5 and sum(share for _, share, _, _ in found.rows) < 0.35


def test_fewer_is_better_where_less_is_better():
    summary = study(lambda g, rng: g["width"] + rng.gauss(0, 0.1), **OPTIONS)
    assert importance({**summary, "objectives": [["accuracy", "min"]]}).rows[0][2:] == ("1", "4")


@pytest.mark.parametrize("seed", range(4))
def test_noise_has_no_reasons(seed):
    assert importance(study(lambda g, rng: rng.random(), seed=seed, **OPTIONS)) is None


def test_few_trials_tell_nothing():
    assert importance(study(lambda g, rng: float(g["width"]), count=module.FEWEST - 1, **OPTIONS)) is None
    assert importance(study(lambda g, rng: float(g["width"]), count=3 * module.FEWEST, **OPTIONS)) is not None
    assert importance({"trials": [], "objectives": [["accuracy", "max"]]}) is None
    assert importance(study(lambda g, rng: 0.5, **OPTIONS)) is None


def test_it_is_the_same_each_time():
    summary = study(lambda g, rng: g["width"] + rng.gauss(0, 1), **OPTIONS)
    assert importance(summary) == importance(summary)


def test_one_that_is_far_out_does_not_hide_the_others():
    summary = study(lambda g, rng: g["width"] + rng.gauss(0, 0.1), **OPTIONS)
    summary["trials"][3]["measures"]["accuracy"] = -1e12
    assert importance(summary).rows[0][0] == "width"


def test_trials_are_compared_by_the_training_that_most_had():
    long = {"short": {"measures": {"accuracy": 0.5}}, "final": {"measures": {"accuracy": 0.9}}}
    short = {"short": {"measures": {"accuracy": 0.6}}}
    trials = [{"genome": {"a": i}, "measures": {"accuracy": 1.0}, "stages": s, "error": None}
              for i, s in enumerate([long, short, short])]  # fmt: skip
    stage, pairs = comparable({"trials": trials, "objectives": [["accuracy", "max"]]})
    assert stage == "short" and [result for _, result in pairs] == [0.5, 0.6, 0.6]


def test_decisions_that_are_absent_many_or_all_different():
    genomes = [
        {"a": i, "b": i % 2, "text": f"t{i}", "tree": [i % 2, 3]} | ({"c": 5} if i % 2 else {}) for i in range(40)
    ]
    names, codes, values = encoded(genomes)
    assert names == ["a", "b", "tree", "c"] and codes.shape == (40, 4)
    assert len(values[0]) <= module.BINS and values[0][0] == "0 to 2"
    assert values[3] == ["5", ABSENT] and codes[0, 3] == 1 and codes[1, 3] == 0
