"""A few hundred malformed inputs of every kind keep the rules; `benchmarks/fuzz.py` tries them by the ten thousand."""

import os

import fuzz_harness
import fuzz_targets
import pytest

CASES = 400


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The folder of the good documents, where processes find it."""
    folder = tmp_path_factory.mktemp("good")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(fuzz_targets.GOOD, str(folder))
        here = os.path.dirname(__file__)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])))
        fuzz_targets.make(folder)
        yield folder


def test_malformed_input_is_taken_or_refused_in_words(good):
    (cases,) = fuzz_harness.spread(fuzz_targets.SHARES, CASES, workers=1)
    tally = fuzz_harness.Tally()
    for one in fuzz_harness.outcomes(cases):
        tally.add(one)
    assert not tally.broken, "\n".join(map(str, tally.broken[:20]))
    assert sum(tally.counts.values()) == len(cases)


def test_every_target_is_named(good):
    assert set(fuzz_targets.prepared()) == set(fuzz_targets.NAMES)


def test_what_breaks_a_rule_is_noticed(good):
    expected = {
        "takes": "taken", "refuses": "refused", "says nothing": "other exception", "raises": "other exception",
        "takes memory": "memory", "does not end": "hang", "kills": "crash", "runs a program": "escape",
        "writes outside": "escape",
    }  # fmt: skip
    limits = fuzz_harness.Limits(seconds=2.0, memory=2**29)
    found = fuzz_harness.outcomes([(target, 0) for target in expected], "bad_targets", limits)
    assert {one.target: one.what for one in found} == expected
