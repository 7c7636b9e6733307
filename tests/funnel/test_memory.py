"""Where memory is short, fewer networks are trained at once, and that is said."""

import numpy as np
import pytest

import nasmyth
from nasmyth.errors import NasmythWarning
from nasmyth.funnel import memory
from nasmyth.study import environment


def test_as_many_as_there_is_memory_for(monkeypatch):
    monkeypatch.setattr(memory, "peak", lambda: 2**30)
    for free, held in ((100, 8), (5, 4), (2.5, 2), (0.1, 1)):
        monkeypatch.setattr(memory, "free_memory", lambda free=free: int(free * 2**30))
        if held < 8:
            with pytest.warns(NasmythWarning, match=rf"{held} at once, not 8"):
                assert memory.at_once(8) == held
        else:
            assert memory.at_once(8) == held


def test_what_is_told_of_this_machine_is_possible():
    total = environment.memory()
    assert 0 < environment.free_memory() <= total and 50e6 < memory.peak() < total


def test_a_container_has_what_its_limit_leaves(monkeypatch, tmp_path):
    limit, used = tmp_path / "max", tmp_path / "current"
    limit.write_text("3000000\n")
    used.write_text("1000000\n")
    monkeypatch.setattr(environment, "CONTAINERS", ((str(limit), str(used)),))
    assert environment.free_memory() == 2_000_000 and environment.memory() == 3_000_000
    limit.write_text("max\n")
    assert environment.free_memory() > 3_000_000


def test_a_design_trains_one_after_the_other_then(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 3)).astype("float32")
    monkeypatch.setattr(memory, "free_memory", lambda: 1)
    with pytest.warns(NasmythWarning, match="1 at once, not 2"):
        found = nasmyth.design((x, x[:, 0] > 0), under=["params<=300"], spend="3 trials", on="processes", workers=2)
    assert len({trial.key for trial in found.study.trials}) >= 2
