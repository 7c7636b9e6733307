"""Frozen values: one object for equal fields, JSON and pickle that lead back to it, keys that hold in every process."""

import copy
import math
import pickle
import subprocess
import sys
import threading
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasmyth import ops  # noqa: F401  their classes are known by then
from nasmyth.errors import DuplicateNameError, FieldError, NasmythError, UnknownNameError
from nasmyth.graph import Add, Concat, Identity, stack_cells
from nasmyth.record import Value, below, content_key, dumps, freeze, from_json, is_open, loads, names_former, to_json
from nasmyth.record.classes import class_of
from nasmyth.record.interning import Entry, Interned
from nasmyth.record.json import FORMER
from nasmyth.space import choice


class Pair(Value):
    left: Any
    right: Any = None
    unit: ClassVar[str] = "none"


class Child(Pair):
    extra: Any
    right: Any = 7


class Picky(Value):
    even: int = 0

    def check(self):
        CHECKED.append(self.even)
        if self.even % 2:
            raise ValueError(f"{self.even} is odd")


CHECKED: list[int] = []

plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
plain |= st.floats(allow_nan=False, allow_infinity=False)
fields = st.recursive(plain, lambda inner: st.tuples(inner, inner) | st.builds(Pair, inner, inner), max_leaves=8)


def token(value):
    """What must be alike for two fields to be one: type by type, digit by digit."""
    if isinstance(value, Value):
        return type(value).__name__, tuple(map(token, value._values))
    return tuple(map(token, value)) if isinstance(value, tuple) else (type(value).__name__, repr(value))


@given(fields, fields, fields, fields)
def test_one_object_for_equal_fields_and_only_for_those(a, b, c, d):
    assert (Pair(a, b) is Pair(c, d)) == (token((a, b)) == token((c, d)))
    assert Pair(a, b) is Pair(left=a, right=b) and hash(Pair(a, b)) == hash(Pair(a, b))


@given(fields, fields)
def test_json_and_pickle_and_copies_lead_back(a, b):
    value = Pair(a, b)
    assert loads(dumps(value)) is value and from_json(to_json(value)) is value
    assert pickle.loads(pickle.dumps(value)) is value
    assert copy.copy(value) is value and copy.deepcopy(value) is value
    assert content_key(value) == content_key(loads(dumps(value))) and len(content_key(value)) == 20


@given(fields, fields)
def test_keys_tell_apart(a, b):
    assert (content_key(Pair(a)) == content_key(Pair(b))) == (Pair(a) is Pair(b))


def test_numbers_that_python_calls_equal_are_not_one():
    ones = [Pair(1), Pair(1.0), Pair(True), Pair((1,)), Pair((True,)), Pair("1")]
    assert len(set(ones)) == len({content_key(one) for one in ones}) == len(ones)
    assert [type(one.left) for one in ones[:3]] == [int, float, bool]
    assert Pair(0.0) is not Pair(-0.0) and math.copysign(1, Pair(-0.0).left) == -1
    assert Pair(math.nan) is Pair(float("nan"))


def test_keys_hold_in_another_process():
    program = (
        "from nasmyth.record import content_key; from nasmyth.graph import *; from nasmyth.space import *;"
        "print(content_key(chain(Concat('d'), a=residual(Add()), b=repeat(Identity(), choice(1, 2.5, 'é', name='n')))))"
    )
    from nasmyth.graph import chain, repeat, residual

    here = content_key(chain(Concat("d"), a=residual(Add()), b=repeat(Identity(), choice(1, 2.5, "é", name="n"))))
    told = [subprocess.run([sys.executable, "-X", f"int_max_str_digits={n}", "-c", program], capture_output=True, text=True,
                           env={"PYTHONHASHSEED": str(n - 5000), "PATH": ""}, check=True).stdout.strip()
                           for n in (5000, 5001)]  # fmt: skip
    assert told == [here, here]


def test_is_frozen():
    value = Pair(1, 2)
    with pytest.raises(AttributeError, match=r"use \.replace\(left=...\)"):
        value.left = 3
    with pytest.raises(AttributeError, match="Pair is frozen"):
        del value.left
    assert value.replace(left=3) is Pair(3, 2) and value.replace() is value


def test_fields_defaults_and_inheritance():
    assert Pair.fields == ("left", "right") and Child.fields == ("left", "extra", "right")
    assert Child(1, 2).right == 7 and Pair(1).right is None and Pair.unit == "none"
    assert repr(Child(1, 2)) == "Child(1, 2)" and repr(Child(1, 2, right=3.0)) == "Child(1, 2, right=3.0)"
    assert eval(repr(Child((1, "a"), None, right=False))) is Child((1, "a"), None, right=False)


def test_lists_become_tuples_and_numpy_scalars_numbers():
    numpy = pytest.importorskip("numpy")
    assert Pair([1, [2]]) is Pair((1, (2,)))
    assert (
        Pair(numpy.float64(0.5)) is Pair(0.5)
        and Pair(numpy.int32(3)) is Pair(3)
        and Pair(numpy.bool_(True)) is Pair(True)
    )


@pytest.mark.parametrize(
    "thing, said", [({"a": 1}, "tuple of .name, value. pairs"), ({1, 2}, "cannot be part"), (len, "cannot")]
)
def test_refuses_what_cannot_be_frozen(thing, said):
    with pytest.raises(TypeError, match=said):
        Pair((1, thing))
    with pytest.raises(TypeError, match=said):
        freeze(thing)


def test_wrong_arguments_suggest():
    with pytest.raises(TypeError, match="did you mean 'right'"):
        Pair(1, rigth=2)
    with pytest.raises(TypeError, match="missing a required argument: 'left'"):
        Pair()


@pytest.mark.parametrize("name", ["of", "fields", "check", "replace", "is_open"])
def test_fields_leave_the_names_of_every_value_alone(name):
    """A field of that name would hide what all of Nasmyth calls."""
    with pytest.raises(FieldError, match=f"a field cannot be called '{name}'"):
        type("Hiding", (Value,), {"__module__": "mine", "__annotations__": {name: int}})


def test_what_differs_from_the_defaults():
    assert list(Child(1, 2).differing()) == [("left", 1), ("extra", 2)]
    assert list(Child(1, 2, right=7.0).differing()) == [("left", 1), ("extra", 2), ("right", 7.0)]
    assert dict(zip(Child.fields, Child(1, 2).field_values, strict=True)) == {"left": 1, "extra": 2, "right": 7}


def test_check_runs_once_for_each_value():
    CHECKED.clear()
    kept = [Picky(1000), Picky(1000), Picky(1002)]
    assert CHECKED == [1000, 1002] and len(set(kept)) == 2
    for _ in range(2):
        with pytest.raises(ValueError, match="odd"):
            Picky(3)


def test_threads_get_one_object():
    made, gate = [], threading.Barrier(8)

    def make():
        gate.wait()
        made.append([Pair("thread", i) for i in range(300)])

    threads = [threading.Thread(target=make) for _ in range(8)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert all(a is b for row in made[1:] for a, b in zip(made[0], row, strict=True))


def test_defaults_are_left_out_of_json():
    assert to_json(Child(1, 2)) == {"$": "Child", "left": 1, "extra": 2}
    assert to_json(Child(1, 2, right=7.0)) == {"$": "Child", "left": 1, "extra": 2, "right": 7.0}


@pytest.mark.parametrize(
    "text, error, said",
    [
        ("{", NasmythError, "not JSON"), ('{"$": "Pairr", "left": 1}', UnknownNameError, "did you mean 'Pair'"),
        ('{"left": 1}', NasmythError, r"must name its class"), ('{"$": 3}', NasmythError, "must name its class"),
        ('{"$": "Pair", "middle": 1}', NasmythError, "cannot read a Pair"),
        ('{"$": "Pair"}', NasmythError, "cannot read a Pair"),
    ],
)  # fmt: skip
def test_bad_json_is_refused(text, error, said):
    with pytest.raises(error, match=said):
        loads(text)


@pytest.mark.parametrize("name", sorted(FORMER))
def test_a_class_is_read_by_its_former_name(name):
    now = class_of(FORMER[name])
    assert now is not None and class_of(name) is None
    fields = {"items": [to_json(Pair(1))]} if name == "Relay" else {"kind": "relu"} if name == "Fading" else {}
    assert type(from_json({"$": name, **fields})) is now
    assert names_former([{"$": name}]) and not names_former([{"$": FORMER[name]}])


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_json_has_no_infinities(value):
    with pytest.raises(ValueError, match="cannot be written"):
        to_json(Pair(value))


def test_names_of_nasmyth_are_taken():
    with pytest.raises(DuplicateNameError, match=r"has a Concat already \(nasmyth.graph.joins\)"):
        type("Concat", (Value,), {"__module__": "mine"})
    assert loads(dumps(Concat("d"))) is Concat("d")


def test_open_means_a_hole_at_any_depth():
    assert not is_open(Pair(1, (Add(), Identity()))) and not is_open((1, "a", None))
    assert is_open(Pair(1, (Add(), (Pair(choice(1, 2)),)))) and is_open((1, choice(1, 2))) and is_open(choice(1, 2))


def test_addresses():
    assert below("", "stem") == "stem" and below("stem", "kernel") == "stem.kernel"
    assert below("stages", 1) == "stages[1]" and below("", 0) == "[0]"


def test_what_was_called_otherwise_is_read():
    """Files of earlier versions say `Relay`; nothing writes that any more."""
    items = [{"$": "Add"}, {"$": "Concat", "axis": "d"}]
    read = from_json({"$": "Relay", "items": items})
    assert read is stack_cells(Add(), Concat("d")) and to_json(read) == {"$": "StackedCells", "items": items}
    with pytest.raises(UnknownNameError):
        from_json({"$": "Never was"})


def test_the_first_of_equal_values_is_known_until_nobody_holds_it():
    class Made:
        pass

    known, one, other = Interned(), Made(), Made()
    assert known.first("token", one) is one and known.first("token", other) is one
    del one
    assert "token" not in known and known.first("token", other) is other
    gone = Made()
    known["left"] = entry = Entry(gone)  # as another thread may meet it, before it is told that nobody holds the value
    entry.token = "left"
    del gone
    assert known.first("left", other) is other and known["left"]() is other
