"""Names are found, suggested, kept unique, and offered by other packages."""

from importlib.metadata import EntryPoint

import pytest

from nasmyth import registry as module
from nasmyth.errors import DuplicateNameError, UnknownNameError
from nasmyth.measure import Measure
from nasmyth.registry import Registry


def toy(registry=None):
    made = Registry("widgets") if registry is None else registry
    for item in (One, Two):
        made.add(item.__name__.lower(), item)
    return made


class One: ...


class Two: ...


def test_finds_what_was_added():
    widgets = toy()
    assert widgets.get("one") is One and "one" in widgets and "three" not in widgets
    assert widgets.names() == ["one", "two"] and list(widgets) == [("one", One), ("two", Two)] and len(widgets) == 2


def test_unknown_names_suggest():
    with pytest.raises(UnknownNameError, match=r"unknown widget 'twoo'; did you mean 'two'\? \(`nasmyth list widgets`"):
        toy().get("twoo")
    with pytest.raises(UnknownNameError, match=r"unknown widget 'zzzzzz' \("):
        toy().get("zzzzzz")


def test_a_taken_name_is_refused():
    with pytest.raises(DuplicateNameError, match="'one' is taken by .*One"):
        toy().add("one", Two)


def test_the_same_definition_may_come_again():
    def define():
        class Again: ...

        return Again

    widgets, (a, b) = toy(), (define(), define())
    widgets.add("again", a)
    assert widgets.add("again", b) is b and widgets.get("again") is b


def test_measures_of_one_name_are_told_apart():
    """They are all of one class; what they measure is what counts."""
    registry = Registry("measures")
    registry.add("depth", Measure("depth", lambda graph: 1.0, unit=""))

    def depth(graph):
        return 2.0

    with pytest.raises(DuplicateNameError, match="the name 'depth' is taken by"):
        registry.add("depth", Measure("depth", depth, unit=""))
    with pytest.raises(DuplicateNameError, match="the name 'depth' is taken by"):
        registry.add("depth", depth)


def offer(monkeypatch, *points):
    made = [EntryPoint(name, value, "nasmyth.widgets") for name, value in points]
    monkeypatch.setattr(module, "entry_points", lambda group: [p for p in made if p.group == group])


def test_other_packages_offer_theirs(monkeypatch):
    offer(monkeypatch, ("counter", "collections:Counter"))
    widgets = toy()
    assert "counter" in widgets
    assert widgets.get("counter").__name__ == "Counter" and widgets.names() == ["counter", "one", "two"]


def test_a_broken_package_is_left_out_and_said_when_it_is_asked_for(monkeypatch):
    offer(
        monkeypatch,
        ("broken", "no_such_module_at_all:x"),
        ("one", "collections:Counter"),
        ("fine", "collections:Counter"),
    )
    widgets = toy()
    assert widgets.names() == ["broken", "fine", "one", "two"] and widgets.get("one") is One
    assert [name for name, _ in widgets] == ["fine", "one", "two"]
    for _ in range(2):
        with pytest.raises(
            UnknownNameError, match=r"widget 'broken' \(no_such_module_at_all:x\) cannot be used: ModuleN"
        ):
            widgets.get("broken")


@pytest.mark.parametrize(
    ("kind", "one"), [("strategies", "strategy"), ("ops", "op"), ("data", "data"), ("spaces", "space")]
)
def test_one_of_a_kind_is_called_by_its_name(kind, one):
    with pytest.raises(UnknownNameError, match=f"unknown {one} 'x'"):
        Registry(kind).get("x")


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("auc", "auroc"),
        ("ROC-AUC", "auroc"),
        ("sensitivity", "recall:LABEL"),
        ("logloss", "log_loss"),
        ("kappa", "f1"),
        ("FLOPs", "macs"),
        ("mse", "rmse"),
        ("top-1", "accuracy"),
    ],
)
def test_measures_go_by_other_names_elsewhere(name, there):
    from nasmyth.measure import find

    with pytest.raises(UnknownNameError, match=f"unknown measure {name!r}; .*'{there}'"):
        find(name)


def test_what_is_said_for_a_name_exists():
    import re

    from nasmyth.measure import find
    from nasmyth.measure.usual import USUAL

    for name, said in USUAL.items():
        assert name not in find.__globals__["measures"], f"{name} is a measure"
        for there in re.findall(r"'([\w@:.]+)'", said):
            assert find(there).name
