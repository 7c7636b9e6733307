"""Numbers as people write them: what is read, what stays text, and that a column decides as a whole."""

from __future__ import annotations

import pytest

from nasmyth.forms.numerals import NOTATIONS, notation_of, numeral


@pytest.mark.parametrize(
    ("text", "notation", "number"),
    [
        ("12.5", "", 12.5), ("-1e5", "", -1e5), ("1,234", "", None), ("1,234", ".", 1234),
        ("1,234,567.89", ".", 1234567.89),
        ("$1,234", ".", 1234), ("-$5", ".", -5), ("$-5", ".", -5), ("5 €", ".", 5), ("USD 1,000", ".", 1000),
        ("(1,234.5)", ".", -1234.5),
        ("1.234,56", ",", 1234.56), ("1.234", ",", 1234), ("0,5", ",", 0.5), ("1 234,5", ",", 1234.5),
        ("1\u00a0234,5 €", ",", 1234.5),
        ("1'234.50", ".", 1234.5), ("12.3%", ".%", 0.123), ("-4 %", ".%", -0.04), ("12,3%", ",%", 0.123),
        ("\u22125", ".", -5),
        ("12", ".%", None), ("1,23", ".", None), ("1,2345", ".", None), ("12,34,567", ".", None), ("0,123", ".", None),
        ("1.2.3", ",", None),
        ("", ".", None), ("$", ".", None), ("abc", ".", None), ("²", ".", None), ("1 2", ".", None), ("%", ".%", None),
        ("1e5", ".", None),
    ],
)  # fmt: skip
def test_what_a_text_is(text, notation, number):
    assert numeral(text, notation) == (None if number is None else pytest.approx(number))


@pytest.mark.parametrize(
    ("texts", "notation"),
    [
        (["1.234", "5"], ""), (["1.5", "?", ""], ""), (["1,234", "5"], "."), (["1,234", "0,5"], ","),
        (["1.234", "7,5"], ","),
        (["$5", "1.234"], "."), (["12%", "3.5%"], ".%"), (["12%", "3"], None), (["1,234.5", "1.234,5"], None),
        (["red", "5"], None),
        (["?", ""], None), ([], None), (["1,5%", "2%"], ",%"), (["1,234", "n/a"], "."),
    ],
)  # fmt: skip
def test_a_column_decides_as_a_whole(texts, notation):
    assert notation_of(texts) == notation and (notation is None or notation in NOTATIONS)
