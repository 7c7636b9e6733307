"""What a field may hold by its annotation: for every class that is registered, and in what words it is refused."""

from typing import Any, Literal

import pytest

import nasmyth.blocks
import nasmyth.ops
from nasmyth.errors import FieldError, NasmythError, SpaceError
from nasmyth.graph import chain, op
from nasmyth.graph.op import blocks, ops
from nasmyth.kinds import MOST, admits, said, shown
from nasmyth.record import Value, from_json, to_json
from nasmyth.space import choice
from nasmyth.testing import examples
from nasmyth.train.optimizers import SGD

HOLE = choice(1, 2)


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        (int, (0, -3, MOST, HOLE), (True, 1.0, "1", None, (), MOST + 1, nasmyth.ops.Linear(3))),
        (float, (0, 1.5, HOLE), (True, "1", None, (1.0,))),
        (bool, (True, HOLE), (0, 1, "True", None)),
        (str, ("", "x", HOLE), (1, None, ("x",))),
        (int | None, (1, None, HOLE), ("1", 1.5)),
        (tuple[int, ...], ((), (1, 2), (HOLE, 1), HOLE), (1, ("1",), ((1,),), "12")),
        (list[str], ((), ("a",)), ("a", (1,))),
        (tuple[tuple[int, ...], str], (((1, 2), "x"),), (((1,), "x", 1), ((1,),), ("x", (1,)))),
        (Literal["a", 1], ("a", 1, HOLE), ("b", True, 1.0)),
        (Value, (HOLE, nasmyth.ops.Linear(3)), (1, "x", None, (HOLE,))),
    ],
    ids=str,
)
def test_what_a_kind_admits(kind, good, bad):
    assert all(map(admits(kind), good)) and not any(map(admits(kind), bad))
    assert said(kind) and "<" not in said(kind)


@pytest.mark.parametrize("kind", [Any, object, "nothing that is there", int | Any, type, dict[str, int]])
def test_what_says_nothing_admits_everything(kind):
    assert admits(kind) is None


def test_whatever_is_shown_is_short_and_no_error():
    class Rude:
        def __repr__(self):
            raise ValueError("no")

    deep: Any = 1
    for _ in range(10**5):
        deep = [deep]
    for value in (Rude(), 10**5000, deep, "x" * 10**6):
        assert len(shown(value)) <= 80
    while isinstance(deep, list):  # taken apart from outside, since deleting it goes deep as well
        deep = deep[0]


def wrong(value):
    """What a field that holds this can not hold instead."""
    return "3\n        import os  #" if not isinstance(value, str) else 7


def test_another_type_is_refused_by_every_op_and_block():
    """Each field of each example that is a number, a text or a tuple of whole numbers, with a text or number in its
    place."""
    tried = 0
    for registry in (ops, blocks):
        for listed in examples(registry).values():
            for value, *_ in listed:
                data = to_json(value)
                for field in data.keys() - {"$"}:
                    written = value._written[field][0]
                    if written not in ("int", "float", "bool", "str", "tuple[int, ...]", "int | None", "float | None"):
                        continue
                    tried += 1
                    with pytest.raises(NasmythError, match=f"{field} must be"):
                        from_json({**data, field: wrong(data[field])})
    assert tried > 150


def test_the_refusal_names_the_field_and_what_it_takes():
    with pytest.raises(FieldError, match=r"Conv\(out='x'\): out must be a whole number"):
        nasmyth.ops.Conv("x")
    with pytest.raises(FieldError, match=r"lr must be a number"):
        SGD(lr="fast")
    with pytest.raises(FieldError, match=r"shape must be a tuple of whole numbers"):
        nasmyth.ops.Reshape((1, "2"))
    assert issubclass(FieldError, SpaceError) and issubclass(FieldError, TypeError)


def test_a_decided_hole_is_held_to_it_as_well():
    from nasmyth.space import Space

    space = Space.from_json(
        {
            "template": {"$": "Chain", "items": [{"$": "Linear", "out": {"$": "Choice", "options": ["3\n#", 4]}}]},
            "input": [3],
        }
    )
    assert space.decode({"[0].out": 4}).output == (4,)
    with pytest.raises(FieldError, match="out must be a whole number"):
        space.decode({"[0].out": "3\n#"})


def test_users_own_ops_are_held_to_theirs():
    from torch import nn

    @op("b d -> b d")
    class Held(nn.Module):
        def __init__(self, d: int, times: int = None, scale: "float" = 1) -> None:  # noqa: RUF013  as people write it
            super().__init__()

    assert Held() is Held(None, 1) and Held(3, 0.5).times == 3
    for bad in ({"times": "3"}, {"times": 1.5}, {"scale": None}):
        with pytest.raises(FieldError, match=f"{next(iter(bad))} must be a"):
            Held(**bad)


def test_code_that_computes_with_fields_fails_in_words():
    from torch import nn

    @op("b d", infer=lambda op, *shapes: (shapes[0][0] // op.parts,))
    class Parted(nn.Module):
        def __init__(self, parts: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(nn.Linear(-parts, parts).weight)

    from nasmyth.graph import Graph
    from nasmyth.network import build

    with pytest.raises(FieldError, match="output .* cannot be told: ZeroDivisionError"):
        Graph.of(chain(Parted(0)), (4,))
    with pytest.raises(FieldError, match="cannot be built for"):
        build(Graph.of(chain(Parted(2)), (4,)))
