"""The tree of errors is as drawn, and optional dependencies say how to get them."""

import re
import sys

import pytest

from nasmyth import errors
from nasmyth.errors import BudgetError, CandidateError, CheckError, MissingExtraError, NasmythError, nearest, require

KINDS = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]
CLASSES = [c for c in KINDS if not issubclass(c, Warning)]


def test_the_tree_at_the_top_of_the_file_is_the_tree():
    drawn = re.findall(r"^    (.*?)(\w+)  +\S", errors.__doc__, re.MULTILINE)
    parents = {"NasmythError": None}
    levels = ["NasmythError"]
    for indent, name in drawn:
        level = len(indent) // 4
        levels[level:] = [name]
        parents[name] = levels[level - 1]
    bases = {c.__name__: [b.__name__ for b in c.__bases__ if issubclass(b, NasmythError)] for c in CLASSES}
    assert parents == {name: found[0] if found else None for name, found in bases.items()}


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_each_says_what_it_means(error):
    assert issubclass(error, NasmythError)
    assert error.__doc__
    assert str(error("what happened")) == "what happened"


def test_reasons_of_candidates_tell_them_apart():
    reasons = {c.reason for c in CLASSES if issubclass(c, CandidateError)}
    assert {"diverged", "memory", "time", "crashed"} <= reasons


def test_figures_travel_with_the_error():
    error = BudgetError("no", binding="params<=3", smallest=7.0, feasible="params<=7")
    assert (error.binding, error.smallest, error.feasible) == ("params<=3", 7.0, "params<=7")
    assert CheckError("no", measured={"params": 3.0}).measured == {"params": 3.0}
    assert CheckError("no").measured == {}


def test_nearest_names():
    assert nearest("parms", ["params", "macs"]) == "; did you mean 'params'?"
    assert nearest("xyz", ["params", "macs"]) == ""


def test_require_gives_the_module():
    assert require("json", extra="data") is sys.modules["json"]


def test_require_says_which_extra():
    with pytest.raises(MissingExtraError, match=r"pip install 'nasmyth\[data\]'"):
        require("no_such_module_at_all.inner", extra="data")


def test_require_does_not_hide_a_broken_dependency(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import no_such_module_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError) as caught:
        require("half_there", extra="data")
    assert not isinstance(caught.value, MissingExtraError)
