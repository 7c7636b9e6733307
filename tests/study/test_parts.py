"""The small parts: fronts, JSON, limits, who is alive, environment; and what importing them costs."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasmyth.errors import StudyError
from nasmyth.study import claims, codec, environment
from nasmyth.study.trial import Limit, Objective, checked

ROOT = Path(__file__).parents[2]
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
data = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(st.dictionaries(st.text(), data, max_size=4))
@settings(max_examples=100, deadline=None)
def test_json_keeps_everything(value: dict[str, Any]) -> None:
    back = codec.decode(codec.encode(value))
    assert repr(back) == repr(value)  # repr, since a NaN is not equal to itself


def test_json_of_what_numerical_libraries_hold() -> None:
    numpy = pytest.importorskip("numpy")
    value = {
        "a": numpy.float32(0.5),
        "b": numpy.int64(3),
        "c": numpy.float64("nan"),
        "d": numpy.array(2.0),
        "e": (1, 2),
    }
    back = codec.decode(codec.encode(value))
    assert math.isnan(back.pop("c")) and back == {"a": 0.5, "b": 3, "d": 2.0, "e": [1, 2]}
    assert codec.decode(codec.encode({"name": "a\ud800b", "x": None})) == {"name": "a?b", "x": None}
    for bad in (object(), {(1, 2): 3}, numpy.zeros(3)):
        with pytest.raises(StudyError, match="cannot be written"):
            codec.encode({"x": bad})
    with pytest.raises(StudyError, match="damaged"):
        codec.decode('{"x": ')


def test_limits_read_what_constraints_write() -> None:
    from nasmyth.measure.measure import Measure

    for unit, bound in [("", 3e6), ("s", 0.0081), ("B", 200_000), ("1", 0.95), ("", 0.1 + 0.2)]:
        measure = Measure("latency@cpu,batch=8", lambda graph: 0.0, unit=unit)
        for constraint in (measure <= bound, measure >= bound):
            limit = Limit.parse(str(constraint))
            assert (limit.name, limit.relation, limit.bound) == (measure.name, constraint.relation, constraint.bound)
            assert Limit.parse(str(limit)) == limit
            for value in (bound, bound * 1.2, bound * 0.7, math.nan, math.inf, -math.inf):
                assert limit.violation({measure.name: value}) == constraint.violation(value)
            assert limit.violation({}) == math.inf
    with pytest.raises(StudyError, match="cannot read the constraint"):
        Limit.parse("whatever")


def test_objectives_are_oriented() -> None:
    assert Objective("loss", "min").oriented({"loss": 2.0}) == -2.0 and Objective("acc").oriented({"acc": 2.0}) == 2.0
    assert math.isnan(Objective("acc").oriented({}))
    assert checked({"a": True, "b": 2}) == {"a": 1, "b": 2}


def test_who_is_alive() -> None:
    worker = claims.enrol()
    assert claims.Worker.parse(worker) is not None and claims.Worker.parse("somebody else") is None
    assert not claims.dead(worker)
    claims.retire(worker)
    assert claims.dead(worker), "of this process, but closed"
    mine = claims.Worker.parse(worker)
    assert mine is not None
    assert not claims.dead(str(mine._replace(host="another"))), "nobody can tell: its lease decides"
    assert not claims.dead(str(mine._replace(pid=os.getppid(), start=claims.started(os.getppid()) or "")))
    assert claims.dead(str(mine._replace(pid=os.getppid(), start="1"))), "the id was given to another process"
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    assert claims.dead(str(mine._replace(pid=gone.pid)))


def test_environment_says_what_matters() -> None:
    found = environment.environment()
    assert found["python"].startswith("3.") and found["cores"] >= 1 and found["memory"] > 2**28
    assert codec.decode(codec.encode(found)) == found
    assert environment.version("no-such-package") is None


@pytest.mark.parametrize(
    "module", ["nasmyth.study", "nasmyth.study.run", "nasmyth.study.pool", "nasmyth.study.summary"]
)
def test_importing_is_cheap(module: str) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    line = [sys.executable, "-c", script]
    done = subprocess.run(line, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert not {"torch", "sqlalchemy", "numpy", "ray", "psycopg", "pandas"} & set(done.stdout.split())


def test_a_study_in_memory_needs_neither_torch_nor_a_database() -> None:
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from nasmyth.study import Study
from study_toys import ToySpace, Climb, score
with Study(None, ToySpace(), strategy=Climb()) as study:
    study.run(score, trials=5)
    study.summary()
assert not {"torch", "sqlalchemy", "numpy"} & set(sys.modules), sorted(sys.modules)
"""
    line = [sys.executable, "-c", script, str(Path(__file__).parent)]
    subprocess.run(line, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
