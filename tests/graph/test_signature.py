"""The shape signature: what it reads, what it solves, what it infers, and how it complains."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasmyth.errors import ShapeError, SignatureError
from nasmyth.graph.signature import parse

lengths = st.integers(1, 40)


def infer(text, shapes, **known):
    signature = parse(text)
    return signature.result({**known, **signature.solve(shapes, known, "it")}, "it")


KNOWN = [
    ("b c h w -> b out h/stride w/stride", [(3, 9, 8)], {"out": 5, "stride": 2}, (5, 5, 4)),
    ("b l d=(heads k) -> b l d", [(7, 12)], {"heads": 3}, (7, 12)),
    ("b l (heads k) -> b l k", [(7, 12)], {"heads": 3}, (7, 4)),
    ("b c (h p) (w p) -> b (h w) d", [(3, 8, 12)], {"p": 4, "d": 9}, (6, 9)),
    ("b ..., * -> b ...", [(2, 3), (2, 3), (2, 3)], {}, (2, 3)),
    ("b ... d -> b ... out", [(2, 3, 4)], {"out": 7}, (2, 3, 7)),
    ("b c ... -> b ...", [(2,)], {}, ()),
    ("b c h w -> b c", [(4, 2, 2)], {}, (4,)),
    ("b c h w, b c -> b c h w", [(4, 2, 2), (4,)], {}, (4, 2, 2)),
    ("b 3 h w -> b h*w+1 3", [(3, 2, 5)], {}, (11, 3)),
    ("b n -> b 2*n-1", [(5,)], {}, (9,)),
    ("b (p h) p -> b h", [(12, 4)], {}, (3,)),  # what stands alone may come later
    ("b (4 n) -> b n", [(12,)], {}, (3,)),
]


@pytest.mark.parametrize("text, shapes, known, wanted", KNOWN, ids=[k[0] for k in KNOWN])
def test_known_cases(text, shapes, known, wanted):
    assert infer(text, tuple(shapes), **known) == wanted


@given(lengths, lengths, lengths, st.integers(1, 9))
def test_division_is_ceiling(c, h, w, stride):
    assert infer("b c h w -> b c h/stride w/stride", ((c, h, w),), stride=stride) == (
        c,
        -(-h // stride),
        -(-w // stride),
    )


@given(lengths, lengths, lengths)
def test_a_product_is_split_and_joined(a, b, p):
    assert infer("b (a p) c -> b a (p c)", ((a * p, b),), p=p) == (a, p * b)


@given(st.lists(lengths, max_size=5), st.integers(1, 4))
def test_dots_stand_for_any_axes(shape, n):
    assert infer("b ..., * -> b ...", (tuple(shape),) * n) == tuple(shape)
    assert infer("b c ... d -> b d ... c", ((7, *shape, 9),)) == (9, *shape, 7)


def test_names_standing_alone_are_read():
    assert parse("b c=(g n) h w, b k -> b out h/s").read == {"c", "h", "w", "k"}
    assert parse("b (h p) 3 ... -> b h").read == frozenset()


@pytest.mark.parametrize(
    "text, said",
    [
        ("c h w -> c", "starts with the batch axis b"), ("b c ->", "every side starts"),
        ("b c -> b ...", "stands on the right"),
        ("b ... ... -> b", "only once"), ("b (h (w p)) -> b h", "brackets"), ("b c! -> b c", "'c!'"),
        ("b c -> b c%2", "'c%2'"),
        ("b c/2 -> b c", "'c/2'"), ("b c -> b -> c", "cannot read"), ("", "starts with"), ("b (c -> b c", "cannot read"),
    ],
)  # fmt: skip
def test_unreadable_signatures_point_at_the_token(text, said):
    with pytest.raises(SignatureError, match=re.escape(said)) as caught:
        parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text, shapes, known, axis, fix",
    [
        ("b c (h p) w -> b c", [(3, 224, 9)], {"p": 15}, "axis (h p) has length 224, not a multiple of 15",
            "try p=14 or p=16"),
        ("b l d=(heads k) -> b l d", [(5, 10)], {"heads": 20}, "axis d=(heads k)", "try heads=10"),
        ("b (2 c) -> b c", [(5,)], {}, "axis (2 c) has length 5", "not a multiple of 2"),
        ("b (2 k) -> b k", [(5,)], {"k": 3}, "axis (2 k) must have length 6, got 5", "make what comes before give 6"),
        ("b 3 h -> b h", [(4, 2)], {}, "axis 3 must have length 3, got 4", "make what comes before give 3"),
        ("b c, b c -> b c", [(3,), (4,)], {}, "axis c is 3 in one place and 4 in another", "make them equal"),
        ("b ..., * -> b ...", [(3, 2), (4, 2)], {}, "the axes ... are (3, 2) in one place and (4, 2)", "make them equal"),
        ("b c c -> b c", [(3, 4)], {}, "axis c is 3", "make them equal"),
        ("b c h w -> b c", [(3,)], {}, "takes the axes (c h w)", "reshape or pool"),
        ("b c ... d -> b c", [(3,)], {}, "takes the axes (c ... d)", "reshape or pool"),
        ("b c, b d -> b c", [(3,)], {}, "takes 2 inputs (b c, b d -> b c), got 1", "parallel"),
        ("b c -> b c", [(3,), (3,)], {}, "takes 1 input (b c -> b c), got 2", "parallel"),
        ("b c, * -> b c", [], {}, "takes 1 or more input", "parallel"),
        ("b h -> b h-5", [(3,)], {}, "axis h-5 would have length -2", "at least 1"),
        ("b h -> b h/s", [(3,)], {"s": 0}, "s must be at least 1, got 0", "at least 1"),
        ("b h -> b out", [(3,)], {"out": 2.5}, "out must be a whole number to be an axis, got 2.5", "whole"),
        ("b h -> b out", [(3,)], {"out": True}, "out must be a whole number", "whole"),
        ("b h -> b out", [(3,)], {}, "out must be a whole number", "whole"),
    ],
)  # fmt: skip
def test_shape_errors_name_axis_and_fix(text, shapes, known, axis, fix):
    with pytest.raises(ShapeError) as caught:
        infer(text, tuple(shapes), **known)
    message = str(caught.value)
    assert message.startswith("it: ") and axis in message and fix in message


def test_two_unknown_factors_cannot_be_solved():
    with pytest.raises(SignatureError, match="two unknown factors: h and p"):
        infer("b (h p) -> b h", ((6,),))
